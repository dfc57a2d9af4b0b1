package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
)

// failure translates what went wrong at the database into the errors that [source.Query] documents.
func (s *Source) failure(ctx context.Context, err error) error {
	switch {
	case isInterrupted(err) && ctx.Err() != nil:
		return contextError(ctx.Err())
	case errors.Is(err, errClosed) || isInterrupted(err) && s.closed.Load():
		return dataapi.Wrap(dataapi.CodeSourceUnavailable, errClosed)
	case isUnavailable(err):
		return dataapi.Wrap(dataapi.CodeSourceUnavailable, err)
	case errors.As(err, new(valueError)):
		return dataapi.Wrap(dataapi.CodeValueRefused, err)
	default:
		return dataapi.Wrap(dataapi.CodeInternal, err)
	}
}

// valueError is an error that a caller's value has brought about in a statement that is right.
type valueError struct{ error }

func (e valueError) Unwrap() error { return e.error }

// blame tells whether an error of a run is its caller's: a value was given, SQLite complains about what it computes, such
// as a pattern that is too long or a text that is no JSON, and it accepts the statement itself still. SQLite has one
// code for that and for a schema that has changed.
func (c *conn) blame(q *query, p *prepared, args []params.Value, err error) error {
	if err == nil || !p.given(args) || errors.As(err, new(sinkError)) {
		return err
	}
	if !errors.Is(err, sqlite3.ERROR) && !errors.Is(err, sqlite3.TOOBIG) && !errors.Is(err, sqlite3.MISMATCH) {
		return err
	}
	again, fault := c.prepare(q)
	if fault != nil {
		return err
	}
	return valueError{errors.Join(err, again.stmt.Close())}
}

// given reports whether the statement uses a value of its caller.
func (p *prepared) given(args []params.Value) bool {
	return slices.ContainsFunc(p.arguments, func(argument int) bool { return !args[argument].Null })
}

// contextError says how a context ended.
func contextError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return dataapi.Wrap(dataapi.CodeExecutionTimeout, err)
	}
	return context.Canceled
}

// isInterrupted reports whether the end of a context can have ended the statement: a wait for another process's lock
// that is broken off is BUSY.
func isInterrupted(err error) bool {
	return errors.Is(err, sqlite3.INTERRUPT) || errors.Is(err, sqlite3.BUSY)
}

// isLocked reports whether another process holds a lock, which says nothing against the connection.
func isLocked(err error) bool { return errors.Is(err, sqlite3.BUSY) || errors.Is(err, sqlite3.LOCKED) }

// isUnavailable reports whether the file, and not the statement, is at fault: it is missing, locked, unreadable, no
// database, or damaged.
func isUnavailable(err error) bool {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return true
	}
	var code sqlite3.ErrorCode
	if !errors.As(err, &code) {
		return false
	}
	switch code {
	case sqlite3.BUSY, sqlite3.LOCKED, sqlite3.CANTOPEN, sqlite3.IOERR, sqlite3.NOTADB, sqlite3.CORRUPT, sqlite3.PROTOCOL,
		sqlite3.FULL, sqlite3.PERM, sqlite3.READONLY:
		return true
	}
	return false
}
