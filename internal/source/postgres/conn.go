package postgres

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/connstring"
	"github.com/solucao42/caddy-data-api/source"
)

// minBackstop is the least statement_timeout that a session gets. A run's own deadline cancels its query; the backstop
// ends it when we are no longer there to do so. It is longer than the sync limit of 60 s, so that only longer jobs
// need a round trip to change it.
const minBackstop = 64 * time.Second

// conn is one connection and what we know of its session.
type conn struct {
	source       *Source
	pg           *pgconn.PgConn
	wire         *wire                                   // what it reads through
	statements   map[string]*pgconn.StatementDescription // prepared on it, by name
	fitted       map[string]*plan                        // by the same names: those that were compared with their statement
	types        *pgtype.Map                             // made when an array is first sent
	backstop     time.Duration                           // the session's statement_timeout; 0 for none
	reported     [len(watched)]string                    // the watched parameters as they were at the start
	controls     controls                                // prepared when they are first needed
	settings     [][]byte                                // the arguments of the source's settings statement, reused
	bound        [][]byte                                // those of an endpoint's statement, likewise
	texts        []byte                                  // what bound points to, but for arrays
	searchPath   string                                  // as the database and the role's own settings have it
	used         bool
	given        bool                                    // the run has a value of its caller that the statement uses
	sent         bool                                    // the run's statement was sent
	farewell     *farewell                               // how its cancel requests fare
	socket       syscall.RawConn                         // under it; may be nil
	vacated      func()                                  // called when the connection is closed; nil for nothing
	abort        atomic.Pointer[context.CancelCauseFunc] // nil between runs
	stopWatching func() bool                             // forgets that the source may close
	tainted      bool                                    // what a statement may have done to the session could not be undone
}

// watched are the parameters that the server reports whenever they change, and that a statement could change with
// set_config to get a session that writes, or to have values written differently.
var watched = [...]string{
	"default_transaction_read_only", "TimeZone", "DateStyle", "IntervalStyle", "client_encoding",
	"standard_conforming_strings", "is_superuser", "session_authorization",
}

// open makes a connection and refuses a server or role that would not be safe to run on.
func (s *Source) open(ctx context.Context) (*conn, error) {
	if err := s.health.ask(); err != nil {
		return nil, err
	}
	target := s.target.Load()
	c, err := s.dial(ctx, target)
	if err != nil && !crowded(err) && s.closing.Err() == nil && s.renew(target) {
		c, err = s.dial(ctx, s.target.Load())
	}
	if s.closing.Err() != nil {
		return c, err
	}
	outcome := err
	if crowded(err) {
		s.size.refuse(err)
		outcome = nil // it answers
	}
	if s.health.note(outcome, s.config.Logger) {
		s.size.restore()
	}
	return c, err
}

func (s *Source) dial(ctx context.Context, target *connstring.Target) (*conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()

	var last *wire // one for each address that is tried
	parting := &farewell{}
	connect := target.Attempt()
	connect.BuildContextWatcherHandler = func(pg *pgconn.PgConn) ctxwatch.Handler {
		return &canceller{pg: pg, farewell: parting}
	}
	connect.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		last = newWire(r, w)
		return last.frontend
	}
	pg, err := pgconn.ConnectConfig(ctx, connect)
	if err != nil {
		if failure, ok := errors.AsType[*pgconn.ConnectError](err); ok {
			err = failure.Unwrap() // without the user and database of the DSN
		}
		if answer, ok := errors.AsType[*pgconn.PgError](err); ok && strings.Contains(answer.Message, "startup parameter") {
			return nil, refuse("connecting to PostgreSQL: a proxy says %q: set statement_cache off for a proxy such as PgBouncer", answer.Message)
		}
		return nil, connectError{err}
	}
	if pg.Frontend() != last.frontend {
		_ = pg.Close(ctx)
		return nil, errors.New("the driver reads through another buffer than the last that it asked for")
	}
	c := &conn{
		source: s, pg: pg, wire: last, statements: map[string]*pgconn.StatementDescription{}, fitted: map[string]*plan{}, backstop: minBackstop,
		farewell: parting, socket: socketOf(pg.Conn()),
	}
	ctx, cancelInspection := context.WithTimeout(ctx, connect.ConnectTimeout)
	defer cancelInspection()
	if err := s.inspect(ctx, c); err != nil {
		c.close()
		return nil, err
	}
	for i, name := range watched {
		c.reported[i] = pg.ParameterStatus(name)
	}
	c.stopWatching = context.AfterFunc(s.closing, func() { c.interrupt(errClosed) })
	return c, nil
}

// beginRun notes how to end a run, which ends when the source closes, too.
func (c *conn) beginRun(abort *context.CancelCauseFunc) {
	c.abort.Store(abort)
	if c.source.closing.Err() != nil { // and may not have found it
		(*abort)(errClosed)
	}
}

// interrupt ends what runs, inside the database too.
func (c *conn) interrupt(cause error) {
	if abort := c.abort.Load(); abort != nil {
		(*abort)(cause)
	}
}

// reusable reports whether the session is as it was when it was made: idle, outside a transaction, read-only.
func (c *conn) reusable() bool {
	if c.tainted || c.farewell.unanswered.Load() || c.pg.IsClosed() || c.pg.IsBusy() || c.pg.TxStatus() != 'I' {
		return false
	}
	if c.source.config.NoStatementCache {
		return true // the session is the proxy's, and nothing of it is relied on
	}
	for i, name := range watched {
		if c.pg.ParameterStatus(name) != c.reported[i] {
			return false
		}
	}
	return true
}

