package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// defaultList is how many jobs a page of a list holds when the caller does not say.
const defaultList = 50

// listAnswer is the body of GET .../jobs: job documents without results, newest first.
type listAnswer struct {
	Jobs       []json.RawMessage `json:"jobs"`
	NextCursor *string           `json:"next_cursor"` // null on the last page
}

// list answers with the jobs of this endpoint that the caller's company has asked for.
func (j *jobs) list(w http.ResponseWriter, r *http.Request) error {
	caller := respond.CallerOf(r)
	namespace, slug, err := authorizePath(r, caller, dataapi.ActionGetJob)
	if err != nil {
		return err
	}
	call, err := j.plan().Find(caller.Company.Slug, namespace, slug)
	if err != nil {
		return err
	}
	if !fields.AcceptsJSON(r.Header) {
		return fields.ErrNotJSON
	}
	query, err := fields.ParseQuery(r, "status", "limit", "cursor")
	if err != nil {
		return err
	}
	filter, err := listFilter(query)
	if err != nil {
		return err
	}
	filter.Endpoint = call.Endpoint.Address
	found, next, err := j.jobs.List(r.Context(), caller.Company.Slug, filter)
	if err != nil {
		return err
	}
	answer := listAnswer{Jobs: make([]json.RawMessage, 0, len(found))}
	plan := j.plan()
	for _, listed := range found {
		if !plan.MayRead(caller, listed) {
			continue // a page may be shorter than its limit
		}
		var document bytes.Buffer
		about := job.About{
			Endpoint: listed.Address.Path(), PollingURL: fields.BaseOf(r).Path + jobPath(listed), Parameters: plan.Redacted(listed),
		}
		if err := job.WriteDescribed(&document, listed, nil, j.progressOf(&listed), about); err != nil {
			return err
		}
		answer.Jobs = append(answer.Jobs, document.Bytes())
	}
	if cursor := next.String(); cursor != "" {
		answer.NextCursor = &cursor
		query.SetNext(w, r, cursor, filter.Limit)
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

func listFilter(query fields.Query) (filter job.Filter, err error) {
	switch status := job.Status(query["status"]); status {
	case "", job.Processing, job.Completed, job.Failed, job.Cancelled:
		filter.Status = status
	default:
		return job.Filter{}, dataapi.Errorf(dataapi.CodeInvalidRequest, "status %q is not known: it is one of %s, %s, %s and %s.",
			fields.Shorten(string(status)), job.Processing, job.Completed, job.Failed, job.Cancelled)
	}
	if filter.Limit, err = query.Number("limit", defaultList, job.MaxList); err != nil {
		return job.Filter{}, err
	}
	if filter.After, err = job.ParseCursor(query["cursor"]); err != nil {
		return job.Filter{}, fields.ErrCursor(err)
	}
	return filter, nil
}
