package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

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
