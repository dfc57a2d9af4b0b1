package source

import (
	"errors"
	"fmt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// The errors that a source returns, beside those of its context and its sink. Each keeps the cause for the log, and shows callers
// the words of the catalogue of errors alone, since a cause may hold SQL, a connection string or a driver's words.

// Unavailable says that the database cannot be reached, and that nothing of the statement has run: 503, and a job waits.
func Unavailable(cause error) error { return dataapi.Wrap(dataapi.CodeSourceUnavailable, cause) }

// Interrupted says that the statement may have run, in part or as a whole, and did not end for a reason that passes, such as
// a lost connection or a deadlock: 503, and for a job an attempt.
func Interrupted(cause error) error { return dataapi.Wrap(dataapi.CodeExecutionInterrupted, cause) }

// Overloaded says that no connection came free in time: 503, and for a job no attempt.
func Overloaded(cause error) error { return dataapi.Wrap(dataapi.CodeOverloaded, cause) }

// TimedOut says that the deadline of the call passed: 408.
func TimedOut(cause error) error { return dataapi.Wrap(dataapi.CodeExecutionTimeout, cause) }

// ValueRefused says that an argument is one that the database cannot work with, such as a text that is no JSON: 422. Detail is
// shown to the caller, and is empty unless the database is told to speak to callers.
func ValueRefused(cause error, detail string) error {
	return &dataapi.Error{Code: dataapi.CodeValueRefused, Detail: detail, Err: cause}
}

// Failed says that the statement itself did something wrong: 500.
func Failed(cause error) error { return dataapi.Wrap(dataapi.CodeInternal, cause) }

// ErrPlanning says that a database answers, and had not come to an end with judging a statement.
var ErrPlanning = errors.New("the database was still planning the statement")

// StatementError is a fault of a statement, found when it is published, or when the schema has changed since.
type StatementError struct {
	Offset  int    // of the byte in Statement.SQL where the fault is, from 0; -1 when the database does not say
	Message string // what is wrong, for the endpoint's author; may name tables and columns
	Err     error  // of the database, for the log; may be nil
}

// Unwrap returns the database's error.
func (e *StatementError) Unwrap() error { return e.Err }

// Error returns the message, with the offset where it is known.
func (e *StatementError) Error() string {
	if e.Offset < 0 {
		return e.Message
	}
	return fmt.Sprintf("at byte %d: %s", e.Offset, e.Message)
}
