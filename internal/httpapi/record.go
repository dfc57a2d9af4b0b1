package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/tracing"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// recorder keeps the audit log.
type recorder struct {
	auditLog   audit.Log
	parameters bool // are recorded too, sensitive ones replaced
	clientIP   func(r *http.Request) string
	meter      observe.Meter
}

// record completes an event with where it came from, and keeps it.
func (k *recorder) record(w http.ResponseWriter, r *http.Request, event audit.Event) {
	if event.Outcome == "" {
		event.Outcome = audit.Success
	}
	event.ClientIP, event.RequestID, event.TraceID = k.clientIP(r), fields.RequestID(w), tracing.ID(r.Context())
	k.auditLog.Record(event)
}

// by returns an event of a caller.
func by(caller identity.Principal, action audit.Action) audit.Event {
	event := audit.Event{Action: action, KeyID: caller.KeyID, Issuer: caller.Issuer, Session: caller.Session}
	if caller.Company != nil {
		event.Company, event.User = caller.Company.Slug, caller.User.Name
	}
	return event
}

// outcomeOf returns the code of an error and, for operators, its cause.
func outcomeOf(err error) (outcome, reason string) {
	failure := dataapi.AsError(err)
	switch {
	case failure == nil:
		return audit.Success, ""
	case errors.Is(err, context.Canceled), errors.Is(err, errStalled):
		return observe.CallerGone, ""
	case failure.Err != nil && failure.Code == dataapi.CodeUnauthenticated:
		reason = failure.Err.Error()
	case failure.Code.Definition().Status < http.StatusInternalServerError:
		reason = failure.Detail // other causes are for the log: a database's message may repeat a value
	}
	return string(failure.Code), reason
}

// recordCall tells the observers and the audit log what has become of a call.
func (e *executions) recordCall(x *exchange) {
	call := x.call()
	e.observer.Observe(x.r.Context(), &call)
	x.charged = usage.Charges(&call)
	if call.Ran && e.auditLog.Enabled() {
		e.record(x.w, x.r, e.describe(audit.CallEvent(&call), x.bound))
	}
}

// call is the record of an exchange that has ended.
func (x *exchange) call() observe.Call {
	call := observe.Call{
		KeyID: x.caller.KeyID, Issuer: x.caller.Issuer, Session: x.caller.Session, RequestID: fields.RequestID(x.w), TraceID: tracing.ID(x.r.Context()),
		Ran: x.ran && !x.mode.asJob, Rows: x.summary.RowCount, Cache: x.cacheStatus, Began: x.begun, Duration: time.Since(x.begun), Err: x.failure,
	}
	call.Outcome, call.Reason = outcomeOf(x.failure)
	if x.caller.Company != nil {
		call.Company, call.User = x.caller.Company.Slug, x.caller.User.Name
	}
	if x.accepted != nil {
		call.Kind, call.JobID = observe.Accepted, x.accepted.ID.String()
	}
	if endpoint := x.called.Endpoint; endpoint != nil {
		call.Endpoint, call.Revision, call.Source = endpoint.Address, endpoint.Revision, endpoint.Source
	}
	if x.bound != nil {
		call.Timing, call.Query = x.bound.Timing, x.bound
	}
	if answer, ok := x.w.(*answer); ok {
		call.Bytes = answer.sent
	}
	return call
}

// describe adds the values of the parameters where the configuration asks for them.
func (k *recorder) describe(event audit.Event, bound *execution.Bound) audit.Event {
	if k.parameters {
		event.Parameters = bound.Redacted()
	}
	return event
}

// recordAccepted keeps that a job was accepted, with what it is asked to do. It does not wait for the end of the exchange,
// whose caller may wait for the job.
func (e *executions) recordAccepted(x *exchange) {
	if e.auditLog.Enabled() {
		call := x.call()
		e.record(x.w, x.r, e.describe(audit.CallEvent(&call), x.bound))
	}
}

// recordJob keeps what a caller has done with a job.
func (k *recorder) recordJob(w http.ResponseWriter, r *http.Request, action audit.Action, done job.Job) {
	if !k.auditLog.Enabled() {
		return
	}
	event := by(callerOf(r), action)
	event.JobID, event.Endpoint, event.Revision = done.ID.String(), done.Address.String(), done.Revision
	k.record(w, r, event)
}

// recordRefusal keeps that a caller was refused for what it may do, as opposed to how it asked.
func (k *recorder) recordRefusal(w http.ResponseWriter, r *http.Request, err error) {
	code := dataapi.AsError(err).Code
	if code != dataapi.CodeForbidden && code != dataapi.CodeParameterNotAllowed || !k.auditLog.Enabled() {
		return
	}
	caller := callerOf(r)
	event := by(caller, audit.PermissionDenied)
	event.Outcome, event.Reason = outcomeOf(err)
	if namespace := r.PathValue("namespace"); dataapi.ValidSlug(namespace) && dataapi.ValidSlug(r.PathValue("slug")) {
		// As the caller named it: the endpoint may belong to another company, or to none.
		event.Subject = namespace + "/" + r.PathValue("slug")
	}
	k.record(w, r, event)
}
