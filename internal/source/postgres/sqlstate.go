package postgres

import (
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// What an error of the database means is told by its SQLSTATE (PostgreSQL's documentation, Appendix A), and by where it
// comes from: the fields Position, InternalQuery and Routine do not depend on the server's language.
const (
	queryCanceled         = "57014"
	featureNotSupported   = "0A000"
	invalidStatementName  = "26000"
	duplicateStatement    = "42P05"
	syntaxError           = "42601"
	lockNotAvailable      = "55P03"
	protocolViolation     = "08P01"
	caseNotFound          = "20000"
	noSuchSchema          = "3F000"
	assertFailure         = "P0004"
	classConnection       = "08"
	classConstraint       = "23" // of a domain, since nothing is written
	classData             = "22"
	classLimit            = "54" // of the server itself: nesting, the length of a value
	classPLpgSQL          = "P0"
	classRollback         = "40" // serialization, deadlock, a conflict with recovery
	classResources        = "53"
	classOperator         = "57" // shutdowns, crashes, a database that starts or was dropped, a query that somebody cancels
	classSyntaxOrAccess   = "42"
	classNotSupported     = "0A"
	classSchema           = "3F"
	classTransactionState = "25" // also: not in a read-only transaction
)

// callerMessage is the SQLSTATE with which a function of the database may speak to callers: the message of an exception
// that is raised with it is shown to them. Its class is one that the SQL standard leaves to implementations, and that
// neither PostgreSQL nor its extensions use, so that no message is shown that was not meant to be.
const callerMessage = "VR422"

// maxCallerMessage is the most characters of such a message that are shown.
const maxCallerMessage = 500

func class(answer *pgconn.PgError) string { return answer.Code[:min(2, len(answer.Code))] }

// fatal reports whether the server has ended the session with this error.
func fatal(answer *pgconn.PgError) bool {
	return answer.SeverityUnlocalized == "FATAL" || answer.SeverityUnlocalized == "PANIC"
}

// passes reports an error that says nothing about the statement nor its values: the same can succeed a moment later.
func passes(answer *pgconn.PgError) bool {
	return fatal(answer) || answer.Code == lockNotAvailable ||
		slices.Contains([]string{classConnection, classRollback, classResources, classOperator}, class(answer))
}

// outdated reports that a prepared statement may have been overtaken by a change of the schema, or dropped by somebody
// else. Names that are gone count, since the plan's own list of columns may be what still uses them; of those the server
// says where in the statement they are. A name or a syntax error in a value has no such place, nor has one in the body
// of a function.
func outdated(err error) bool {
	if errors.Is(err, errMisfit) {
		return true
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch answer.Code {
	case invalidStatementName, duplicateStatement:
		return true
	case featureNotSupported:
		return answer.Routine == "RevalidateCachedQuery"
	case protocolViolation:
		return answer.Routine == "PortalSetResultFormat" // formats for columns that are gone
	}
	return class(answer) == classSyntaxOrAccess && inStatement(answer)
}

// inStatement reports whether the server points to a place in the statement itself. A statement that was published has no
// fault of syntax: what the SQL parser finds later is in a value, such as 'int4 int8'::regtype.
func inStatement(answer *pgconn.PgError) bool {
	return answer.Position > 0 && answer.Routine != "scanner_yyerror"
}

// blame says whose fault an error is that does not pass: the caller's, if a value was given that the database refuses, or
// the statement's.
func blame(answer *pgconn.PgError, err error, given bool) error {
	switch {
	case answer.Code == callerMessage:
		return &dataapi.Error{Code: dataapi.CodeValueRefused, Detail: shown(answer.Message), Err: err}
	case given && refusesValue(answer):
		return source.ValueRefused(err, "")
	case class(answer) == classSyntaxOrAccess:
		return source.Failed(statementFault(answer, -1, answer.Message, answer.Hint))
	}
	return source.Failed(err)
}

// refusesValue reports whether it is a value that the database refuses. Where the value comes from it does not say: one
// that a table holds is refused in the same words.
func refusesValue(answer *pgconn.PgError) bool {
	switch answer.Routine {
	case "exec_stmt_raise": // RAISE in a function of the database
		return true
	case "xml_ereport": // an XPath expression at fault is an internal error by its SQLSTATE
		return true
	}
	switch class(answer) {
	case classData, classConstraint, classLimit:
		return true
	case classPLpgSQL:
		return answer.Code != assertFailure
	case classNotSupported:
		return !inStatement(answer) // such as a unit of date_trunc
	case classSyntaxOrAccess, classSchema:
		return slices.Contains(readingFaults, answer.Code) && !inStatement(answer) && answer.InternalQuery == ""
	}
	return answer.Code == caseNotFound
}

// readingFaults are those of class 42 that a text can have which is read as a query, a path, or the name of something, as by
// to_tsquery('a &') and 'nothing'::regclass: syntax, names that cannot be, are too long, are not there, or are ambiguous.
var readingFaults = []string{syntaxError, "42602", "42622", "42704", "42P01", "42703", "42883", "42725", noSuchSchema}

// shown is a message as callers get it: one line, and not a long one.
func shown(message string) string {
	message = strings.Join(strings.Fields(strings.ToValidUTF8(message, "")), " ")
	if runes := []rune(message); len(runes) > maxCallerMessage {
		message = string(runes[:maxCallerMessage-3]) + "..."
	}
	return message
}

// statementFault makes an error of the database into one for the statement's author, with advice behind it.
func statementFault(answer *pgconn.PgError, offset int, message, hint string) *source.StatementError {
	for _, more := range []string{answer.Detail, hint} {
		if more != "" {
			message += ". " + strings.TrimSuffix(more, ".")
		}
	}
	return &source.StatementError{Offset: offset, Message: message + " (SQLSTATE " + answer.Code + ")", Err: answer}
}
