package pgstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The defaults and limits of [Options].
const (
	DefaultSchema   = "data_api"
	DefaultMaxConns = 16
	DefaultStale    = 30 * time.Second

	maxConns = 1000
	minStale = 5 * time.Second
	maxStale = 24 * time.Hour
)

// connectTimeout bounds one attempt to connect, unless the connection string says otherwise.
const connectTimeout = 5 * time.Second

// Options tune a store. The zero value holds the defaults.
type Options struct {
	// Schema holds all tables: lower-case letters, digits and underscores. Default data_api.
	Schema string

	// MaxConns is the most connections of this server. Default 16; the least is 2.
	MaxConns int

	// PollOnly relies on nothing that lasts longer than a transaction, as a proxy such as PgBouncer in transaction mode
	// needs it: no prepared statements with names, no LISTEN. What other servers have changed is heard of by asking, twice
	// a second.
	PollOnly bool

	// Stale is how long a server may go on without hearing of what others have revoked: see [store.Shared]. Default 30 s, at
	// least 5 s, at most 24 h.
	Stale time.Duration

	// Version is that of this program, for operators who look at which servers share the store. May be empty.
	Version string

	// Renew returns the connection string as it is now, of which the password is used for each new connection. Nil, or an
	// error: the one that Open was given stays.
	Renew func() (string, error)

	// Logger is told what fails in the background. Nil: slog.Default.
	Logger *slog.Logger

	// callersClock makes the instants that callers hand in the store's time, for tests that make time pass.
	callersClock bool

	// followEvery is how often others' changes are asked for, in tests of signals. 0: as often as it should be.
	followEvery time.Duration

	// moving opens the store although it is not whole: see OpenForMove.
	moving bool

	// node names the store instead of a random text, for tests in which several are one server.
	node string
}

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// Validate reports everything that is wrong with the options; those that are left out are right.
func (o *Options) Validate() error {
	var faults []error
	if o.Schema != "" && (!schemaName.MatchString(o.Schema) || strings.HasPrefix(o.Schema, "pg_")) {
		faults = append(faults, fmt.Errorf("schema is %q: it has lower-case letters, digits and underscores, begins with no digit, "+
			"and not with pg_", o.Schema))
	}
	if o.MaxConns != 0 && (o.MaxConns < 2 || o.MaxConns > maxConns) {
		faults = append(faults, fmt.Errorf("max_conns is %d: it must lie between 2 and %d", o.MaxConns, maxConns))
	}
	if o.Stale != 0 && (o.Stale < minStale || o.Stale > maxStale) {
		faults = append(faults, fmt.Errorf("stale is %s: it must lie between %s and 24h", o.Stale, minStale))
	}
	return errors.Join(faults...)
}

// Store is a schema of a database. It is safe for concurrent use, by any number of processes.
type Store struct {
	options Options
	pool    *pgxpool.Pool
	log     *slog.Logger
	node    string // names this store among those of other processes; random, so that none is ever used again

	statements sync.Map // by what is written in this package: what is sent
	seen       atomic.Pointer[reading]
	opened     uint64          // the oldest transaction that was under way when the store was opened
	background context.Context //nolint:containedctx // an event: the store is closed
	end        context.CancelFunc
	heard      atomic.Pointer[time.Time] // all that others had changed by then is known
	others     atomic.Int64              // how many other servers are alive
	following  atomic.Bool               // somebody follows what others change
	inbox      *inbox
	announced  announcer
	ear        atomic.Pointer[ear] // nil: no signals are heard
	hearing    atomic.Bool         // the last heartbeat was heard by the ear
	beatNow    chan struct{}       // holds a token when a heartbeat is not to wait
	jobTurns   turns
	hostTurns  turns

	partitionedAt atomic.Pointer[time.Time]
	spared        atomic.Pointer[[]partition] // whose chunks need not be removed one by one
}

