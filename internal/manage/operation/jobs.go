package operation

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// jobDocument describes a job without its result.
type jobDocument struct {
	ID          job.ID     `json:"job_id"`
	Endpoint    string     `json:"endpoint"`
	SharedBy    *string    `json:"shared_by"`
	Revision    *string    `json:"revision"`
	User        string     `json:"user"`
	KeyID       *string    `json:"api_key"`
	Status      job.Status `json:"status"`
	Phase       *string    `json:"phase"` // of one that is processing: waiting, running
	Attempts    int        `json:"attempts"`
	CreatedAt   time.Time  `json:"created_at"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	ExpiresAt   *time.Time `json:"expires_at"`
	Error       *job.Error `json:"error"`
	RowCount    *int       `json:"row_count"`
	ResultBytes *int64     `json:"result_bytes"`
	Truncated   *bool      `json:"truncated"`
	CallbackURL *string    `json:"callback_url"`
	Progress    *progress  `json:"progress,omitempty"`
	Links       jobLinks   `json:"links"`

	// Parameters are those of one job that is asked for by itself.
	Parameters *json.RawMessage `json:"parameters,omitempty"`
}

type progress struct {
	Rows      int64 `json:"rows"`
	ElapsedMS int64 `json:"elapsed_ms"`
}

type jobLinks struct {
	Job    string  `json:"job"`
	Result *string `json:"result"`
}

func (o *operation) describeJob(r *http.Request, caller identity.Principal, j *job.Job) jobDocument {
	polling := fields.BaseOf(r).Path + j.Address.URLPath() + "/jobs/" + j.ID.String()
	d := jobDocument{
		ID: j.ID, Endpoint: endpointName(caller.Company.Slug, j.Address), Revision: textOrNull(j.Revision), User: j.User, KeyID: textOrNull(j.KeyID),
		Status: j.Status, Attempts: j.Tries(), CreatedAt: j.CreatedAt.UTC(), StartedAt: respond.TimeOrNull(j.StartedAt),
		CompletedAt: respond.TimeOrNull(j.CompletedAt), ExpiresAt: respond.TimeOrNull(j.ExpiresAt), Error: j.Error,
		CallbackURL: textOrNull(withoutQuery(j.CallbackURL)), Links: jobLinks{Job: polling},
	}
	if j.Address.Company != caller.Company.Slug {
		d.SharedBy = &j.Address.Company
	}
	switch {
	case j.Running():
		d.Phase = new("running")
		if at, ok := o.Jobs.Progress(j.ID); ok {
			d.Progress = &progress{at.Rows, at.Elapsed.Milliseconds()}
		}
	case j.Status == job.Processing:
		d.Phase = new("waiting")
	case j.Status == job.Completed:
		d.RowCount, d.ResultBytes, d.Truncated = &j.Result.RowCount, &j.Result.Size, &j.Result.Truncated
		d.Links.Result = new(polling + "/result")
	}
	return d
}

// maxPages bounds how many pages of the store are looked through for one of a list.
const maxPages = 5

// listJobs answers with the jobs that the caller's company has asked for, newest first.
func (o *operation) listJobs(w http.ResponseWriter, r *http.Request) error {
	caller := respond.CallerOf(r)
	if err := caller.RequireSomewhere(dataapi.ActionGetJob); err != nil {
		return err
	}
	query, err := fields.ParseQuery(r, "status", "endpoint", "user", "since", "limit", "cursor")
	if err != nil {
		return err
	}
	filter, err := jobFilter(caller, query)
	if err != nil {
		return err
	}
	since, err := readSince(query["since"])
	if err != nil {
		return err
	}
	limit := filter.Limit
	answer := struct {
		Jobs []jobDocument `json:"jobs"`
		Next *string       `json:"next_cursor"`
	}{Jobs: []jobDocument{}}
	plan := o.Plan()
	for range maxPages {
		filter.Limit = limit - len(answer.Jobs)
		found, next, err := o.Jobs.List(r.Context(), caller.Company.Slug, filter)
		if err != nil {
			return dataapi.Wrap(dataapi.CodeOverloaded, err)
		}
		for i := range found {
			if found[i].CreatedAt.Before(since) {
				next = job.Cursor{} // all others are older
				break
			}
			if caller.Authorize(dataapi.ActionGetJob, found[i].Address.Path()) && plan.MayRead(caller, found[i]) {
				answer.Jobs = append(answer.Jobs, o.describeJob(r, caller, &found[i]))
			}
		}
		if filter.After = next; next.IsZero() || len(answer.Jobs) == limit {
			break
		}
	}
	if cursor := filter.After.String(); cursor != "" {
		answer.Next = &cursor
		query.SetNext(w, r, cursor, limit)
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

func jobFilter(caller identity.Principal, query fields.Query) (filter job.Filter, err error) {
	statuses := []string{string(job.Processing), string(job.Completed), string(job.Failed), string(job.Cancelled)}
	switch status := job.Status(query["status"]); status {
	case "", job.Processing, job.Completed, job.Failed, job.Cancelled:
		filter.Status = status
	default:
		return filter, dataapi.Errorf(dataapi.CodeInvalidRequest, "There is no status %q%s", fields.Shorten(string(status)),
			dataapi.Beside(string(status), statuses))
	}
	if filter.Endpoint, err = readEndpoint(caller.Company.Slug, query["endpoint"]); err != nil {
		return filter, err
	}
	if filter.Limit, err = query.Number("limit", defaultPage, maxPage); err != nil {
		return filter, err
	}
	if filter.After, err = job.ParseCursor(query["cursor"]); err != nil {
		return filter, fields.ErrCursor(err)
	}
	filter.User = query["user"]
	return filter, nil
}

func readSince(text string) (since time.Time, err error) {
	if text == "" {
		return since, nil
	}
	if since, err = time.Parse(time.RFC3339, text); err != nil {
		return since, dataapi.Errorf(dataapi.CodeInvalidRequest, "since is %q: it must be a time such as 2026-04-11T10:30:00Z.", fields.Shorten(text))
	}
	return since, nil
}

// findJob returns the job that the path names, when the caller may do this with it.
func (o *operation) findJob(r *http.Request, caller identity.Principal, action dataapi.Action) (job.Job, error) {
	if err := caller.RequireSomewhere(action); err != nil {
		return job.Job{}, err
	}
	id, err := job.ParseID(r.PathValue("job_id"))
	if err != nil {
		return job.Job{}, dataapi.Wrap(dataapi.CodeJobNotFound, err)
	}
	found, err := o.Jobs.Get(r.Context(), id)
	switch {
	case errors.Is(err, job.ErrNotFound):
		return job.Job{}, dataapi.Wrap(dataapi.CodeJobNotFound, err)
	case err != nil:
		return job.Job{}, dataapi.Wrap(dataapi.CodeOverloaded, err)
	case found.Company != caller.Company.Slug || !o.Plan().MayRead(caller, found),
		!caller.Authorize(action, found.Address.Path()) && !caller.Authorize(dataapi.ActionGetJob, found.Address.Path()):
		return job.Job{}, &dataapi.Error{Code: dataapi.CodeJobNotFound}
	}
	return found, caller.Require(action, found.Address.Path())
}

// getJob answers with one job and its parameters, the values of sensitive ones replaced; null: they are not known.
func (o *operation) getJob(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	caller := respond.CallerOf(r)
	found, err := o.findJob(r, caller, dataapi.ActionGetJob)
	if err != nil {
		return err
	}
	described, parameters := o.describeJob(r, caller, &found), o.Plan().Redacted(found)
	if parameters == nil {
		parameters = json.RawMessage("null")
	}
	described.Parameters = &parameters
	return respond.WriteJSON(w, http.StatusOK, described)
}

// cancelJob ends a job. One that has ended stays as it is.
func (o *operation) cancelJob(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	caller, err := o.authorizeAgain(r)
	if err != nil {
		return err
	}
	found, err := o.findJob(r, caller, dataapi.ActionCancelJob)
	if err != nil {
		return err
	}
	ended, err := o.Jobs.Cancel(r.Context(), found.ID)
	switch {
	case errors.Is(err, job.ErrEnded):
	case errors.Is(err, job.ErrNotFound):
		return dataapi.Wrap(dataapi.CodeJobNotFound, err)
	case err != nil:
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	default:
		event := respond.EventBy(caller, audit.JobCancelled)
		event.JobID, event.Endpoint, event.Revision = ended.ID.String(), ended.Address.String(), ended.Revision
		o.Record(w, r, event)
	}
	return respond.WriteJSON(w, http.StatusOK, o.describeJob(r, caller, &ended))
}
