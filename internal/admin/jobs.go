package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// The states that jobs can be listed by, beside those of package job: what is processing waits or runs.
const (
	JobWaiting = "waiting"
	JobRunning = "running"
)

const (
	// DefaultJobs is how many jobs a list holds when nobody says.
	DefaultJobs = 50
	// MaxJobs is the most jobs that a list holds.
	MaxJobs = 1000
	// maxJobPages bounds how much is searched for one list.
	maxJobPages = 50
)

// Job describes a job to an operator.
type Job struct {
	ID          job.ID          `json:"job_id"`
	Company     string          `json:"company"`
	User        string          `json:"user"`
	KeyID       string          `json:"key_id,omitempty"`
	Endpoint    string          `json:"endpoint"`
	Revision    string          `json:"revision,omitempty"`
	Source      string          `json:"source,omitempty"`
	State       string          `json:"state"` // waiting, running, completed, failed or cancelled
	CreatedAt   time.Time       `json:"created_at"`
	StartedAt   time.Time       `json:"started_at,omitzero"` // of the latest attempt
	CompletedAt time.Time       `json:"completed_at,omitzero"`
	ExpiresAt   time.Time       `json:"expires_at,omitzero"`
	NotBefore   time.Time       `json:"not_before,omitzero"` // of the next attempt
	Attempt     int             `json:"attempt"`             // how often it was begun
	Tries       int             `json:"tries"`               // how many of these count
	Error       *job.Error      `json:"error,omitempty"`
	Rows        int             `json:"rows,omitempty"`
	ResultBytes int64           `json:"result_bytes,omitempty"`
	CallbackURL string          `json:"callback_url,omitempty"` // without its query, which may hold a token
	Parameters  json.RawMessage `json:"parameters,omitempty"`   // without sensitive values; empty: not known, or not asked for
}

// Since is when the job came into its state, as nearly as is known.
func (j *Job) Since() time.Time {
	switch {
	case !j.CompletedAt.IsZero():
		return j.CompletedAt
	case j.State == JobRunning:
		return j.StartedAt
	}
	return j.CreatedAt
}

func describeJob(j *job.Job) Job {
	state := string(j.Status)
	switch {
	case j.Running():
		state = JobRunning
	case j.Status == job.Processing:
		state = JobWaiting
	}
	return Job{
		ID: j.ID, Company: j.Company, User: j.User, KeyID: j.KeyID, Endpoint: j.Address.String(), Revision: j.Revision, Source: j.Source,
		State: state, CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, CompletedAt: j.CompletedAt, ExpiresAt: j.ExpiresAt, NotBefore: j.NotBefore,
		Attempt: j.Attempt, Tries: j.Tries(), Error: j.Error, Rows: j.Result.RowCount, ResultBytes: j.Result.Size,
		CallbackURL: callback.WithoutQuery(j.CallbackURL),
	}
}

// listJobs answers with the newest jobs, of all companies or one, that the query's filters leave.
func (s *Services) listJobs(r *http.Request) (any, error) {
	wanted, err := readJobFilter(r.URL.Query())
	if err != nil {
		return nil, err
	}
	if wanted.company != "" {
		if _, err := FindCompany(s.Catalog.Current(), wanted.company); err != nil {
			return nil, err
		}
	}
	found := []Job{}
	filter := wanted.filter
	for range maxJobPages {
		var page []job.Job
		if wanted.company != "" {
			page, filter.After, err = s.Jobs.List(r.Context(), wanted.company, filter)
		} else {
			page, filter.After, err = s.Jobs.ListAll(r.Context(), filter)
		}
		if err != nil {
			return nil, err
		}
		for i := range page {
			if described := describeJob(&page[i]); wanted.state == "" || described.State == wanted.state {
				found = append(found, described)
			}
			if len(found) == wanted.limit {
				return found, nil
			}
		}
		if filter.After.IsZero() {
			break
		}
	}
	return found, nil
}

