package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/connstring"
	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sqltext"
)

// Defaults of [Config].
const (
	DefaultMaxConns       = 8
	maxMaxConns           = 10_000
	DefaultMaxWait        = 2 * time.Second
	DefaultConnectTimeout = 5 * time.Second
)

const (
	readBuffer    = 64 << 10        // bytes; with the driver's own 8 KiB a large result takes a system call for each 8 KiB
	maxIdleTime   = 5 * time.Minute // of a connection
	maxLifetime   = time.Hour       // of a connection, so that a failover behind a DNS name is noticed
	maxStatements = 256             // prepared on one connection before they are all dropped
)

// Dialect is how PostgreSQL divides a statement into tokens, as far as its text alone tells.
var Dialect source.Dialect = sqltext.Rules{NestedComments: true, DollarQuotes: true, EscapeStrings: true}

// Config describes a PostgreSQL source.
type Config struct {
	// DSN is a connection string in URL or keyword=value form. What it leaves out comes from the PG* environment
	// variables, as in psql. It is never logged and never part of an error. All keywords of libpq are honoured, or refused by
	// name. Of target_session_attrs, read-write is a server that can write, and read-only one that cannot, whatever the
	// session: every session of this source is read-only.
	DSN string

	// Renew returns the connection string as it is now. It is called when no connection can be made, since a password may have
	// been changed, and must be safe for concurrent use. Files that the string names are read again with it. Nil: the string
	// does not change.
	Renew func() (string, error)

	// MaxConns is the most connections, and so the most statements that run at once. Default 8.
	MaxConns int

	// MaxWait is how long a run waits for one of them before it fails as overloaded. Default 2 s.
	MaxWait time.Duration

	// ConnectTimeout limits one attempt to connect to one host, where the connection string has no connect_timeout.
	// Default 5 s.
	ConnectTimeout time.Duration

	// AllowSuperuser lets the source run as a role that the server refuses otherwise: a superuser, one with REPLICATION or
	// CREATEROLE, or a member of pg_read_server_files, pg_write_server_files, pg_execute_server_program or
	// pg_signal_backend. Such a role can act from inside a SELECT, which no read-only transaction prevents.
	AllowSuperuser bool

	// Role is the role that statements run as; empty for that of the connection, which must be a member of it.
	Role string

	// Claims shows every statement who asks: the caller's company, user and share context are the settings
	// data_api.company, data_api.user and data_api.share_context (JSON, see [source.Claims.ShareContext]) of its transaction,
	// for row-level security to use. They are set as the role of the connection in the round trip of the statement,
	// which then runs as Role. Role is needed, and must not be able to execute set_config, so that a statement cannot change
	// them.
	Claims bool

	// AllowSetConfig lets claims be used although Role may execute set_config, or is not given: the author of a statement
	// can then claim to be anybody.
	AllowSetConfig bool

	// NoStatementCache is for a proxy such as PgBouncer that gives each transaction another session. Nothing is prepared
	// or set beyond a transaction: every run parses its statement, and sets what it needs, in its one round trip.
	NoStatementCache bool

	// Logger gets what an operator must know: a database that is lost, found again, or refused. Default: discarded.
	Logger *slog.Logger
}

// Source is a [source.Source] on PostgreSQL.
type Source struct {
	config      Config
	target      atomic.Pointer[connstring.Target]
	settings    string        // the statement that sets what a transaction needs; empty for nothing
	slots       chan struct{} // holds one for each connection that is in use, or that cannot be had
	size        size          // of the slots
	pool        *puddle.Pool[*conn]
	health      health
	doubts      chan struct{}            // asks the sweeper to probe idle connections
	doubtsSince atomic.Int64             // when that was asked for last, as a Unix time in nanoseconds; 0: never
	suspects    atomic.Pointer[suspects] // nil: never asked for

	renewing   sync.Mutex
	dsn        string // as it was read last; guarded by renewing
	unreadable string // why it could not be read since; guarded by renewing

	closing context.Context // ends when Close begins
	close   context.CancelFunc
	sweeper sync.WaitGroup
}

var (
	_ source.Source   = (*Source)(nil)
	_ source.Resizing = (*Source)(nil)
	_ source.Named    = (*Source)(nil)
)

