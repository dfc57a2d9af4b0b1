package admin

import (
	"errors"
	"net"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// record keeps in the audit log what an operator has done.
func (s *Services) record(r *http.Request, event audit.Event) {
	event.Actor, event.ClientIP = audit.Operator, clientIP(r)
	if event.Outcome == "" {
		event.Outcome = audit.Success
	}
	s.AuditLog.Record(event)
}

// recordFailure keeps what the store could not write of what an operator asked for: a key that is revoked is refused all
// the same. An error of package dataapi says that nothing was done.
func (s *Services) recordFailure(r *http.Request, event audit.Event, err error) {
	if _, ok := errors.AsType[*dataapi.Error](err); ok {
		return
	}
	event.Outcome, event.Reason = string(dataapi.CodeInternal), err.Error()
	s.record(r, event)
}

// clientIP returns the address that a request came from, without the port. Over a unix socket there is none, and it is
// what net/http says then.
func clientIP(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}
