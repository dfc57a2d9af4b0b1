package httpapi

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/tracing"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// recorder keeps what callers have done with endpoints and jobs.
type recorder struct {
	*respond.Recorder
	parameters bool // are recorded too, sensitive ones replaced
}

// recordCall tells the observers and the audit log what has become of a call.
func (e *executions) recordCall(x *exchange) {
	x.record = x.call()
	e.observer.Observe(x.r.Context(), &x.record)
	x.charged = usage.Charges(&x.record)
	if x.record.Ran && e.AuditLog.Enabled() {
		e.Record(x.w, x.r, e.describe(audit.CallEvent(&x.record), x.bound))
	}
}

// call is the record of an exchange that has ended.
func (x *exchange) call() observe.Call {
	call := observe.Call{
		KeyID: x.caller.KeyID, Issuer: x.caller.Issuer, Session: x.caller.Session, LinkID: x.caller.Link,
		RequestID: fields.RequestID(x.w), TraceID: tracing.ID(x.r.Context()),
		Ran: x.ran && !x.mode.asJob, Rows: x.summary.RowCount, Cache: x.cacheStatus, Began: x.begun, Duration: time.Since(x.begun), Err: x.failure,
		Bytes: respond.AnswerOf(x.w).Sent(),
	}
	call.Outcome, call.Reason = respond.OutcomeOf(x.failure)
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
	if e.AuditLog.Enabled() {
		call := x.call()
		e.Record(x.w, x.r, e.describe(audit.CallEvent(&call), x.bound))
	}
}

// recordJob keeps what a caller has done with a job.
func (k *recorder) recordJob(w http.ResponseWriter, r *http.Request, action audit.Action, done job.Job) {
	if !k.AuditLog.Enabled() {
		return
	}
	event := respond.EventBy(respond.CallerOf(r), action)
	event.JobID, event.Endpoint, event.Revision = done.ID.String(), done.Address.String(), done.Revision
	k.Record(w, r, event)
}