// Open connects to a database and brings the schema up to date. It waits for other servers that do so. It makes the schema
// when there is none, for which the role needs the right to; with a schema of its own it needs no other. A database that
// only reads, or does not wait for its disk, is refused, and so is a schema that a newer version of this program has
// written. The caller owns the store and must Close it.
func Open(ctx context.Context, dsn string, options Options) (*Store, error) {
	s, err := connect(ctx, dsn, options)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		s.pool.Close()
		return nil, fmt.Errorf("store: %w", err)
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := s.checkServer(ctx, s.pool); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if err := s.checkWhole(ctx); err != nil {
		return err
	}
	s.lookAfterPartitions(ctx, time.Now())
	asked := time.Now()
	s.heard.Store(&asked) // whoever opens a store reads everything after that
	return s.position(ctx)
}

// connect makes a store that has not looked at the database yet.
func connect(ctx context.Context, dsn string, options Options) (*Store, error) {
	if err := options.Validate(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	options.Schema = cmp.Or(options.Schema, DefaultSchema)
	options.MaxConns = cmp.Or(options.MaxConns, DefaultMaxConns)
	options.Stale = cmp.Or(options.Stale, DefaultStale)
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("store: %w", errUnreadable)
	}
	config.MaxConns = int32(options.MaxConns)
	config.ConnConfig.ConnectTimeout = cmp.Or(config.ConnConfig.ConnectTimeout, connectTimeout)
	if options.PollOnly {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	} else {
		config.AfterConnect = keepAlive
	}
	config.ConnConfig.OnNotice = onNotice
	config.BeforeConnect = renewed(options.Renew)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{
		options: options, pool: pool, log: options.Logger, node: cmp.Or(options.node, rand.Text()),
		inbox: newInbox(), beatNow: make(chan struct{}, 1),
	}
	s.background, s.end = context.WithCancel(context.Background())
	s.heard.Store(new(time.Now()))
	return s, nil
}

// keepAlive has the database look after a connection, and end it a minute after its server has vanished without a word: the
// usual two hours would let each server that comes back take further ones, up to the most that the database has. Not every
// system can do that.
func keepAlive(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3")
	if _, refused := errors.AsType[*pgconn.PgError](err); refused {
		return nil
	}
	return err
}

// renewed gives each new connection the password of the connection string as it is then.
func renewed(renew func() (string, error)) func(context.Context, *pgx.ConnConfig) error {
	if renew == nil {
		return nil
	}
	return func(_ context.Context, config *pgx.ConnConfig) error {
		dsn, err := renew()
		if err != nil {
			return nil //nolint:nilerr // the password that was there may be good still; if not, the database says so
		}
		if now, err := pgx.ParseConfig(dsn); err == nil {
			config.Password = now.Password
		}
		return nil
	}
}

// Place names the database and the schema of a store, without the role and its password.
func Place(dsn string, options Options) (string, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "", errUnreadable
	}
	hosts := []string{net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))}
	for _, other := range config.Fallbacks {
		if host := net.JoinHostPort(other.Host, strconv.Itoa(int(other.Port))); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return strings.Join(hosts, ",") + "/" + config.Database + "/" + cmp.Or(options.Schema, DefaultSchema), nil
}

// errUnreadable stands for pgx's words, which may show the password.
var errUnreadable = errors.New("the connection string cannot be read")

// checkServer refuses a database on which no promise of a store can be kept.
func (*Store) checkServer(ctx context.Context, q querier) error {
	var standby, readOnly bool
	var commit string
	err := q.QueryRow(ctx, `SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::bool,
		current_setting('synchronous_commit')`).Scan(&standby, &readOnly, &commit)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case standby || readOnly:
		return errors.New("the database only reads: connect to the primary, for instance with several hosts and target_session_attrs=read-write")
	case commit == "off":
		return errors.New("the database does not wait for its disk (synchronous_commit is off): " +
			"write ALTER ROLE ... SET synchronous_commit = on for the store's role")
	}
	return nil
}

// Close ends the use of the store. What was written is on disk already. It blocks until the reads and writes that run are
// done. What is called afterwards fails with ErrClosed. Calling Close again does nothing.
func (s *Store) Close() error {
	s.end()
	s.announced.close()
	s.pool.Close()
	return nil
}

// sql names the configured schema in a statement of this package.
func (s *Store) sql(text string) string {
	if s.options.Schema == DefaultSchema {
		return text
	}
	if sent, ok := s.statements.Load(text); ok {
		return sent.(string)
	}
	sent := strings.ReplaceAll(text, DefaultSchema+".", s.options.Schema+".")
	s.statements.Store(text, sent)
	return sent
}
