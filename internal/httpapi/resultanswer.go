package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// resultAnswer writes a result as an answer. What the format has no place for is in the header: how many rows there
// may be at most, and how many there are and whether they are all, when that is known before the answer begins. When it is
// not, those two follow in the trailer (RFC 9110, 6.5).
type resultAnswer struct {
	result.Encoder
	sender  *respond.Answer
	header  http.Header
	values  fields.Values // of the header
	form    form
	name    string // of the file, without its suffix
	maxRows int

	summary  result.Summary
	known    bool // the summary is
	trailing bool // the trailer has been announced
}

// newResultAnswer makes an encoder that begins the answer when its first bytes are written. Known is nil when the result
// is only being made; limits says whether JSON documents have max_rows and executed_at. Close it.
func newResultAnswer(w http.ResponseWriter, form form, name string, maxRows int, known *result.Summary, limits bool) *resultAnswer {
	made := new(resultAnswer)
	made.open(w, form, name, maxRows, known, limits)
	return made
}

// open is newResultAnswer in memory that its caller has.
func (a *resultAnswer) open(w http.ResponseWriter, form form, name string, maxRows int, known *result.Summary, limits bool) {
	a.sender, a.header, a.form, a.name, a.maxRows = respond.AnswerOf(w), w.Header(), form, name, maxRows
	if known != nil {
		a.summary, a.known = *known, true
	}
	a.Encoder = form.encoder(w, limits, a)
}

// Begin implements [result.Beginning]: it sets the header.
func (a *resultAnswer) Begin(size int) {
	a.values.Set(a.header, "Content-Type", a.form.format.ContentType)
	a.values.Set(a.header, "Cache-Control", "no-store")
	if size >= 0 { // without a length, net/http sends a small result in chunks, with one more write
		a.values.Set(a.header, "Content-Length", strconv.Itoa(size))
	} else {
		a.sender.Costs(a.form.format.Memory)
	}
	if a.form.format == result.JSON {
		return
	}
	a.form.describe(a.header, a.name, a.maxRows)
	if a.known {
		fields.SetSummary(a.header, a.summary)
		return
	}
	if !a.sender.MayTrail() {
		return
	}
	a.header["Trailer"] = []string{fields.RowCount, fields.Truncated}
	a.trailing = true
}

// describe sets what the header says of a result in this form, however it ends. Name is that of the file, without its
// suffix.
func (f form) describe(header http.Header, name string, maxRows int) {
	if f.format == result.JSON {
		return
	}
	if f.format.Download {
		header.Set("Content-Disposition", `attachment; filename="`+name+"."+f.format.Suffix+`"`)
	}
	header.Set(fields.MaxRows, strconv.Itoa(maxRows))
}

// End ends the result, and with it the answer.
func (a *resultAnswer) End(summary result.Summary) error {
	a.sender.HoldUntil(time.Time{})
	a.summary, a.known = summary, true
	if err := a.Encoder.End(summary); err != nil {
		return err
	}
	if a.trailing {
		fields.SetSummary(a.header, summary) // net/http sends what has been announced
	}
	return nil
}

// answerConverted writes the result of a completed job, which is stored as JSON, in another form. It holds a row, or what
// the format gathers, in memory.
func answerConverted(ctx context.Context, w http.ResponseWriter, completed job.Job, stored *job.ResultReader, form form, limits bool) (err error) {
	if err := respond.LimitConversion(w); err != nil {
		return err
	}
	summary := summaryOf(completed)
	answer := newResultAnswer(w, form, downloadName(completed), summary.MaxRows, &summary, limits)
	defer answer.Close()
	return convert(ctx, completed, stored, form, answer)
}

func summaryOf(completed job.Job) result.Summary {
	stored := completed.Result
	return result.Summary{RowCount: stored.RowCount, Truncated: stored.Truncated, MaxRows: stored.MaxRows, ExecutedAt: stored.ExecutedAt}
}

// downloadName is that of a file with the result of a job, without its suffix.
func downloadName(completed job.Job) string {
	return completed.Address.Slug + "-" + completed.ID.String()
}

