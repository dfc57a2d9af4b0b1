package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

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
