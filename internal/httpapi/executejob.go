package httpapi

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// pollInterval is how long a caller is asked to wait before it looks at a job again.
const pollInterval = time.Second

// answerJob makes a job of the call, and answers as its mode says: with the result when it is there in time, else with
// the job.
func (e *executions) answerJob(x *exchange) error {
	if x.mode.wait > 0 {
		end, err := e.beginWaiting(x.caller.Company.Slug)
		switch {
		case err == nil:
			defer end()
		case x.mode.detach:
			x.mode.wait = 0 // it can poll
		default:
			return err
		}
	}
	accepted, repeated, err := e.acceptJob(x)
	if err != nil {
		return err
	}
	if repeated {
		x.w.Header().Set("Idempotent-Replayed", "true")
	} else {
		x.accepted = &accepted
		e.recordAccepted(x)
	}
	if !x.mode.detach {
		return e.answerStrictly(x, accepted, repeated)
	}
	ended := accepted
	if x.mode.wait > 0 {
		if ended, err = e.awaitJob(x.r, accepted, x.mode.wait, dataapi.ActionExecute); err != nil {
			return err
		}
	}
	if x.mode.wait > 0 && ended.Status.Terminal() {
		x.mode.preferred.SetApplied(x.w.Header(), false)
		return e.answerEnded(x, ended)
	}
	x.mode.preferred.SetApplied(x.w.Header(), true)
	polling := fields.BaseOf(x.r).Path + jobPath(ended)
	x.w.Header().Set("Location", polling)
	fields.SetRetryAfter(x.w.Header(), pollInterval)
	return respond.WriteJSON(x.w, http.StatusAccepted, acceptedAnswer{
		JobID: ended.ID.String(), Status: string(ended.Status), PollingURL: polling,
	})
}

// jobPath is where a job can be polled. Its PollingPath is where its first caller could: there may be several ways to this server.
func jobPath(polled job.Job) string { return polled.Address.URLPath() + "/jobs/" + polled.ID.String() }

// acceptedAnswer is the body of a 202.
type acceptedAnswer struct {
	JobID      string `json:"job_id"`
	Status     string `json:"status"`
	PollingURL string `json:"polling_url"`
}

// acceptJob puts a job on disk. With an Idempotency-Key that was used before it returns the job that came of it.
func (e *executions) acceptJob(x *exchange) (accepted job.Job, repeated bool, err error) {
	canonical, endpoint := x.bound.Canonical(), x.bound.Endpoint
	request := job.Request{
		Company:  x.caller.Company.Slug,
		User:     x.caller.User.Name,
		KeyID:    x.caller.KeyID,
		Address:  endpoint.Address,
		Source:   endpoint.Source,
		Revision: endpoint.Revision, PinRevision: x.bound.Pinned,
		Attended: !x.mode.detach,
		Personal: x.bound.PersonalTo() != "",
		Params:   canonical,
		PollingPath: func(id job.ID) string {
			return fields.BaseOf(x.r).Path + endpoint.URLPath() + "/jobs/" + id.String()
		},
		CallbackURL: x.callback,
		Traceparent: tracing.Traceparent(x.r.Context()),
	}
	e.traces.Learn(x.r.Context())
	if x.mode.key == "" {
		accepted, err = e.jobs.Accept(x.r.Context(), request)
		return accepted, false, err
	}
	return e.jobs.AcceptOnce(x.r.Context(), request, job.Idempotency{Key: x.mode.key, Digest: fields.Digest(x.bound, canonical, x.callback)})
}

// answerStrictly answers the caller of a sync endpoint who expects the result alone.
func (e *executions) answerStrictly(x *exchange, accepted job.Job, repeated bool) error {
	ended := accepted
	if !ended.Status.Terminal() {
		if repeated {
			return &dataapi.Error{Code: dataapi.CodeIdempotencyConflict, RetryAfter: pollInterval}
		}
		var err error
		if ended, err = e.awaitStrictly(x.r, accepted, x.mode.wait); err != nil {
			return err
		}
		if !ended.Status.Terminal() {
			return &dataapi.Error{
				Code:       dataapi.CodeOverloaded,
				Detail:     "The request goes on. Repeat it with the same Idempotency-Key to get its answer.",
				RetryAfter: pollInterval,
			}
		}
	}
	return e.answerEnded(x, ended)
}

// answerEnded answers with what a job has come to as an endpoint in sync mode would: with the plain result, or with the
// error.
func (e *executions) answerEnded(x *exchange, ended job.Job) error {
	switch ended.Status {
	case job.Completed:
		e.setRevisionOf(x.w.Header(), ended)
	case job.Failed:
		return &dataapi.Error{Code: ended.Error.Code, Detail: ended.Error.Detail}
	default:
		return dataapi.Errorf(dataapi.CodeJobNotCompleted, "The job %s was cancelled.", ended.ID)
	}
	stored, err := e.openResult(x.w, x.r, e.jobs, ended)
	if err != nil {
		return err
	}
	defer stored.Close()
	end, err := e.beginForm(ended.Company, x.form)
	if err != nil {
		return err
	}
	defer end()
	return answerStored(x.r.Context(), x.w, ended, stored, x.form)
}
