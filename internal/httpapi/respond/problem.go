package respond

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// problem is the body of every error: RFC 9457, with the catalogue's code and, for 422, every fault.
type problem struct {
	Type   string          `json:"type"`
	Title  string          `json:"title"`
	Status int             `json:"status"`
	Detail string          `json:"detail"`
	Code   dataapi.Code    `json:"code"`
	ID     string          `json:"request_id,omitempty"` // as in the header, for those who keep the body alone
	Trace  string          `json:"trace_id,omitempty"`   // of a request that is traced
	Errors []dataapi.Fault `json:"errors,omitempty"`
}

// defaultRetryAfter is what a 429 or 503 tells a caller to wait when its cause does not know better.
const defaultRetryAfter = 5 * time.Second

// WriteUnauthenticated answers 401. Whatever was wrong, the bytes are the same, but for the id of the request, which is random; only
// the challenge tells whether a token was presented (RFC 6750, 3.1).
func WriteUnauthenticated(w http.ResponseWriter, r *http.Request, presented bool) {
	SetChallenge(w, presented)
	writeProblem(w, r, &dataapi.Error{Code: dataapi.CodeUnauthenticated})
}

// SetChallenge sets the WWW-Authenticate header of a 401.
func SetChallenge(w http.ResponseWriter, presented bool) {
	challenge := "Bearer"
	if presented {
		challenge = `Bearer error="invalid_token"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
}

// WriteProblem answers with an error of the catalogue. It sets no challenge and logs nothing.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	writeProblem(w, r, dataapi.AsError(err))
}

// SeeOtherError answers with a way elsewhere, for people whose browser would show them a problem document. It is logged and counted
// as its cause is. The location must not be of the request's choosing.
type SeeOtherError struct {
	Location string
	Err      error // the cause
}

func (e *SeeOtherError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SeeOtherError) Unwrap() error { return e.Err }

// writeSeeOther answers with the way elsewhere.
func writeSeeOther(w http.ResponseWriter, elsewhere *SeeOtherError) {
	header := w.Header()
	header.Set("Location", elsewhere.Location)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}

// writeProblem is the one place that turns an error of the catalogue into HTTP.
func writeProblem(w http.ResponseWriter, r *http.Request, failure *dataapi.Error) {
	definition := failure.Code.Definition()
	header := w.Header()
	switch definition.Status {
	case http.StatusUnauthorized:
		if header.Get("WWW-Authenticate") == "" {
			SetChallenge(w, false)
		}
	case http.StatusRequestTimeout:
		// RFC 9110, 15.5.9. It also keeps a client from resending on the same connection.
		header.Set("Connection", "close")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		fields.SetRetryAfter(header, cmp.Or(max(failure.RetryAfter, 0), defaultRetryAfter))
	case http.StatusConflict:
		fields.SetRetryAfter(header, failure.RetryAfter)
	}
	detail := failure.Detail
	if detail == "" {
		detail = definition.Detail
	}
	body, err := json.Marshal(problem{
		Type:   definition.Code.URN(),
		Title:  definition.Title,
		Status: definition.Status,
		Detail: detail,
		Code:   definition.Code,
		ID:     fields.RequestID(w),
		Trace:  tracing.ID(r.Context()),
		Errors: failure.Faults,
	})
	if err == nil && len(failure.Members) > 0 {
		var more []byte
		more, err = json.Marshal(failure.Members)
		body = append(append(body[:len(body)-1], ','), more[1:]...)
	}
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	// What an answer was about to say of itself does not hold for this one.
	for _, name := range []string{
		"ETag", "Accept-Ranges", "Link", "Cache-Status", "Content-Disposition", "Trailer", fields.MaxRows, fields.RowCount, fields.Truncated,
	} {
		header.Del(name)
	}
	body = append(body, '\n')
	header.Set("Content-Type", "application/problem+json")
	fields.SetNoSniff(header)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	// Nobody pays for refusals, and so nobody keeps them waiting: they fit into the buffers of every honest reader. The server
	// reads what is left of the request first, so that its sender has an ear for them.
	controller, now := http.NewResponseController(w), time.Now()
	_ = controller.SetReadDeadline(now.Add(problemTimeout))
	_ = controller.SetWriteDeadline(now.Add(problemTimeout + time.Duration(len(body))*time.Millisecond))
	w.WriteHeader(definition.Status)
	_, _ = w.Write(body) // the caller may have gone: there is nobody left to tell
}

// problemTimeout is how long the reader of a short error may take for it, and for what it still has to send before.
const problemTimeout = time.Second
