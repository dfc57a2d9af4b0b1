package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// minBackstop is the least statement_timeout that a session gets. A run's own deadline cancels its query; the backstop
// ends it when we are no longer there to do so. It is longer than the sync limit of 60 s, so that only longer jobs
// need a round trip to change it.
const minBackstop = 64 * time.Second

// conn is one connection and what we know of its session.
type conn struct {
	pg         *pgconn.PgConn
	statements map[string]*pgconn.StatementDescription // prepared on it, by name
	fitted     map[string]*plan                        // by the same names: those that were compared with their statement
	types      *pgtype.Map                             // made when an array is first sent
	backstop   time.Duration                           // the session's statement_timeout; 0 for none
	reported   [len(watched)]string                    // the watched parameters as they were at the start
	used       bool
	abort      context.CancelCauseFunc // ends what runs, inside the database too; nil between runs
	tainted    bool                    // a statement ran that may have changed the session in ways that the server does not report
}

// watched are the parameters that the server reports whenever they change, and that a statement could change with
// set_config to get a session that writes, or to have values written differently.
var watched = [...]string{
	"default_transaction_read_only", "TimeZone", "DateStyle", "IntervalStyle", "client_encoding",
	"standard_conforming_strings", "is_superuser", "session_authorization",
}

func newReader(r io.Reader, size int) io.Reader { return bufio.NewReaderSize(r, size) }

// open makes a connection and refuses a server or role that would not be safe to run on.
func (s *Source) open(ctx context.Context) (*conn, error) {
	if err := s.health.recent(); err != nil {
		return nil, err
	}
	c, err := s.dial(ctx)
	if s.closing.Err() == nil {
		s.health.note(err, s.config.Logger)
	}
	return c, err
}

func (s *Source) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()

	pg, err := pgconn.ConnectConfig(ctx, s.connect)
	if err != nil {
		if failure, ok := errors.AsType[*pgconn.ConnectError](err); ok {
			err = failure.Unwrap() // without the user and database of the DSN
		}
		return nil, connectError{err}
	}
	c := &conn{pg: pg, statements: map[string]*pgconn.StatementDescription{}, fitted: map[string]*plan{}, backstop: minBackstop}
	ctx, cancelInspection := context.WithTimeout(ctx, s.config.ConnectTimeout)
	defer cancelInspection()
	if err := c.inspect(ctx, s.config.AllowSuperuser); err != nil {
		c.close()
		return nil, err
	}
	for i, name := range watched {
		c.reported[i] = pg.ParameterStatus(name)
	}
	return c, nil
}

const inspection = `SELECT
	pg_catalog.current_setting('server_version_num')::int >= 140000,
	pg_catalog.getdatabaseencoding() <> 'SQL_ASCII',
	NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname IN (current_user, session_user)
		AND (r.rolsuper OR pg_catalog.pg_has_role(r.oid, 'pg_read_server_files', 'MEMBER')
		OR pg_catalog.pg_has_role(r.oid, 'pg_write_server_files', 'MEMBER')
		OR pg_catalog.pg_has_role(r.oid, 'pg_execute_server_program', 'MEMBER')))`

func (c *conn) inspect(ctx context.Context, allowSuperuser bool) error {
	answer := c.pg.ExecParams(ctx, inspection, nil, nil, nil, nil).Read()
	if answer.Err != nil {
		return fmt.Errorf("inspecting PostgreSQL: %w", answer.Err)
	}
	if len(answer.Rows) != 1 || len(answer.Rows[0]) != 3 {
		return errors.New("inspecting PostgreSQL: the server gave no answer")
	}
	holds := func(i int) bool { return string(answer.Rows[0][i]) == "t" }
	switch {
	case !holds(0):
		return refuse("PostgreSQL %s is too old: 14 or later is needed", c.pg.ParameterStatus("server_version"))
	case !holds(1):
		return refuse("the database's encoding is SQL_ASCII, whose texts cannot be sent as UTF-8: use a database with a real encoding")
	case !holds(2) && !allowSuperuser:
		return refuse("the source's role is a superuser, or may read files or run programs on the database server: " +
			"use a role with nothing but SELECT on what the endpoints read, or set allow_superuser to accept the risk")
	case c.pg.ParameterStatus("default_transaction_read_only") != "on":
		return refuse("the session is not read-only: a proxy between Caddy and PostgreSQL drops start-up parameters")
	}
	return nil
}

// reusable reports whether the session is as it was when it was made: idle, outside a transaction, read-only.
func (c *conn) reusable() bool {
	if c.tainted || c.pg.IsClosed() || c.pg.IsBusy() || c.pg.TxStatus() != 'I' {
		return false
	}
	for i, name := range watched {
		if c.pg.ParameterStatus(name) != c.reported[i] {
			return false
		}
	}
	return true
}

// close ends the connection, and returns when the socket is closed or does not want to.
func (c *conn) close() {
	ctx, cancel := context.WithTimeout(context.Background(), cancelGrace)
	defer cancel()
	_ = c.pg.Close(ctx)
	select {
	case <-c.pg.CleanupDone():
	case <-ctx.Done():
	}
}

// prepare returns the plan's statement, prepared on this connection.
func (c *conn) prepare(ctx context.Context, p *plan) (*pgconn.StatementDescription, error) {
	if known, ok := c.statements[p.name]; ok {
		return known, nil
	}
	if len(c.statements) >= maxStatements { // the revisions of a catalog come and go; nobody tells us which went
		if _, err := c.pg.Exec(ctx, "DEALLOCATE ALL").ReadAll(); err != nil {
			return nil, err
		}
		clear(c.statements)
		clear(c.fitted)
	}
	description, err := c.pg.Prepare(ctx, p.name, p.sql, p.paramOIDs)
	if err != nil {
		return nil, err
	}
	c.statements[p.name] = description
	return description, nil
}

// fits reports whether the prepared statement answers with what the plan expects. It compares them once.
func (c *conn) fits(p *plan, description *pgconn.StatementDescription) bool {
	if c.fitted[p.name] == p {
		return true
	}
	if !p.fits(description) {
		return false
	}
	c.fitted[p.name] = p
	return true
}

// forget drops a prepared statement.
func (c *conn) forget(ctx context.Context, name string) error {
	delete(c.statements, name)
	delete(c.fitted, name)
	return c.pg.Deallocate(ctx, name)
}

// limit sets the session's statement_timeout when the one it has does not suit ctx's deadline.
func (c *conn) limit(ctx context.Context) error {
	needed := backstopFor(ctx)
	if needed == c.backstop {
		return nil
	}
	_, err := c.pg.Exec(ctx, "SET statement_timeout = "+strconv.FormatInt(needed.Milliseconds(), 10)).ReadAll()
	if err == nil {
		c.backstop = needed
	}
	return err
}

// backstopFor rounds the time that ctx leaves up to a power of two seconds, so that it seldom changes and is never
// the shorter one. It is 0, for no limit, when ctx has no deadline.
func backstopFor(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	const longest = 1 << 21 * time.Second // PostgreSQL's limit is 2^31 ms
	left := time.Until(deadline) + time.Second
	backstop := minBackstop
	for backstop < left && backstop < longest {
		backstop *= 2
	}
	return backstop
}
