package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// callerGone is the outcome of an execution whose caller did not wait for its end.
const callerGone = "CALLER_GONE"

// recorder keeps the audit log.
type recorder struct {
	auditLog   audit.Log
	parameters bool // are recorded too, sensitive ones replaced
	clientIP   func(r *http.Request) string
}

// record completes an event with where it came from, and keeps it.
func (k *recorder) record(w http.ResponseWriter, r *http.Request, event audit.Event) {
	if event.Outcome == "" {
		event.Outcome = audit.Success
	}
	event.ClientIP, event.RequestID = k.clientIP(r), RequestID(w)
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
		return callerGone, ""
	case failure.Err != nil && failure.Code == dataapi.CodeUnauthenticated:
		reason = failure.Err.Error()
	case failure.Code.Definition().Status < http.StatusInternalServerError:
		reason = failure.Detail // other causes are for the log: a database's message may repeat a value
	}
	return string(failure.Code), reason
}

// recordExecution keeps the execution of an endpoint for a caller who waited.
func (k *recorder) recordExecution(x *exchange) {
	if !k.auditLog.Enabled() {
		return
	}
	event := by(x.caller, audit.EndpointExecuted)
	event.Outcome, event.Reason = outcomeOf(x.failure)
	k.describe(&event, x.bound)
	event.Ran, event.Rows, event.Duration = true, x.summary.RowCount, time.Since(x.begun)
	k.record(x.w, x.r, event)
}

// describe says which endpoint an event is about and, where the configuration asks for it, with which values.
func (k *recorder) describe(event *audit.Event, bound *execution.Bound) {
	event.Endpoint, event.Revision = bound.Endpoint.Address.String(), bound.Endpoint.Revision
	if k.parameters {
		event.Parameters = bound.Redacted()
	}
}

// recordAccepted keeps that a job was accepted, with what it is asked to do.
func (k *recorder) recordAccepted(x *exchange, accepted job.Job) {
	if !k.auditLog.Enabled() {
		return
	}
	event := by(x.caller, audit.JobAccepted)
	event.JobID = accepted.ID.String()
	k.describe(&event, x.bound)
	k.record(x.w, x.r, event)
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
