package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// jobs shows and cancels jobs.
type jobs struct {
	*access
	*recorder
	*waits
}

// get answers with the polling document of a job, its result included, or with a stream of its progress. A job of
// another company, of another endpoint and an unknown one are the same 404.
func (j *jobs) get(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	found, err := j.authorizeJob(r, dataapi.ActionGetJob)
	if err != nil {
		return err
	}
	if fields.PrefersEvents(r.Header) {
		if found.Status.Terminal() && r.Header.Get("Last-Event-ID") == lastEvent {
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusNoContent) // by which a browser knows that there is nothing more (the HTML standard, 9.2.3)
			return nil
		}
		return j.stream(w, r, found)
	}
	if !fields.AcceptsJSON(r.Header) {
		return dataapi.Errorf(dataapi.CodeNotAcceptable, "The answer is %s or %s; Accept excludes both.", fields.JSONType, fields.EventStreamType)
	}
	if preferred := fields.ParsePreferences(r.Header); preferred.HasWait {
		if found, err = j.poll(r, found, preferred); err != nil {
			return err
		}
		preferred.SetApplied(w.Header(), false)
	}
	return j.answerDocument(w, r, found)
}

// poll keeps the caller waiting, as long as it prefers, for a job that is processing.
func (j *jobs) poll(r *http.Request, found job.Job, preferred fields.Preferences) (job.Job, error) {
	if preferred.Wait == 0 || found.Status.Terminal() {
		return found, nil
	}
	end, err := j.beginWaiting(found.Company)
	if err != nil {
		return job.Job{}, err
	}
	defer end()
	return j.awaitJob(r, found, preferred.Wait, dataapi.ActionGetJob)
}

// answerDocument writes the polling document.
func (j *jobs) answerDocument(w http.ResponseWriter, r *http.Request, found job.Job) error {
	w.Header().Set("Content-Type", fields.JSONType)
	w.Header().Set("Cache-Control", "no-store")
	switch found.Status {
	case job.Processing:
		fields.SetRetryAfter(w.Header(), pollInterval)
		return sendDocument(w, func(document io.Writer) error { return j.writeState(document, found) })
	case job.Completed:
		stored, err := j.openResult(w, r, j.jobs, found)
		if err != nil {
			return err
		}
		defer stored.Close()
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

// writeState writes the document of a job without its result, with its progress when it runs.
func (j *jobs) writeState(w io.Writer, found job.Job) error {
	if progress := j.progressOf(&found); progress != nil {
		return job.WriteProgress(w, found, *progress)
	}
	return job.WriteDocument(w, found, nil)
}

// progressOf returns how far a job is that runs; nil: it does not.
func (j *jobs) progressOf(found *job.Job) *job.Progress {
	if progress, running := j.jobs.Progress(found.ID); running && found.Status == job.Processing {
		return &progress
	}
	return nil
}

// cancel ends a job and answers with its document as it is then. A job that has ended before stays as it is, and
// the answer is the same: a caller who cancels twice, or too late, learns so from the document's status.
func (j *jobs) cancel(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	found, err := j.authorizeJob(r, dataapi.ActionCancelJob)
	if err != nil {
		return err
	}
	ended, err := j.jobs.Cancel(r.Context(), found.ID)
	if err != nil && !errors.Is(err, job.ErrEnded) {
		return jobError(err)
	}
	if err == nil {
		j.recordJob(w, r, audit.JobCancelled, ended)
	}
	w.Header().Set("Content-Type", fields.JSONType)
	w.Header().Set("Cache-Control", "no-store")
	return sendDocument(w, func(document io.Writer) error { return job.WriteDocument(document, ended, nil) })
}

// jobError speaks of a job that is gone as of one that never was.
func jobError(err error) error {
	if errors.Is(err, job.ErrNotFound) {
		return dataapi.Wrap(dataapi.CodeJobNotFound, err)
	}
	return err
}