// convert reads the result of a completed job into an encoder of a form.
func convert(ctx context.Context, completed job.Job, stored *job.ResultReader, form form, encoder result.Encoder) (err error) {
	span := tracing.Encode(ctx, form.format.Name)
	defer func() { span.End(err) }()
	columns := completed.Result.Columns
	if columns == nil {
		if columns, err = result.ReadColumns(stored); err != nil {
			return err
		}
		if _, err := stored.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	if err := result.ReadJSON(stored, columns, encoder); err != nil {
		return err
	}
	return encoder.End(summaryOf(completed))
}

// answerStored streams the stored result of a job in the form of a sync answer, which in JSON is one with two fields more at
// its end.
func answerStored(ctx context.Context, w http.ResponseWriter, completed job.Job, stored *job.ResultReader, form form) error {
	if !form.plain() {
		return answerConverted(ctx, w, completed, stored, form, true)
	}
	head := stored.Size() - int64(len("}"))
	tail := fmt.Sprintf(`,"max_rows":%d,"executed_at":%q}`,
		completed.Result.MaxRows, completed.Result.ExecutedAt.UTC().Format(time.RFC3339))
	w.Header().Set("Content-Type", fields.JSONType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.FormatInt(head+int64(len(tail)), 10))
	if _, err := io.CopyN(w, stored, head); err != nil {
		return err
	}
	_, err := io.WriteString(w, tail)
	return err
}

// answerEntry answers with a cached result, or, to a caller who has it already, with 304.
func answerEntry(
	w http.ResponseWriter, r *http.Request, bound *execution.Bound, form form, policy cache.Policy, entry *cache.Entry, status cache.Status,
) error {
	now := time.Now()
	header := w.Header()
	header.Set("ETag", entry.ETag)
	header.Set("Cache-Control", cacheControl(policy))
	header.Set("Age", strconv.FormatInt(int64(entry.Age(now)/time.Second), 10))
	header.Set("Cache-Status", cacheStatus(status, entry.TTL(now)))
	header.Add("Vary", "Authorization")
	if fields.Matches(r.Header["If-None-Match"], entry.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	header.Set("Content-Type", form.format.ContentType)
	header.Set("Content-Length", strconv.Itoa(len(entry.Body)))
	form.describe(header, bound.Endpoint.Address.Slug, entry.Summary.MaxRows)
	if form.format != result.JSON {
		fields.SetSummary(header, entry.Summary)
	}
	_, err := w.Write(entry.Body)
	return err
}

// answerBytes serves the result as it is stored.
func answerBytes(w http.ResponseWriter, r *http.Request, found job.Job, stored *job.ResultReader) error {
	return answerRanges(w, r, strconv.Quote(found.ID.String()), stored)
}

// answerRanges serves what never changes, with ranges and conditions (RFC 9110, 13 and 14). Several ranges at once are answered with
// the whole, as a server may do: each would cost a block of the store, however short it is.
func answerRanges(w http.ResponseWriter, r *http.Request, etag string, content io.ReadSeeker) error {
	w.Header().Set("ETag", etag)
	size, err := content.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	wanted, match := r.Header.Get("Range"), r.Header["If-Match"]
	if wanted == "" && len(match) > 0 { // a part is never compressed, and is not that of a tag which was marked so
		r = r.Clone(r.Context())
		r.Header["If-Match"] = fields.WithoutCodings(match)
	}
	if wanted != "" {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
		if size > 0 { // no Content-Range can name a part of nothing: an empty result is answered whole
			if single := singleRange(wanted, size); single != "" {
				r.Header.Set("Range", single)
			}
		}
	}
	watched := &watchedReader{ReadSeeker: content}
	refusing := &refusingWriter{ResponseWriter: w}
	http.ServeContent(refusing, r, "", time.Time{}, watched)
	switch {
	case refusing.status != 0:
		w.Header().Del("X-Content-Type-Options") // of the plain text that is not sent
		if refusing.status == http.StatusPreconditionFailed {
			return &dataapi.Error{Code: dataapi.CodePreconditionFailed}
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size)) // which is missing where the range cannot be read
		return &dataapi.Error{Code: dataapi.CodeRangeNotSatisfiable}
	case watched.err != nil:
		return watched.err
	}
	return r.Context().Err()
}

// singleRange is a Range header as [http.ServeContent] reads it rightly, or "" where it does not ask for one range of bytes. Other units mean
// nothing here, and a range that means nothing is ignored (RFC 9110, 14.2). A unit's name has no case. The last 0 bytes are nowhere, and
// are asked for as what begins at the end is.
func singleRange(wanted string, size int64) string {
	unit, ranges, _ := strings.Cut(wanted, "=")
	if !strings.EqualFold(fields.TrimSpace(unit), "bytes") || strings.Contains(ranges, ",") {
		return ""
	}
	if last, isSuffix := strings.CutPrefix(fields.TrimSpace(ranges), "-"); isSuffix && last != "" && strings.Trim(last, "0") == "" {
		return fmt.Sprintf("bytes=%d-", size)
	}
	return "bytes=" + ranges
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

// sendPage writes a page: the columns and the rows as they are stored, and the summary.
func sendPage(w http.ResponseWriter, stored io.ReadSeeker, page page, summary pageSummary) error {
	tail, err := json.Marshal(summary)
	if err != nil {
		return err
	}
	tail = append([]byte("],"), tail[1:]...)
	w.Header().Set("Content-Length", strconv.FormatInt(page.columns+page.end-page.begin+int64(len(tail)), 10))
	for _, part := range [][2]int64{{0, page.columns}, {page.begin, page.end}} {
		if _, err := stored.Seek(part[0], io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(w, stored, part[1]-part[0]); err != nil {
			return err
		}
	}
	_, err = w.Write(tail)
	return err
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
