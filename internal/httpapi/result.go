package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// resultAs makes the handler of a path whose suffix names a format; no suffix leaves it to Accept.
func (a *API) resultAs(suffix result.Format) handler {
	return func(w http.ResponseWriter, r *http.Request) error { return a.getResult(w, r, suffix) }
}

// getResult answers with the result of a completed job. As it is kept, it can be had as a whole or as a range of bytes,
// and by pages of its rows; in another form, as a whole.
func (a *API) getResult(w http.ResponseWriter, r *http.Request, suffix result.Format) error {
	found, err := a.permittedJob(r, dataapi.ActionGetJob)
	if err != nil {
		return err
	}
	query, err := parseQuery(r, "cursor", "limit", rowsAs, csvFormulas)
	if err != nil {
		return err
	}
	form, err := formOf(w, r, suffix, result.Formats(), query)
	if err != nil {
		return err
	}
	if query.pages() && !form.plain() {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "Pages are %s with rows as objects. Leave cursor and limit out.", jsonType)
	}
	if found.Status != job.Completed {
		failure := dataapi.Errorf(dataapi.CodeJobNotCompleted, "The job has no result: it is %s.", found.Status)
		if found.Status == job.Processing {
			failure.RetryAfter = pollInterval
		}
		return failure
	}
	stored, err := a.Jobs.OpenResult(r.Context(), found.ID)
	if err != nil {
		return jobError(err)
	}
	defer stored.Close()
	if err := reserve(w, stored.Memory()); err != nil {
		return err
	}
	a.recordJob(w, r, callerOf(r), audit.ResultRead, found)
	if !form.plain() {
		end, err := a.beginForm(found.Company, form)
		if err != nil {
			return err
		}
		defer end()
		return answerForm(w, r, found, stored, form)
	}
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Cache-Control", "no-store")
	if query.pages() {
		return a.answerPage(w, r, found, stored, query)
	}
	return answerBytes(w, r, found, stored)
}

// pages reports whether a page of rows is asked for.
func (q query) pages() bool {
	_, from := q["cursor"]
	_, limited := q["limit"]
	return from || limited
}

// maxGathered is how many answers of a company are gathered in memory at once when no other company has any; all together
// have twice as many. A row group of Parquet takes some megabytes, for as long as its reader likes.
const maxGathered = 8

// beginForm takes one of the places that a company has for answers that are gathered in memory, where the form needs one.
// It fails with dataapi.CodeOverloaded when all are taken; otherwise the caller calls end.
func (a *API) beginForm(company string, form form) (end func(), err error) {
	if form.format != result.FormatParquet {
		return func() {}, nil
	}
	if !a.gathered.Take(company, 1) {
		failure := dataapi.Errorf(dataapi.CodeOverloaded,
			"As many results are read as Parquet as may be at once: %d of a company that is alone. Come back later, or take another format.", maxGathered)
		failure.RetryAfter = pollInterval
		return nil, failure
	}
	return func() { a.gathered.Return(company, 1) }, nil
}

// answerForm serves the result in another form than it is kept in, as a whole: where a range of it would begin is not
// known. It never changes either.
func answerForm(w http.ResponseWriter, r *http.Request, found job.Job, stored *job.ResultReader, form form) error {
	etag := strconv.Quote(found.ID.String() + "-" + form.String())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("ETag", etag)
	w.Header().Set("Accept-Ranges", "none")
	if matches(r.Header.Values("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", form.format.ContentType())
		return nil
	}
	return answerConverted(w, found, stored, form, false)
}

// answerBytes serves the result as it is kept, which never changes, with ranges and conditions (RFC 9110, 13 and 14).
// Several ranges at once are answered with the whole, as a server may do: each would cost a block of the store, however
// short it is.
func answerBytes(w http.ResponseWriter, r *http.Request, found job.Job, stored *job.ResultReader) error {
	w.Header().Set("ETag", strconv.Quote(found.ID.String()))
	if wanted := r.Header.Get("Range"); wanted != "" && !singleRange(wanted) {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	content := &watchedReader{ReadSeeker: stored}
	refusing := &refusingWriter{ResponseWriter: w}
	http.ServeContent(refusing, r, "", time.Time{}, content)
	switch {
	case refusing.status != 0:
		w.Header().Del("X-Content-Type-Options") // of the plain text that is not sent
		if refusing.status == http.StatusPreconditionFailed {
			return &dataapi.Error{Code: dataapi.CodePreconditionFailed}
		}
		return &dataapi.Error{Code: dataapi.CodeRangeNotSatisfiable}
	case content.err != nil:
		return content.err
	}
	return r.Context().Err()
}

// singleRange reports whether a Range header asks for one range of bytes. Other units mean nothing here, and a range that
// means nothing is ignored (RFC 9110, 14.2).
func singleRange(wanted string) bool {
	unit, ranges, _ := strings.Cut(wanted, "=")
	return strings.EqualFold(trimSpace(unit), "bytes") && !strings.Contains(ranges, ",")
}

// watchedReader remembers why reading failed, which [http.ServeContent] does not tell.
type watchedReader struct {
	io.ReadSeeker
	err error
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// refusingWriter keeps back the plain refusals of [http.ServeContent], which are answered as problem documents.
type refusingWriter struct {
	http.ResponseWriter
	status int // that was kept back; 0: none
}

func (w *refusingWriter) WriteHeader(status int) {
	if status == http.StatusPreconditionFailed || status == http.StatusRequestedRangeNotSatisfiable {
		w.status = status
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

// ReadFrom lets [io.Copy] use the buffers of the writer behind.
func (w *refusingWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.status != 0 {
		return io.Copy(io.Discard, r)
	}
	return io.Copy(w.ResponseWriter, r)
}

func (w *refusingWriter) Write(p []byte) (int, error) {
	if w.status != 0 {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}
