package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// pollInterval is how long a caller is asked to wait before it looks at a job again.
const pollInterval = time.Second

// answerJob makes a job of the call, and answers as the terms say: with the result when it is there in time, else with
// the job.
func (a *API) answerJob(
	w http.ResponseWriter, r *http.Request, caller identity.Principal, bound *execution.Bound, terms terms, callback string,
) error {
	if terms.wait > 0 {
		end, err := a.beginWaiting(caller.Company.Slug)
		switch {
		case err == nil:
			defer end()
		case terms.detach:
			terms.wait = 0 // it can poll
		default:
			return err
		}
	}
	accepted, repeated, err := a.acceptJob(r, caller, bound, terms, callback)
	if err != nil {
		return err
	}
	if repeated {
		w.Header().Set("Idempotent-Replayed", "true")
	} else {
		a.recordAccepted(w, r, caller, bound, accepted)
	}
	if !terms.detach {
		return a.answerStrictly(w, r, accepted, repeated, terms)
	}
	ended := accepted
	if terms.wait > 0 {
		if ended, err = a.awaitJob(r, accepted, terms.wait, dataapi.ActionExecute); err != nil {
			return err
		}
	}
	if terms.wait > 0 && ended.Status.Terminal() {
		terms.preferred.setApplied(w.Header(), false)
		return a.answerEnded(w, r, ended, terms.form)
	}
	terms.preferred.setApplied(w.Header(), true)
	w.Header().Set("Location", ended.PollingPath)
	setRetryAfter(w.Header(), pollInterval)
	return writeJSON(w, http.StatusAccepted, acceptedAnswer{
		JobID: ended.ID.String(), Status: string(ended.Status), PollingURL: ended.PollingPath,
	})
}

// acceptedAnswer is the body of a 202.
type acceptedAnswer struct {
	JobID      string `json:"job_id"`
	Status     string `json:"status"`
	PollingURL string `json:"polling_url"`
}

// acceptJob puts a job on disk. With an Idempotency-Key that was used before it returns the job that came of it.
func (a *API) acceptJob(
	r *http.Request, caller identity.Principal, bound *execution.Bound, terms terms, callback string,
) (accepted job.Job, repeated bool, err error) {
	canonical := bound.Canonical()
	request := job.Request{
		Company:  caller.Company.Slug,
		User:     caller.User.Name,
		KeyID:    caller.KeyID,
		Address:  bound.Endpoint.Address,
		Source:   bound.Endpoint.Source,
		Revision: bound.Endpoint.Revision, PinRevision: bound.Pinned,
		Attended: !terms.detach,
		Personal: bound.PersonalTo() != "",
		Params:   canonical,
		PollingPath: func(id job.ID) string {
			return bound.Endpoint.URLPath() + "/jobs/" + id.String()
		},
		CallbackURL: callback,
	}
	if terms.key == "" {
		accepted, err = a.Jobs.Accept(r.Context(), request)
		return accepted, false, err
	}
	return a.Jobs.AcceptOnce(r.Context(), request, job.Idempotency{Key: terms.key, Digest: digest(bound, canonical, callback)})
}

// answerStrictly answers the caller of a sync endpoint who expects the result alone.
func (a *API) answerStrictly(w http.ResponseWriter, r *http.Request, accepted job.Job, repeated bool, terms terms) error {
	ended := accepted
	if !ended.Status.Terminal() {
		if repeated {
			return &dataapi.Error{Code: dataapi.CodeIdempotencyConflict, RetryAfter: pollInterval}
		}
		var err error
		if ended, err = a.awaitStrictly(r, accepted, terms.wait); err != nil {
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
	return a.answerEnded(w, r, ended, terms.form)
}

// answerEnded answers with what a job has come to as an endpoint in sync mode would: with the plain result, or with the
// error.
func (a *API) answerEnded(w http.ResponseWriter, r *http.Request, ended job.Job, form form) error {
	switch ended.Status {
	case job.Completed:
		a.setRevisionOf(w.Header(), ended)
		return a.answerKept(w, r, ended, form)
	case job.Failed:
		return &dataapi.Error{Code: ended.Error.Code, Detail: ended.Error.Detail}
	default:
		return dataapi.Errorf(dataapi.CodeJobNotCompleted, "The job %s was cancelled.", ended.ID)
	}
}

// answerKept streams the kept result of a job in the form of a sync answer, which in JSON is one with two fields more at
// its end.
func (a *API) answerKept(w http.ResponseWriter, r *http.Request, completed job.Job, form form) error {
	stored, err := a.Jobs.OpenResult(r.Context(), completed.ID)
	if err != nil {
		return jobError(err)
	}
	defer stored.Close()
	if err := reserve(w, stored.Memory()); err != nil {
		return err
	}
	a.recordJob(w, r, callerOf(r), audit.ResultRead, completed)
	if !form.plain() {
		return answerConverted(w, completed, stored, form, true)
	}
	head := stored.Size() - int64(len("}"))
	tail := fmt.Sprintf(`,"max_rows":%d,"executed_at":%q}`,
		completed.Result.MaxRows, completed.Result.ExecutedAt.UTC().Format(time.RFC3339))
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.FormatInt(head+int64(len(tail)), 10))
	if _, err := io.CopyN(w, stored, head); err != nil {
		return err
	}
	_, err = io.WriteString(w, tail)
	return err
}
