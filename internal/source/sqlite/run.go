package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"github.com/solucao42/caddy-data-api/source"

	"github.com/ncruces/go-sqlite3"
)

var (
	_ source.Source = (*Source)(nil)
	_ source.Query  = (*query)(nil)
)

// Check implements [source.Query]. A column whose type only a row can tell has an empty Type.
func (q *query) Check(ctx context.Context) ([]source.Column, error) {
	var columns []source.Column
	err := q.source.use(ctx, func(c *conn) error {
		// Running anything makes SQLite notice a schema that another process changed.
		if err := c.db.Exec("SELECT 1 FROM sqlite_schema LIMIT 0"); err != nil {
			return err
		}
		p, err := c.prepare(q)
		if err != nil {
			return err
		}
		columns = p.table
		return p.stmt.Close()
	})
	if fault, ok := errors.AsType[*source.StatementError](err); ok {
		return nil, fault
	}
	return columns, err
}

// UsesClaims implements [source.Query]: SQLite is shown none.
func (*query) UsesClaims() bool { return false }

// Run implements [source.Query].
func (q *query) Run(ctx context.Context, call source.Call, sink source.Sink) error {
	if len(call.Args) != len(q.params) {
		return source.Failed(fmt.Errorf("sqlite: %d arguments for %d parameters", len(call.Args), len(q.params)))
	}
	return q.source.use(ctx, func(c *conn) error {
		p, err := c.statement(q)
		if err != nil {
			return err
		}
		if err = p.bind(call.Args); err == nil {
			err = c.push(q, p, sink)
		}
		// Resetting ends the read transaction and repeats the error of the last step; clearing frees the arguments.
		_ = p.stmt.Reset()
		_ = p.stmt.ClearBindings()
		return c.blame(q, p, call.Args, err)
	})
}

func (p *prepared) bind(args []source.Argument) error {
	for i, argument := range p.arguments {
		if err := bind(p.stmt, i+1, &args[argument]); err != nil {
			return fmt.Errorf("parameter %s: %w", p.stmt.BindName(i+1), err)
		}
	}
	return nil
}

// push steps through the statement and hands its rows to the sink.
func (c *conn) push(q *query, p *prepared, sink source.Sink) error {
	more := p.stmt.Step()
	if err := p.stmt.Err(); err != nil {
		return err
	}
	if p.schema != p.stmt.Status(sqlite3.STMTSTATUS_REPREPARE, false) {
		if err := p.describe(q); err != nil {
			return err
		}
	}
	c.forms = slices.Grow(c.forms[:0], len(p.forms))[:len(p.forms)]
	c.row = slices.Grow(c.row[:0], len(p.forms))[:len(p.forms)]
	clear(c.row) // of what another statement's columns left there
	c.reader.stmt = p.stmt
	columns := p.columns(more, c.forms)
	c.inSink = true
	err := sink.Columns(columns)
	c.inSink = false
	if err != nil {
		return sinkError{err}
	}
	for row := 1; more && row <= q.maxRows+1; row++ {
		c.reader.scratch, c.reader.arrays = c.reader.scratch[:0], c.reader.arrays[:0]
		for i := range c.row {
			if !c.reader.read(i, c.forms[i], &c.row[i]) {
				return p.misfit(i, c.forms[i], columns, row)
			}
		}
		c.inSink = true
		err := sink.Row(c.row)
		c.inSink = false
		if err != nil {
			return sinkError{err}
		}
		more = row <= q.maxRows && p.stmt.Step()
	}
	return p.stmt.Err()
}

// sinkError marks an error of the sink, which goes back unchanged.
type sinkError struct{ error }

// use runs work with a connection, interrupted when ctx ends or the source is closed, and translates its error.
func (s *Source) use(ctx context.Context, work func(*conn) error) (err error) {
	c, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { err = s.finish(ctx, c, err, recover()) }()
	c.db.SetInterrupt(interruption{ctx, &s.closed})
	return work(c)
}

// finish gives a connection back, or up, after work that ended with an error or a panic. It turns a panic of the driver
// into an error; one of the sink goes on.
func (s *Source) finish(ctx context.Context, c *conn, err error, panicked any) error {
	if panicked != nil {
		if c.inSink {
			s.discard(c)
			panic(panicked)
		}
		text := fmt.Sprint(panicked)
		if text != outOfMemory {
			s.logger.Error("the SQLite driver failed", "path", s.path, "panic", text, "stack", string(debug.Stack()))
		}
		err = driverError{text}
	}
	c.db.SetInterrupt(context.Background())
	own, sinks := errors.AsType[sinkError](err)
	if sinks || !errors.As(err, new(driverError)) && (!isUnavailable(err) || isLocked(err)) {
		s.release(c)
	} else {
		s.discard(c)
	}
	switch {
	case sinks:
		return own.error
	case err != nil:
		return s.failure(ctx, err)
	}
	return nil
}

// interruption is the context that the driver asks while it steps: it ends with the caller's, or with the source.
type interruption struct {
	context.Context
	closed *atomic.Bool
}

// Err implements [context.Context].
func (i interruption) Err() error {
	if i.closed.Load() {
		return context.Canceled
	}
	return i.Context.Err()
}

// driverError is what the driver panicked with: SQLite ran out of memory, or the driver has a fault.
type driverError struct{ text string }

func (e driverError) Error() string { return e.text }

const outOfMemory = "sqlite3: out of memory"
