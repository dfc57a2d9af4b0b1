package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// sinkError marks an error of the sink, which is returned as it is.
type sinkError struct{ error }

var errRowTooLarge = fmt.Errorf("a row is larger than the %d MiB that a source holds of one", maxRow>>20)

// tooLarge reports whether the database has sent a message that is larger than what we hold. The driver has closed the
// connection then.
func tooLarge(err error) bool {
	_, ok := errors.AsType[*pgproto3.ExceededMaxBodyLenErr](err)
	return ok
}

// interrupted makes ctx's error into the one that a caller of the source gets.
func interrupted(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return source.TimedOut(err)
	}
	return context.Canceled
}

// translate makes an error of the driver into one of the seam. Ctx is the caller's, running the one that also ends
// when the source closes.
func (c *conn) translate(ctx, running context.Context, err error, took time.Duration) error {
	if own, ok := errors.AsType[sinkError](err); ok {
		return own.error
	}
	if known, ok := errors.AsType[*dataapi.Error](err); ok {
		return known
	}
	if fault, ok := errors.AsType[*source.StatementError](err); ok {
		return fault
	}
	if ctx.Err() != nil {
		return interrupted(ctx.Err())
	}
	if errors.Is(context.Cause(running), errClosed) {
		return source.Unavailable(errClosed)
	}
	lost := dataapi.CodeSourceUnavailable
	if c.mayHaveRun(err) {
		lost = dataapi.CodeExecutionInterrupted
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case answer.Code == queryCanceled && c.backstop > 0 && took >= c.backstop:
			return source.TimedOut(err)
		case passes(answer):
			return dataapi.Wrap(lost, err)
		}
		return blame(answer, err, c.given)
	}
	if tooLarge(err) {
		return source.Failed(errRowTooLarge)
	}
	if c.pg.IsClosed() {
		return dataapi.Wrap(lost, err)
	}
	return source.Failed(err)
}
