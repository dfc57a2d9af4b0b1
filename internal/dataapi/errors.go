package dataapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Code names an error to callers. Codes are part of the HTTP contract: one is never renamed or reused.
type Code string

// The codes of the catalogue. What each one means, and its HTTP status, is in [Catalogue].
const (
	CodeInvalidRequest       Code = "INVALID_REQUEST"
	CodeUnauthenticated      Code = "UNAUTHENTICATED"
	CodeForbidden            Code = "FORBIDDEN"
	CodeNotFound             Code = "NOT_FOUND"
	CodeEndpointNotFound     Code = "ENDPOINT_NOT_FOUND"
	CodeRevisionNotFound     Code = "REVISION_NOT_FOUND"
	CodeJobNotFound          Code = "JOB_NOT_FOUND"
	CodeMethodNotAllowed     Code = "METHOD_NOT_ALLOWED"
	CodeNotAcceptable        Code = "NOT_ACCEPTABLE"
	CodeExecutionTimeout     Code = "EXECUTION_TIMEOUT"
	CodeIdempotencyConflict  Code = "IDEMPOTENCY_CONFLICT"
	CodeJobNotCompleted      Code = "JOB_NOT_COMPLETED"
	CodeConflict             Code = "CONFLICT"
	CodeLinkEnded            Code = "LINK_ENDED"
	CodePreconditionFailed   Code = "PRECONDITION_FAILED"
	CodeRequestTooLarge      Code = "REQUEST_TOO_LARGE"
	CodeUnsupportedMediaType Code = "UNSUPPORTED_MEDIA_TYPE"
	CodeRangeNotSatisfiable  Code = "RANGE_NOT_SATISFIABLE"
	CodeInvalidEndpoint      Code = "INVALID_ENDPOINT"
	CodeInvalidParameter     Code = "INVALID_PARAMETER"
	CodeParameterNotAllowed  Code = "PARAMETER_NOT_ALLOWED"
	CodeValueRefused         Code = "VALUE_REFUSED"
	CodeIdempotencyKeyReused Code = "IDEMPOTENCY_KEY_REUSED"
	CodeRateLimited          Code = "RATE_LIMITED"
	CodeQuotaExceeded        Code = "QUOTA_EXCEEDED"
	CodeAttemptsExhausted    Code = "ATTEMPTS_EXHAUSTED"
	CodeInternal             Code = "INTERNAL_ERROR"
	CodeOverloaded           Code = "OVERLOADED"
	CodeSourceUnavailable    Code = "SOURCE_UNAVAILABLE"    // nothing has run
	CodeExecutionInterrupted Code = "EXECUTION_INTERRUPTED" // it may have run, in part or as a whole
	CodeHTTPVersion          Code = "HTTP_VERSION_NOT_SUPPORTED"
)

// Definition is one row of the error catalogue.
type Definition struct {
	Code   Code
	Status int    // HTTP status code
	Title  string // short summary that never varies between occurrences (RFC 9457, 3.1.3)
	Detail string // what a caller is told when an occurrence has nothing more specific to say
}

// Error is the only error that crosses a package boundary on a request's way. Code, Detail and Faults are shown to
// the caller; Err is the cause, for the log alone, since it may hold SQL, a DSN or a driver's words.
type Error struct {
	Code       Code
	Detail     string        // safe to show; empty means the catalogue's
	Faults     []Fault       // every parameter at fault, for the 422 codes
	RetryAfter time.Duration // when above zero, overrides the default of the 429 and 503 answers
	Err        error

	// Members are further members of the problem document (RFC 9457, 3.2), shown to the caller. They must encode as JSON.
	Members map[string]any
}

// TextFault is what is wrong at a place of a text that a caller has sent.
type TextFault struct {
	Line    int      `json:"line"`   // from 1
	Column  int      `json:"column"` // in characters, from 1
	Length  int      `json:"length"` // of the word at fault, in characters; at least 1
	Message string   `json:"message"`
	Allowed []string `json:"allowed"` // words that may be in its place; null: that is no closed list
	Effect  *string  `json:"effect"`  // what is live all the same; null: nothing is, or it is not known
}

// Fault is what is wrong with one parameter of a request.
type Fault struct {
	Parameter string `json:"parameter"`
	Code      Code   `json:"code"` // CodeInvalidParameter or CodeParameterNotAllowed
	Detail    string `json:"detail"`
}

// Errorf makes an error of the catalogue whose detail is shown to the caller.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Wrap makes an error of the catalogue that shows the caller the catalogue's own words and keeps cause for the log.
func Wrap(code Code, cause error) *Error {
	return &Error{Code: code, Err: cause}
}

// Error is the text for the log: it includes the cause and must not be sent to a caller.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString(string(e.Code))
	if e.Detail != "" {
		text.WriteString(": " + e.Detail)
	}
	for _, fault := range e.Faults {
		fmt.Fprintf(&text, "; %s: %s", fault.Parameter, fault.Detail)
	}
	if e.Err != nil {
		text.WriteString(": " + e.Err.Error())
	}
	return text.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError returns err as an error of the catalogue. Another error becomes CodeInternal, with err as its cause;
// a deadline that nobody translated becomes CodeExecutionTimeout. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Wrap(CodeExecutionTimeout, err)
	}
	return Wrap(CodeInternal, err)
}

// Passing reports whether what the code says passes by itself, so that the same request can succeed later.
func (c Code) Passing() bool { return c.Definition().Status == http.StatusServiceUnavailable }

// JoinFaults returns the first of the errors, with the faults of all of them where each error has faults; nil when there
// is none. The code is CodeInvalidParameter as soon as one of them has it.
func JoinFaults(errs ...error) error {
	var joined *Error
	for _, err := range errs {
		if err == nil {
			continue
		}
		failure := AsError(err)
		switch {
		case len(failure.Faults) == 0:
			return err // more than a fault of one parameter
		case joined == nil:
			copied := *failure
			joined = &copied
		default:
			joined.Faults = append(slices.Clip(joined.Faults), failure.Faults...)
			if failure.Code == CodeInvalidParameter {
				joined.Code = failure.Code
			}
		}
	}
	if joined == nil {
		return nil
	}
	return joined
}

// HasCode reports whether err is an error of the catalogue with this code.
func HasCode(err error, code Code) bool {
	known, ok := errors.AsType[*Error](err)
	return ok && known.Code == code
}

// SQLState returns the SQLSTATE (ISO/IEC 9075) of an error that comes from a database; empty: its driver does not say it.
func SQLState(err error) string {
	type stated interface {
		error
		SQLState() string
	}
	answer, ok := errors.AsType[stated](err)
	if !ok {
		return ""
	}
	return answer.SQLState()
}
