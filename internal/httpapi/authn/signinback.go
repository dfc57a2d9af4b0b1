package authn

import (
	"errors"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
)

// setback tells a person why a sign-in has come to nothing: a word that the console's page puts into a sentence. Words of the provider's never
// get there, since anybody who makes a link to the callback can write them.
type setback string

const (
	signInDenied      setback = "denied"      // the provider has said no
	signInStale       setback = "stale"       // this browser has not begun it, or too long ago, or it was used
	signInUnknown     setback = "unknown"     // the company has no active user whom the provider calls that
	signInUnavailable setback = "unavailable" // it can be begun again in a moment
	signInThrottled   setback = "throttled"   // there were too many attempts
	signInFailed      setback = "failed"      // anything else, which the audit log knows
)

// setbackError is an error that knows what to tell a person.
type setbackError struct {
	setback setback
	error
}

func (e *setbackError) Unwrap() error { return e.error }

// leadBack leads the browser of a person to the console's page, which says what the cause means. Programs, and everybody where there is no
// console, get the answer itself.
func (s *signIns) leadBack(r *http.Request, cause, answer error) error {
	console := s.console(r)
	if console == "" || !fields.PrefersHTML(r.Header) {
		return answer
	}
	// In the fragment: it is in no log, and the page takes it out of the address bar.
	return &respond.SeeOtherError{Location: console + "#/sign-in?failed=" + string(setbackOf(cause)), Err: answer}
}

func setbackOf(cause error) setback {
	if known, ok := errors.AsType[*setbackError](cause); ok {
		return known.setback
	}
	switch code := dataapi.AsError(cause).Code; {
	case code == dataapi.CodeRateLimited:
		return signInThrottled
	case code.Passing():
		return signInUnavailable
	}
	return signInFailed
}

// console returns the path of the console, as the sender of a request knows it; empty: there is none.
func (s *signIns) console(r *http.Request) string {
	if s.Console == nil {
		return ""
	}
	path := s.Console()
	if path == "" {
		return ""
	}
	return fields.BaseOf(r).Path + path + "/"
}
