package sqlite

import (
	"context"
	"errors"
	"io/fs"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
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

// valueError is what SQLite says of a value that a caller has given. Where the value comes from it does not say: one that a
// table holds is refused in the same words.
type valueError struct{ error }

// Unwrap returns SQLite's error.
func (e valueError) Unwrap() error { return e.error }

// blame says whose fault an error of a statement is that was sound: the value's, the schema's, or something else's.
func (c *conn) blame(q *query, err error) error {
	var code sqlite3.ErrorCode
	if !errors.As(err, &code) {
		return err
	}
	switch code {
	case sqlite3.ERROR, sqlite3.TOOBIG, sqlite3.MISMATCH, sqlite3.RANGE:
	default:
		return err
	}
	p, fault := c.prepare(q)
	if fault != nil {
		return fault // a table that is gone, for example
	}
	finalize(p.stmt)
	return valueError{err}
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