// Validate reports settings that cannot be used. It does not look at the DSN.
func (c *Config) Validate() error {
	switch {
	case c.MaxConns < 0 || c.MaxConns > maxMaxConns:
		return fmt.Errorf("max_conns is %d: it must lie between 1 and %d", c.MaxConns, maxMaxConns)
	case c.Claims && c.Role == "" && !c.AllowSetConfig:
		return errors.New("claims need a role that cannot execute set_config: name it with role")
	case c.AllowSetConfig && !c.Claims:
		return errors.New("allow_set_config is for claims, which are off")
	}
	return nil
}

// New makes a source. It does no network I/O: connections are made when they are first needed. It fails when the
// configuration cannot work.
func New(config Config) (*Source, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.MaxConns == 0 {
		config.MaxConns = DefaultMaxConns
	}
	if config.MaxWait <= 0 {
		config.MaxWait = DefaultMaxWait
	}
	if config.ConnectTimeout <= 0 {
		config.ConnectTimeout = DefaultConnectTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	target, err := newTarget(config)
	if err != nil {
		return nil, err
	}
	s := &Source{config: config, dsn: config.DSN, settings: settingsStatement(config), slots: make(chan struct{}, config.MaxConns),
		doubts: make(chan struct{}, 1)}
	s.config.DSN = ""
	s.target.Store(target)
	s.closing, s.close = context.WithCancel(context.Background())
	s.size = size{slots: s.slots, logger: config.Logger}
	s.pool, err = puddle.NewPool(&puddle.Config[*conn]{
		Constructor: s.openPooled,
		Destructor:  s.closePooled,
		MaxSize:     int32(config.MaxConns),
	})
	if err != nil {
		return nil, err
	}
	s.sweeper.Go(s.sweep)
	return s, nil
}

// Capacity implements [source.Bounded].
func (s *Source) Capacity() int { return s.size.capacity() }

// SystemName implements [source.Named].
func (*Source) SystemName() string { return "postgresql" }

// OnResize implements [source.Resizing].
func (s *Source) OnResize(told func(capacity int)) { s.size.onChange(told) }

func (s *Source) openPooled(ctx context.Context) (*conn, error) {
	c, err := s.open(ctx)
	if err == nil {
		s.size.opened()
	}
	return c, err
}

func (s *Source) closePooled(c *conn) {
	c.close()
	s.size.gone()
}

// configureSession fixes everything that decides what a session may do and how its values are written. It travels in
// the start-up packet, so that it costs no round trip, and overrides what the DSN and ALTER ROLE say. A proxy refuses
// start-up parameters that it does not know: behind one, most of it is set in each transaction.
func configureSession(connect *pgconn.Config, config Config) {
	connect.RuntimeParams["client_encoding"] = "UTF8"
	if config.NoStatementCache {
		for _, name := range trackedSettings {
			connect.RuntimeParams[name] = connstring.SessionSettings[name]
		}
	} else {
		maps.Copy(connect.RuntimeParams, connstring.SessionSettings)
		connect.RuntimeParams["default_transaction_read_only"] = "on"
		connect.RuntimeParams["statement_timeout"] = strconv.FormatInt(minBackstop.Milliseconds(), 10)
		if config.Role != "" && !config.Claims {
			connect.RuntimeParams["role"] = config.Role
		}
	}
	if connect.RuntimeParams["application_name"] == "" {
		connect.RuntimeParams["application_name"] = "caddy-data-api"
	}
}

// Close cancels what runs, waits until it has ended, and closes every connection.
func (s *Source) Close() error {
	s.close()
	s.size.close()
	s.pool.Close()
	s.sweeper.Wait()
	return nil
}

// sweep closes connections that were idle for long, so that a quiet source gives its connections back, and probes them when
// there are doubts.
func (s *Source) sweep() {
	ticker := time.NewTicker(maxIdleTime / 5)
	defer ticker.Stop()
	for {
		select {
		case <-s.closing.Done():
			return
		case <-s.doubts:
			s.probe()
			continue
		case <-ticker.C:
		}
		for _, resource := range s.pool.AcquireAllIdle() {
			if expired(resource) {
				resource.Destroy()
			} else {
				resource.ReleaseUnused()
			}
		}
	}
}

func expired(resource *puddle.Resource[*conn]) bool {
	return resource.IdleDuration() > maxIdleTime || time.Since(resource.CreationTime()) > maxLifetime
}
