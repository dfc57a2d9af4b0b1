package callback

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"code.dny.dev/ssrf"
)

// Reason is why a try did not succeed: a word that keeps its meaning, for programs and for other languages. The error beside it says more.
type Reason string

// The reasons. Each has its sentence in the console's messages.
const (
	AnsweredError     Reason = "answered_error"    // another status than 2xx
	AnsweredGone      Reason = "answered_gone"     // 410, which ends the delivery
	AnsweredRedirect  Reason = "answered_redirect" // which is not followed
	TimedOut          Reason = "timed_out"
	NameNotResolved   Reason = "name_not_resolved"
	NotConnected      Reason = "not_connected"
	ConnectionBroken  Reason = "connection_broken" // before there was an answer
	TLSFailed         Reason = "tls_failed"
	AddressNotAllowed Reason = "address_not_allowed" // the host leads to an address that is not public
	URLNotAllowed     Reason = "url_not_allowed"
	NotPermitted      Reason = "not_permitted" // the user may not be told any more, which ends the delivery
	JobNotKept        Reason = "job_not_kept"  // which ends the delivery
	ResultDamaged     Reason = "result_damaged"
	Internal          Reason = "internal" // a fault of our own
)

// reasoned is an error whose reason is known where it arises.
type reasoned struct {
	error
	reason Reason
}

func (r reasoned) Unwrap() error { return r.error }

func because(reason Reason, err error) error { return reasoned{err, reason} }

// reasonOf is the reason that an error was given; empty: there is no error.
func reasonOf(err error) Reason {
	if err == nil {
		return ""
	}
	if given, ok := errors.AsType[reasoned](err); ok {
		return given.reason
	}
	return Internal
}

// networkReason is why there was no answer.
func networkReason(err error) Reason {
	switch {
	case is[*net.DNSError](err):
		return NameNotResolved
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort), errors.Is(err, ssrf.ErrProhibitedNetwork):
		return AddressNotAllowed
	case errors.Is(err, context.DeadlineExceeded) || timedOut(err):
		return TimedOut
	case is[*tls.CertificateVerificationError](err), is[tls.RecordHeaderError](err), is[tls.AlertError](err), errors.Is(err, http.ErrSchemeMismatch):
		return TLSFailed
	}
	if failed, ok := errors.AsType[*net.OpError](err); ok && failed.Op == "dial" {
		return NotConnected
	}
	return ConnectionBroken
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func timedOut(err error) bool {
	failed, ok := errors.AsType[net.Error](err)
	return ok && failed.Timeout()
}
