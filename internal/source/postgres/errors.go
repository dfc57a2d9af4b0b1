package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/source/postgres/values"
	"github.com/solucao42/caddy-data-api/source"
)

// sinkError marks an error of the sink, which is returned as it is.
type sinkError struct{ error }

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
		return source.Failed(values.ErrRowTooLarge)
	}
	if c.pg.IsClosed() {
		return dataapi.Wrap(lost, err)
	}
	return source.Failed(err)
}

// refusal is our own verdict on a server or role that would not be safe to run on.
type refusal struct{ error }

func refuse(format string, args ...any) error { return refusal{fmt.Errorf(format, args...)} }

// connectError is why no connection came about. The driver tries an address once with TLS and once without, and says the
// same of both.
type connectError struct{ error }

// Error returns each reason once, on one line.
func (e connectError) Error() string {
	var reasons []string
	for reason := range strings.SplitSeq(e.error.Error(), "\n") {
		if reason = strings.TrimSpace(reason); reason != "" && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	return "connecting to PostgreSQL: " + strings.Join(reasons, "; ")
}

// Unwrap returns the driver's error.
func (e connectError) Unwrap() error { return e.error }

// refusals are the classes of SQLSTATE with which a server that is well turns a client away.
var refusals = []string{
	"0A", // no such version of the protocol
	"22", // a value that a setting does not take
	"28", // no such role, a wrong password, an entry of pg_hba.conf
	"3D", // no such database
	"42", // no such setting, or no privilege to connect to the database
}

// refused reports whether waiting does not help: the server is there, and it or we say no.
func refused(err error) bool {
	if _, ok := errors.AsType[refusal](err); ok {
		return true
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains(refusals, answer.Code[:min(2, len(answer.Code))])
}
