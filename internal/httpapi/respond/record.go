package respond

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// Recorder keeps the audit log, and counts refusals.
type Recorder struct {
	AuditLog audit.Log
	Meter    observe.Meter

	// ClientIP returns the address of the client that sent a request, behind the proxies that are trusted; empty when it is not
	// known. It must not block.
	ClientIP func(r *http.Request) string
}

// Record completes an event with where it came from, and keeps it. An event without an outcome is a success. Where making
// the event costs something, ask AuditLog.Enabled before.
func (k *Recorder) Record(w http.ResponseWriter, r *http.Request, event audit.Event) {
	if event.Outcome == "" {
		event.Outcome = audit.Success
	}
	event.ClientIP, event.RequestID, event.TraceID = k.ClientIP(r), fields.RequestID(w), tracing.ID(r.Context())
	k.AuditLog.Record(event)
}

// EventBy returns an event of a caller.
func EventBy(caller identity.Principal, action audit.Action) audit.Event {
	event := audit.Event{Action: action, KeyID: caller.KeyID, Issuer: caller.Issuer, Session: caller.Session, LinkID: caller.Link}
	if caller.Company != nil {
		event.Company, event.User = caller.Company.Slug, caller.User.Name
	}
	return event
}

// OutcomeOf returns the code of an error and, for operators, its cause, as events have them.
func OutcomeOf(err error) (outcome, reason string) {
	failure := dataapi.AsError(err)
	switch {
	case failure == nil:
		return audit.Success, ""
	case errors.Is(err, context.Canceled), errors.Is(err, errStalled):
		return observe.CallerGone, ""
	case failure.Err != nil && (failure.Code == dataapi.CodeUnauthenticated || failure.Code == dataapi.CodeLinkEnded):
		reason = failure.Err.Error()
	case failure.Code.Definition().Status < http.StatusInternalServerError:
		reason = failure.Detail // other causes are for the log: a database's message may repeat a value
	}
	return string(failure.Code), reason
}

// recordRefusal keeps that a caller was refused for what it may do, as opposed to how it asked.
func (k *Recorder) recordRefusal(w http.ResponseWriter, r *http.Request, err error) {
	code := dataapi.AsError(err).Code
	if code != dataapi.CodeForbidden && code != dataapi.CodeParameterNotAllowed || !k.AuditLog.Enabled() {
		return
	}
	caller := CallerOf(r)
	event := EventBy(caller, audit.PermissionDenied)
	event.Outcome, event.Reason = OutcomeOf(err)
	if namespace := r.PathValue("namespace"); dataapi.ValidSlug(namespace) && dataapi.ValidSlug(r.PathValue("slug")) {
		// As the caller named it: the endpoint may belong to another company, or to none.
		event.Subject = namespace + "/" + r.PathValue("slug")
	}
	k.Record(w, r, event)
}

// CountRefusal counts credentials that were refused. Errors of other kinds do not concern it.
func (k *Recorder) CountRefusal(err error) {
	if err == nil || !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
		return
	}
	k.Meter.TokenRefused(cmp.Or(identity.Refusal(err), token.Refusal(err)))
}
