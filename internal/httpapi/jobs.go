package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// getJob answers with the polling document of a job, its result included, or with a stream of its progress. A job of
// another company, of another endpoint and an unknown one are the same 404.
func (a *API) getJob(w http.ResponseWriter, r *http.Request) error {
	if _, err := parseQuery(r); err != nil {
		return err
	}
	found, err := a.permittedJob(r, dataapi.ActionGetJob)
	if err != nil {
		return err
	}
	if prefersEvents(r.Header) {
		return a.streamJob(w, r, found)
	}
	if !acceptsJSON(r.Header) {
		return dataapi.Errorf(dataapi.CodeNotAcceptable, "The answer is %s or %s; Accept excludes both.", jsonType, eventStreamType)
	}
	if preferred := parsePreferences(r.Header); preferred.hasWait {
		if found, err = a.poll(r, found, preferred); err != nil {
			return err
		}
		preferred.setApplied(w.Header(), false)
	}
	return a.answerDocument(w, r, found)
}

// poll keeps the caller waiting, as long as it prefers, for a job that is processing.
func (a *API) poll(r *http.Request, found job.Job, preferred preferences) (job.Job, error) {
	if preferred.wait == 0 || found.Status.Terminal() {
		return found, nil
	}
	end, err := a.beginWaiting(found.Company)
	if err != nil {
		return job.Job{}, err
	}
	defer end()
	return a.awaitJob(r, found, preferred.wait, dataapi.ActionGetJob)
}

// answerDocument writes the polling document.
func (a *API) answerDocument(w http.ResponseWriter, r *http.Request, found job.Job) error {
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Cache-Control", "no-store")
	switch found.Status {
	case job.Processing:
		setRetryAfter(w.Header(), pollInterval)
		return sendDocument(w, func(document io.Writer) error { return a.writeState(document, found) })
	case job.Completed:
		stored, err := a.Jobs.OpenResult(r.Context(), found.ID)
		if err != nil {
			return jobError(err)
		}
		defer stored.Close()
		if err := reserve(w, stored.Memory()); err != nil {
			return err
		}
		a.recordJob(w, r, callerOf(r), audit.ResultRead, found)
		size, err := job.DocumentSize(found)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		return job.WriteDocument(w, found, stored)
	default:
		return sendDocument(w, func(document io.Writer) error { return job.WriteDocument(document, found, nil) })
	}
}

// sendDocument sends a short document whose length is known when it has been written.
func sendDocument(w http.ResponseWriter, write func(io.Writer) error) error {
	var document bytes.Buffer
	if err := write(&document); err != nil {
		return err
	}
	w.Header().Set("Content-Length", strconv.Itoa(document.Len()))
	_, err := w.Write(document.Bytes())
	return err
}

// writeState writes the document of a job without its result, with its progress when it runs.
func (a *API) writeState(w io.Writer, found job.Job) error {
	if progress, running := a.Jobs.Progress(found.ID); running && found.Status == job.Processing {
		return job.WriteProgress(w, found, progress)
	}
	return job.WriteDocument(w, found, nil)
}

// cancelJob ends a job and answers with its document as it stands then. A job that has ended before stays as it is, and
// the answer is the same: whoever cancels twice, or too late, learns so from the document's status.
func (a *API) cancelJob(w http.ResponseWriter, r *http.Request) error {
	if _, err := parseQuery(r); err != nil {
		return err
	}
	found, err := a.permittedJob(r, dataapi.ActionCancelJob)
	if err != nil {
		return err
	}
	ended, err := a.Jobs.Cancel(r.Context(), found.ID)
	if err != nil && !errors.Is(err, job.ErrEnded) {
		return jobError(err)
	}
	if err == nil {
		a.recordJob(w, r, callerOf(r), audit.JobCancelled, ended)
	}
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Cache-Control", "no-store")
	return sendDocument(w, func(document io.Writer) error { return job.WriteDocument(document, ended, nil) })
}

// permittedJob returns the job that the request names, when the caller may do this with it. A job that holds what the
// caller could not ask for itself is not found.
func (a *API) permittedJob(r *http.Request, action dataapi.Action) (job.Job, error) {
	caller := callerOf(r)
	namespace, slug, err := permitted(r, caller, action)
	if err != nil {
		return job.Job{}, err
	}
	id, err := job.ParseID(r.PathValue("job_id"))
	if err != nil {
		return job.Job{}, dataapi.Wrap(dataapi.CodeJobNotFound, err)
	}
	found, err := a.Jobs.Get(r.Context(), id)
	if err != nil {
		return job.Job{}, jobError(err)
	}
	if found.Company != caller.Company.Slug || found.Address.Namespace != namespace || found.Address.Slug != slug {
		return job.Job{}, &dataapi.Error{Code: dataapi.CodeJobNotFound}
	}
	if !a.Plan().MayRead(caller, found) {
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
