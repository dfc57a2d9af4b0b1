package httpapi

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
	"github.com/solucao42/caddy-data-api/internal/spool"
)

// results serves the results of jobs.
type results struct {
	*access
	*recorder
	*gathering
	cursors fields.CursorKey
	spool   *spool.Spool
}

// resultQueries are the parameters that the query of a URL may have.
var resultQueries = append([]string{"cursor", "limit"}, formats.Queries()...)

// get answers with the result of a completed job, as a whole or as a range of bytes, and, as it is stored, by pages of its rows.
func (s *results) get(w http.ResponseWriter, r *http.Request) error {
	found, err := s.authorizeJob(r, dataapi.ActionGetJob)
	if err != nil {
		return err
	}
	query, err := fields.ParseQuery(r, resultQueries...)
	if err != nil {
		return err
	}
	form, err := formOf(w, r, query)
	if err != nil {
		return err
	}
	if pagesOf(query) && !form.plain() {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "Pages are %s with rows as objects. Leave cursor and limit out.", fields.JSONType)
	}
	if found.Status != job.Completed {
		failure := dataapi.Errorf(dataapi.CodeJobNotCompleted, "The job has no result: it is %s.", found.Status)
		if found.Status == job.Processing {
			failure.RetryAfter = pollInterval
		}
		return failure
	}
	stored, err := s.openResult(w, r, s.jobs, found)
	if err != nil {
		return err
	}
	defer stored.Close()
	if !form.plain() {
		return s.answerForm(w, r, found, stored, form)
	}
	w.Header().Set("Content-Type", fields.JSONType)
	w.Header().Set("Cache-Control", "no-store")
	if pagesOf(query) {
		return s.answerPage(w, r, found, stored, query)
	}
	return answerBytes(w, r, found, stored)
}

// openResult opens the result of a completed job for the caller, and records that it is read. The caller closes it.
func (k *recorder) openResult(w http.ResponseWriter, r *http.Request, engine *job.Engine, completed job.Job) (*job.ResultReader, error) {
	stored, err := engine.OpenResult(r.Context(), completed.ID)
	if err != nil {
		return nil, jobError(err)
	}
	if err := respond.Reserve(w, stored.Memory()); err != nil {
		stored.Close()
		return nil, err
	}
	k.recordJob(w, r, audit.ResultRead, completed)
	return stored, nil
}

// pagesOf reports whether a page of rows is asked for.
func pagesOf(q fields.Query) bool {
	_, from := q["cursor"]
	_, limited := q["limit"]
	return from || limited
}

// maxGathered is how many answers of a company are gathered in memory at once when no other company has any; all together
// have twice as many. A row group of Parquet takes some megabytes, for as long as its reader likes.
const maxGathered = 8

// gathering bounds the answers that are gathered in memory.
type gathering struct{ gathered *admission.Budget }

// beginForm takes one of the places that a company has for answers that are gathered in memory, where the form needs one.
// It fails with dataapi.CodeOverloaded when all are taken; otherwise the caller calls end.
func (s *gathering) beginForm(company string, form form) (end func(), err error) {
	if !form.format.Gathers {
		return func() {}, nil
	}
	if !s.gathered.Take(company, 1) {
		failure := dataapi.Errorf(dataapi.CodeOverloaded,
			"Too many results are being read as %s at once (limit: %d for one company). Come back later, or take another format.",
			form.format.Name, maxGathered)
		failure.RetryAfter = pollInterval
		return nil, failure
	}
	return func() { s.gathered.Return(company, 1) }, nil
}