// jobFilter is what a list of jobs is to hold.
type jobFilter struct {
	company, state string // empty: any
	limit          int
	filter         job.Filter
}

func readJobFilter(query url.Values) (wanted jobFilter, err error) {
	wanted = jobFilter{company: query.Get("company"), limit: DefaultJobs, filter: job.Filter{User: query.Get("user")}}
	if wanted.filter.Endpoint, err = readEndpoint(query.Get("endpoint"), wanted.company); err != nil {
		return wanted, err
	}
	states := []string{JobWaiting, JobRunning, string(job.Completed), string(job.Failed), string(job.Cancelled)}
	switch state := query.Get("status"); state {
	case "", string(job.Processing), string(job.Completed), string(job.Failed), string(job.Cancelled):
		wanted.filter.Status = job.Status(state)
	case JobWaiting, JobRunning:
		wanted.filter.Status, wanted.state = job.Processing, state
	default:
		return wanted, dataapi.Errorf(dataapi.CodeInvalidRequest, "There is no status %q%s", state, dataapi.Beside(state, states))
	}
	if text := query.Get("limit"); text != "" {
		wanted.limit, err = strconv.Atoi(text)
		if err != nil || wanted.limit < 1 || wanted.limit > MaxJobs {
			return wanted, dataapi.Errorf(dataapi.CodeInvalidRequest, "limit is %q: it must be a number from 1 to %d.", text, MaxJobs)
		}
	}
	return wanted, nil
}

// readEndpoint reads COMPANY/NAMESPACE/SLUG, of which the company may be left out that is named beside.
func readEndpoint(text, company string) (address dataapi.Address, err error) {
	parts := strings.Split(text, "/")
	if len(parts) == 2 && company != "" {
		parts = append([]string{company}, parts...)
	}
	switch {
	case text == "":
		return address, nil
	case len(parts) != 3:
		return address, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"endpoint is %q: it must be COMPANY/NAMESPACE/SLUG, or NAMESPACE/SLUG beside the company that owns it.", text)
	}
	for _, part := range parts {
		if !dataapi.ValidSlug(part) {
			return address, dataapi.Errorf(dataapi.CodeInvalidRequest, "endpoint is %q, and %q is no slug.", text, part)
		}
	}
	return dataapi.Address{Company: parts[0], Namespace: parts[1], Slug: parts[2]}, nil
}

// findJob returns the job that the path names.
func (s *Services) findJob(r *http.Request) (job.Job, error) {
	id, err := job.ParseID(r.PathValue("id"))
	if err != nil {
		return job.Job{}, dataapi.Errorf(dataapi.CodeInvalidRequest, "%q is no job: %v.", r.PathValue("id"), err)
	}
	found, err := s.Jobs.Get(r.Context(), id)
	if errors.Is(err, job.ErrNotFound) {
		return job.Job{}, dataapi.Errorf(dataapi.CodeJobNotFound, "There is no job %s, or it has expired.", id)
	}
	return found, err
}

// showJob shows a job with its parameters, but for the values of sensitive ones.
func (s *Services) showJob(r *http.Request) (any, error) {
	found, err := s.findJob(r)
	if err != nil {
		return nil, err
	}
	document := describeJob(&found)
	document.Parameters = s.Plan().Redacted(found)
	return document, nil
}

// cancelJob ends a job. One that has ended stays as it is.
func (s *Services) cancelJob(r *http.Request) (any, error) {
	found, err := s.findJob(r)
	if err != nil {
		return nil, err
	}
	ended, err := s.Jobs.Cancel(r.Context(), found.ID)
	if errors.Is(err, job.ErrEnded) {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The job %s has ended already: it is %s.", found.ID, ended.Status)
	}
	if err != nil {
		return nil, err
	}
	s.record(r, audit.Event{
		Action: audit.JobCancelled, Company: ended.Company, User: ended.User, KeyID: ended.KeyID,
		Endpoint: ended.Address.String(), Revision: ended.Revision, JobID: ended.ID.String(),
	})
	return describeJob(&ended), nil
}
