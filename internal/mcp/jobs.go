package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// job waits for a job, and returns its result when it has one.
func (t *tools) job(ctx context.Context, arguments json.RawMessage) (any, error) {
	const patience, longest = 20, 60
	asked := struct {
		Endpoint string `json:"endpoint"`
		JobID    string `json:"job_id"`
		Wait     int    `json:"wait_seconds"`
	}{Wait: patience}
	if err := decode(arguments, &asked); err != nil {
		return nil, err
	}
	if asked.Wait < 0 || asked.Wait > longest {
		return nil, fmt.Errorf("wait_seconds must be from 0 to %d", longest)
	}
	path, err := t.jobPath(asked.Endpoint, asked.JobID)
	if err != nil {
		return nil, err
	}
	state, err := t.waitFor(ctx, path, asked.Wait)
	if err != nil {
		return nil, err
	}
	about := digest{Endpoint: asked.Endpoint, JobID: asked.JobID, Status: state.Status}
	switch state.Status {
	case statusCompleted, statusFailed:
		return t.jobResult(ctx, path, state, about)
	case statusCancelled:
		about.Note = "Somebody has cancelled the job: there is no result."
		return about, nil
	default:
		about.Note = fmt.Sprintf("The query still runs (%d rows so far). Call %s again.", state.Progress.Rows, nameOfJob)
		return about, nil
	}
}

// jobPath returns where the API has a job of the endpoint at an address.
func (t *tools) jobPath(address, jobID string) (path string, err error) {
	namespace, slug, _ := strings.Cut(address, "/")
	if !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug) || t.namespace != "" && t.namespace != namespace {
		return "", fmt.Errorf("there is no endpoint %q", address)
	}
	if _, err := job.ParseID(jobID); err != nil { // such as .., which would lead to another path
		return "", dataapi.Errorf(dataapi.CodeJobNotFound, "%q is no job's ID.", jobID)
	}
	return dataapi.PathEndpoints + "/" + address + "/jobs/" + jobID, nil
}

// jobResult returns the result of a job that has completed or failed.
func (t *tools) jobResult(ctx context.Context, path string, state jobState, about digest) (any, error) {
	if state.Status == statusFailed {
		return nil, fmt.Errorf("the job has failed: %s: %s", state.Error.Code, state.Error.Detail)
	}
	answer := t.api.do(ctx, request{method: http.MethodGet, path: path + "/result"})
	defer answer.Close()
	if answer.status != http.StatusOK {
		return nil, readProblem(answer)
	}
	shown, err := t.digest(answer, path+"/result")
	shown.Endpoint, shown.JobID, shown.Status = about.Endpoint, about.JobID, about.Status
	return shown, err
}

// What becomes of a job, in the API's words.
const (
	statusCompleted = "completed"
	statusFailed    = "failed"
	statusCancelled = "cancelled"
)

// jobState is what the API says of a job.
type jobState struct {
	Status string
	Error  struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
	Progress struct {
		Rows int64 `json:"rows"`
	}
	CreatedAt   time.Time
	CompletedAt *time.Time
	ExpiresAt   *time.Time
	RetryAfter  string // seconds
}

// waitFor returns the state of a job when it has ended, or after so many seconds.
func (t *tools) waitFor(ctx context.Context, path string, seconds int) (state jobState, err error) {
	asked := request{method: http.MethodGet, path: path}
	if seconds > 0 {
		asked.prefer = fmt.Sprintf("wait=%d", seconds)
	}
	answer := t.api.do(ctx, asked)
	defer answer.Close()
	if answer.status != http.StatusOK {
		return state, readProblem(answer)
	}
	state.RetryAfter = answer.header.Get("Retry-After")
	members := map[string]any{
		"status": &state.Status, "error": &state.Error, "progress": &state.Progress,
		"created_at": &state.CreatedAt, "completed_at": &state.CompletedAt, "expires_at": &state.ExpiresAt,
	}
	// The document of an ended job can hold its result, which is read elsewhere.
	in := jsontext.NewDecoder(answer, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := in.ReadToken(); err != nil {
		return state, err
	}
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return state, err
		}
		into, wanted := members[name.String()]
		if !wanted {
			if err := in.SkipValue(); err != nil {
				return state, err
			}
			continue
		}
		value, err := in.ReadValue()
		if err != nil {
			return state, err
		}
		if err := json.Unmarshal(value, into); err != nil {
			return state, err
		}
	}
	return state, nil
}
