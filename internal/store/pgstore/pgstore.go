package pgstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/schema"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/signal"
)

// The errors of the store as a whole, to be tested with errors.Is.
var (
	ErrClosed      = pgdb.ErrClosed
	ErrUnavailable = pgdb.ErrUnavailable
	ErrUnknown     = pgdb.ErrUnknown
)

// The defaults and limits of [Options].
const (
	DefaultSchema   = pgdb.DefaultSchema
	DefaultMaxConns = 16
	DefaultStale    = 30 * time.Second

	maxConns = 1000
	minStale = 5 * time.Second
	maxStale = 24 * time.Hour
)

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

	// Partitions is how time is cut. Only a program that lets an age pass in an hour has another than the default, which
	// all servers of a schema must have.
	Partitions schema.Rhythm

	// callersClock makes the instants that callers hand in the store's time, for tests that make time pass.
	callersClock bool

	// followEvery is how often others' changes are asked for, in tests of signals. 0: as often as it should be.
	followEvery time.Duration

	// catchUpWithin is how long a look at what others have changed is waited for, in tests on machines however slow. 0: as it should be.
	catchUpWithin time.Duration

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
	options    Options
	db         *pgdb.DB
	partitions *schema.Partitions
	signals    *signal.Signals
	node       string // names this store among those of other processes; random, so that none is ever used again

	accepts   gather[*acceptance]
	results   gather[*storing]
	endings   gather[*ending]
	seen      atomic.Pointer[reading]
	jobTurns  turns
	hostTurns turns
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
		s.db.Pool.Close()
		return nil, fmt.Errorf("store: %w", err)
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := s.db.Check(ctx, s.db.Pool); err != nil {
		return err
	}
	if err := schema.Migrate(ctx, s.db, s.options.Logger); err != nil {
		return err
	}
	if err := s.checkWhole(ctx); err != nil {
		return err
	}
	s.lookAfterPartitions(ctx)
	return s.signals.Position(ctx)
}

// lookAfterPartitions does so now and then, but in tests in which time is what callers say.
func (s *Store) lookAfterPartitions(ctx context.Context) {
	if !s.options.callersClock {
		s.partitions.LookAfterInTime(ctx)
	}
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
	db, err := pgdb.Connect(ctx, dsn, pgdb.Settings{
		Schema: options.Schema, MaxConns: options.MaxConns, PollOnly: options.PollOnly, Renew: options.Renew,
	})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{options: options, db: db, node: cmp.Or(options.node, rand.Text())}
	s.partitions = schema.NewPartitions(db, cmp.Or(options.Partitions, schema.DefaultRhythm), options.Logger)
	s.signals = signal.New(db, signal.Settings{
		Node: s.node, Version: options.Version, PollOnly: options.PollOnly, Logger: options.Logger,
		FollowEvery:   cmp.Or(options.followEvery, signal.FollowEvery),
		CatchUpWithin: cmp.Or(options.catchUpWithin, signal.CatchUpWithin),
	})
	db.Away = s.signals.Away
	s.accepts.run, s.accepts.apart = s.acceptAll, cannotShare
	s.results.run = func(ctx context.Context, all []*storing) error { return s.appendAll(ctx, all, skipLocked) }
	s.results.apart = func(a, b *storing) bool { return a.id == b.id }
	s.endings.run = func(ctx context.Context, all []*ending) error { return s.finishAll(ctx, all, skipLocked) }
	s.endings.apart = func(a, b *ending) bool { return a.id == b.id }
	return s, nil
}

// Schema says how far the schema of a database is.
type Schema = schema.State

// Check says how far the schema of a database is, and changes nothing.
func Check(ctx context.Context, dsn string, options Options) (Schema, error) {
	s, err := connect(ctx, dsn, options)
	if err != nil {
		return Schema{}, err
	}
	defer s.db.Pool.Close()
	state, err := schema.Read(ctx, s.db)
	if err != nil {
		return Schema{}, fmt.Errorf("store: %w", err)
	}
	return state, nil
}

// Migrate brings the schema of a database up to date, as Open does, and says how far it is then.
func Migrate(ctx context.Context, dsn string, options Options) (Schema, error) {
	opened, err := Open(ctx, dsn, options)
	if err != nil {
		return Schema{}, err
	}
	defer opened.Close()
	return schema.Read(ctx, opened.db)
}

// Place names the database and the schema of a store, without the role and its password.
func Place(dsn string, options Options) (string, error) {
	return pgdb.Place(dsn, cmp.Or(options.Schema, DefaultSchema))
}

// Close ends the use of the store. What was written is on disk already. It blocks until the reads and writes that run are
// done. What is called afterwards fails with ErrClosed. Calling Close again does nothing.
func (s *Store) Close() error {
	s.signals.Close()
	s.db.Pool.Close()
	return nil
}
