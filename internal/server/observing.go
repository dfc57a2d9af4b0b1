package server

import (
	"context"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// unobserved is set by the linker, in a program that the benchmark of what counting costs compares with the product (`make bench
// ROW=metrics`): nobody is told of calls.
var unobserved string

// observing returns the observer of calls, and of the ends of jobs, that counts them first.
func (b *Backend) observing(others observe.Observer) observe.Observer {
	if unobserved != "" {
		return observe.Observers(nil)
	}
	return observe.Observers{b.Usage, b.quotas, b.Activity, others}
}

// ended tells the observers and the audit log how a job has ended.
func (o *BackendOptions) ended(ended job.Job) {
	call := observe.Call{
		Kind:    observe.Job,
		Company: ended.Company, User: ended.User, KeyID: ended.KeyID,
		Endpoint: ended.Address, Revision: ended.Revision, Source: ended.Source, JobID: ended.ID.String(), Attempts: ended.Tries(),
		Outcome: string(ended.Status), Queued: ended.CompletedAt.Sub(ended.CreatedAt), TraceID: tracing.IDOf(ended.LastTraceparent()),
	}
	switch {
	case ended.Status == job.Completed:
		call.Outcome = observe.Success
	case ended.Error != nil:
		call.Outcome, call.Reason = string(ended.Error.Code), ended.Error.Detail
	}
	if !ended.StartedAt.IsZero() {
		call.Ran, call.Rows, call.Bytes = true, ended.Result.RowCount, ended.Result.Size
		call.Began, call.Duration = ended.StartedAt, ended.CompletedAt.Sub(ended.StartedAt)
		call.Queued = ended.StartedAt.Sub(ended.CreatedAt)
	}
	o.Observer.Observe(context.Background(), &call)
	if o.AuditLog.Enabled() {
		o.AuditLog.Record(audit.CallEvent(&call))
	}
}
