package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/source"
)

// failure translates what went wrong at the database into the errors that [source.Query] documents.
func (s *Source) failure(ctx context.Context, err error) error {
	switch {
	case isInterrupted(err) && ctx.Err() != nil:
		return contextError(ctx.Err())
	case errors.Is(err, errClosed) || isInterrupted(err) && s.closed.Load():
		return source.Unavailable(errClosed)
	case isUnavailable(err):
		return source.Unavailable(err)
	case errors.As(err, new(valueError)):
		return source.ValueRefused(err, "")
	default:
		return source.Failed(err)
	}
}

// valueError is what SQLite says of a value that a caller has given. Where the value comes from it does not say: one that a
// table holds is refused in the same words.
type valueError struct{ error }

// Unwrap returns SQLite's error.
func (e valueError) Unwrap() error { return e.error }

// blame tells whose an error of a run is. SQLite has one code for a statement that the schema has outlived, which it prepares
// again by itself, and for everything that goes wrong in a step, such as a pattern that is too long or a text that is no
// JSON: what cannot be prepared any more is a fault of the statement, and otherwise a value that was given is refused.
func (c *conn) blame(q *query, p *prepared, args []source.Argument, err error) error {
	if err == nil || errors.As(err, new(sinkError)) {
		return err
	}
	if !errors.Is(err, sqlite3.ERROR) && !errors.Is(err, sqlite3.TOOBIG) && !errors.Is(err, sqlite3.MISMATCH) &&
		!errors.Is(err, sqlite3.RANGE) {
		return err
	}
	again, refused := c.prepare(q)
	if fault, ok := errors.AsType[*source.StatementError](refused); ok {
		return fault
	}
	if refused != nil {
		return err
	}
	finalize(again.stmt)
	if !p.given(args) {
		return err
	}
	return valueError{err}
}

// given reports whether the statement uses a value of its caller.
func (p *prepared) given(args []source.Argument) bool {
	return slices.ContainsFunc(p.arguments, func(argument int) bool { return !args[argument].Null })
}

// contextError says how a context ended.
func contextError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return source.TimedOut(err)
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