// close ends the connection, and returns when the socket is closed or does not want to. One that was given up while the
// server still works on what ran is waited for, for at most linger.
func (c *conn) close() {
	if c.vacated != nil {
		defer c.vacated()
	}
	if c.stopWatching != nil {
		c.stopWatching()
	}
	patience := cancelGrace
	if c.farewell.unanswered.Load() {
		patience = linger
		if !c.farewell.acknowledged.Load() { // the server is gone, or the way to it
			_ = c.pg.Conn().Close()
			return
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer context.AfterFunc(c.source.closing, func() { time.AfterFunc(answerGrace, cancel) })()
	_ = c.pg.Close(ctx)
	select {
	case <-c.pg.CleanupDone():
	case <-ctx.Done():
		_ = c.pg.Conn().Close()
	}
}

// prepare returns the plan's statement, prepared on this connection; nil where statements are not kept.
func (c *conn) prepare(ctx context.Context, p *plan) (*pgconn.StatementDescription, error) {
	if known, ok := c.statements[p.name]; ok || c.source.config.NoStatementCache {
		return known, nil
	}
	if len(c.statements) >= maxStatements { // the revisions of a catalog come and go; nobody tells us which went
		if _, err := c.pg.Exec(ctx, "DEALLOCATE ALL").ReadAll(); err != nil {
			return nil, err
		}
		clear(c.statements)
		clear(c.fitted)
		c.controls = controls{}
	}
	var description *pgconn.StatementDescription
	prepare := func() (err error) {
		description, err = c.keep(ctx, p.name, p.sql, p.paramOIDs)
		return err
	}
	var err error
	if c.source.settings == "" {
		err = prepare()
	} else {
		err = c.transaction(ctx, prepare) // names mean what they mean to the role
	}
	if err != nil {
		return nil, err
	}
	c.statements[p.name] = description
	return description, nil
}

// keep prepares a statement under a name. When it is not known what became of that, because it was cut off, the connection is
// not used again: PostgreSQL may have the name, and would refuse to prepare it once more.
func (c *conn) keep(ctx context.Context, name, sql string, paramOIDs []uint32) (*pgconn.StatementDescription, error) {
	description, err := c.pg.Prepare(ctx, name, sql, paramOIDs)
	if answer, answered := errors.AsType[*pgconn.PgError](err); err != nil && (!answered || answer.Code == queryCanceled) {
		c.tainted = true
	}
	return description, err
}

// fits reports whether the prepared statement answers with what the plan expects. It compares them once.
func (c *conn) fits(p *plan, description *pgconn.StatementDescription) bool {
	if description == nil || c.fitted[p.name] == p {
		return true
	}
	if !p.fits(description.Fields) {
		return false
	}
	c.fitted[p.name] = p
	return true
}

// forget drops a prepared statement.
func (c *conn) forget(ctx context.Context, name string) error {
	delete(c.statements, name)
	delete(c.fitted, name)
	if c.source.config.NoStatementCache {
		return nil
	}
	return c.pg.Deallocate(ctx, name)
}

// limit sets the session's statement_timeout when the one it has does not suit ctx's deadline.
func (c *conn) limit(ctx context.Context) error {
	needed := backstopFor(ctx)
	if needed == c.backstop {
		return nil
	}
	if c.source.config.NoStatementCache {
		c.backstop = needed // and set with the transaction's settings
		return nil
	}
	_, err := c.pg.Exec(ctx, "SET statement_timeout = "+strconv.FormatInt(needed.Milliseconds(), 10)).ReadAll()
	if err == nil {
		c.backstop = needed
	}
	return err
}

// renew reads the connection string again, and the files that it names, because connecting as it was did not work: somebody
// has perhaps changed a password, a certificate or a host. It reports whether there is something new to try. Connections
// that were made with the old password go on.
func (s *Source) renew(tried *connstring.Target) bool {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	if s.target.Load() != tried {
		return true // somebody was quicker
	}
	config := s.config
	config.DSN = s.dsn
	fresh, err := s.readTarget(&config)
	if err != nil {
		if s.unreadable != err.Error() {
			s.unreadable = err.Error()
			s.config.Logger.Warn("the connection string cannot be read again; the old one is kept", "error", err)
		}
		return false
	}
	s.unreadable = ""
	if connstring.Same(tried, fresh) {
		return false
	}
	s.config.Logger.Info("the connection string, or a file that it names, has changed: it is used from now on")
	s.dsn = config.DSN
	s.target.Store(fresh)
	if !connstring.SameServer(tried, fresh) {
		s.pool.Reset()
	}
	return true
}

// Reconnect implements [source.Reconnector].
func (s *Source) Reconnect() error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	config := s.config
	config.DSN = s.dsn
	fresh, err := s.readTarget(&config)
	if err != nil {
		return err
	}
	s.unreadable, s.dsn = "", config.DSN
	s.target.Store(fresh)
	s.pool.Reset()
	s.config.Logger.Info("connections are replaced, as an operator has asked for")
	return nil
}

var _ source.Reconnector = (*Source)(nil)

// readTarget reads what to connect to. It sets the configuration's DSN to the one that it has read.
func (s *Source) readTarget(config *Config) (*connstring.Target, error) {
	if config.Renew != nil {
		dsn, err := config.Renew()
		if err != nil {
			return nil, err
		}
		config.DSN = dsn
	}
	return newTarget(*config)
}

// newTarget reads a connection string, and adds what the source needs of each session.
func newTarget(config Config) (*connstring.Target, error) {
	t, err := connstring.Parse(config.DSN, config.Role, config.ConnectTimeout)
	if err != nil {
		return nil, err
	}
	configureSession(t.Connect, config)
	return t, nil
}
