package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// getJob answers with the polling document of a job, its result included. A job of another company, of another endpoint
// and an unknown one are the same 404.
func (a *API) getJob(w http.ResponseWriter, r *http.Request) {
	caller := callerOf(r)
	namespace, slug, err := permitted(r, caller, dataapi.ActionGetJob)
	if err != nil {
		a.Fail(w, r, err, false)
		return
	}
	found, err := a.findJob(r, caller.Company.Slug, namespace, slug)
	if err != nil {
		a.Fail(w, r, err, false)
		return
	}
	var rows io.Reader
	if found.Status == job.Completed {
		stored, err := a.Jobs.OpenResult(r.Context(), found.ID)
		if err != nil {
			a.Fail(w, r, jobError(err), false)
			return
		}
		defer stored.Close()
		rows = stored
	}
	if found.Status == job.Processing {
		w.Header().Set("Retry-After", strconv.Itoa(pollSeconds))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	answer := newAnswer(w)
	if err := job.WriteDocument(answer, found, rows); err != nil {
		a.Fail(w, r, err, answer.begun)
	}
}

func (a *API) findJob(r *http.Request, company, namespace, slug string) (job.Job, error) {
	id, err := job.ParseID(r.PathValue("job_id"))
	if err != nil {
		return job.Job{}, dataapi.Wrap(dataapi.CodeJobNotFound, err)
	}
	found, err := a.Jobs.Get(r.Context(), id)
	if err != nil {
		return job.Job{}, jobError(err)
	}
	if found.Company != company || found.Address.Namespace != namespace || found.Address.Slug != slug {
		return job.Job{}, &dataapi.Error{Code: dataapi.CodeJobNotFound}
	}
	return found, nil
}

// jobError speaks of a job that is gone as of one that never was.
func jobError(err error) error {
	if errors.Is(err, job.ErrNotFound) {
		return dataapi.Wrap(dataapi.CodeJobNotFound, err)
	}
	return err
}
