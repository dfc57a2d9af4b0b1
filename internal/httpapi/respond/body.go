package respond

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
)

// DecodeBody reads a request's JSON object into target, a pointer to a struct. Anything else than exactly one object
// with the fields of target is refused: a duplicate or unknown field, invalid UTF-8, trailing data, another media type,
// a content coding, a body that is larger than it may be. An empty body is {} where emptyAllowed.
//
// A target can have the method UnknownFieldHint() string, whose words are told beside the fields that there are.
func DecodeBody(r *http.Request, target any, emptyAllowed bool) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	if len(body) == 0 && emptyAllowed {
		return nil
	}
	if err := checkMediaType(r.Header.Get("Content-Type")); err != nil {
		return err
	}
	if err := jsonv2.Unmarshal(body, target, jsonv2.RejectUnknownMembers(true)); err != nil {
		return &dataapi.Error{Code: dataapi.CodeInvalidRequest, Detail: describeJSON(body, err, target), Err: err}
	}
	if kind := jsontext.Value(body).Kind(); kind != '{' { // the decoder takes null for an object without members
		return dataapi.Errorf(dataapi.CodeInvalidRequest, noObject, kindName(kind))
	}
	return nil
}

// ReadText reads a request's body as it is, for a handler that takes a text beside JSON. A handler that reads the body of a request in
// another way keeps what it holds of the memory.
func ReadText(r *http.Request) ([]byte, error) { return readBody(r) }

// readBody reads the whole body. It refuses a content coding, and a body that is larger than it may be.
func readBody(r *http.Request) ([]byte, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, dataapi.Errorf(dataapi.CodeUnsupportedMediaType,
			"Content-Encoding %q is not accepted: send the body as it is.", fields.Shorten(coding))
	}
	if timed, ok := r.Body.(*timedBody); ok {
		defer timed.done()
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, dataapi.Errorf(dataapi.CodeRequestTooLarge, "The request body is larger than %d bytes.", tooLarge.Limit)
	}
	if dataapi.HasCode(err, dataapi.CodeOverloaded) {
		return nil, err
	}
	if err != nil {
		return nil, &dataapi.Error{
			Code:   dataapi.CodeInvalidRequest,
			Detail: fmt.Sprintf("The request body ended early, or took longer than %s.", bodyTimeout), Err: err,
		}
	}
	return body, nil
}

// DecodeForm reads a request's form, application/x-www-form-urlencoded, in which no field is given twice (RFC 6749, 3.2).
func DecodeForm(r *http.Request) (map[string]string, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	contentType := r.Header.Get("Content-Type")
	if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, dataapi.Errorf(dataapi.CodeUnsupportedMediaType,
			"Send the body with Content-Type: application/x-www-form-urlencoded; got %q.", fields.Shorten(contentType))
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &dataapi.Error{Code: dataapi.CodeInvalidRequest, Detail: "The form cannot be read.", Err: err}
	}
	form := make(map[string]string, len(values))
	for name, given := range values {
		if len(given) != 1 {
			return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The field %q is given %d times.", fields.Shorten(name), len(given))
		}
		form[name] = given[0]
	}
	return form, nil
}

// bodyTimeout is how long a request may take to send its body, from the first look at it.
const bodyTimeout = 10 * time.Second

// limitBody bounds a request's body in size and in time. The server's own timeouts are for idle connections: a body that
// drips would hold the request, and what it was permitted at its beginning, as long as its sender likes.
func (h *Responder) limitBody(w http.ResponseWriter, r *http.Request, size int64, body *timedBody) {
	if r.ContentLength == 0 {
		return
	}
	body.ReadCloser, body.controller = http.MaxBytesReader(w, r.Body, size), *http.NewResponseController(w)
	body.budget, body.payer = h.payerOf(r)
	r.Body = body
}

// timedBody sets the connection's deadline for reading while a body is read, and holds a part of the budget meanwhile, which
// grows with what has arrived.
type timedBody struct {
	io.ReadCloser
	controller http.ResponseController
	budget     *admission.Budget
	payer      string

	begun bool
	read  int64
	held  int64
}

// Read reads from the body. It fails with dataapi.CodeOverloaded when too many bodies are on their way.
func (b *timedBody) Read(p []byte) (int, error) {
	if !b.hold() {
		return 0, errNoRoomForBody
	}
	if !b.begun {
		b.begun = true
		_ = b.controller.SetReadDeadline(time.Now().Add(bodyTimeout)) // a writer that knows none is a test's
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if err == io.EOF {
		// The server goes on to read, to notice when the caller leaves.
		_ = b.controller.SetReadDeadline(time.Time{})
	}
	return n, err
}

// hold takes what the body needs from the budget. The buffer that it is read into may be twice as large as what is in it.
func (b *timedBody) hold() bool {
	more := bodyCost + 2*b.read - b.held
	if b.held > 0 && more < bodyCost {
		return true // as good as before
	}
	if !b.budget.Take(b.payer, more) {
		return false
	}
	b.held += more
	return true
}

// done gives back what the body held, once it has been read and decoded.
func (b *timedBody) done() {
	b.budget.Return(b.payer, b.held)
	b.held = 0
}

// checkMediaType accepts application/json, in UTF-8 where a charset is named (RFC 8259, 8.1).
func checkMediaType(contentType string) error {
	if contentType == "application/json" { // as nearly everybody writes it
		return nil
	}
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "application/json" {
		return dataapi.Errorf(dataapi.CodeUnsupportedMediaType,
			"Send the body with Content-Type: application/json; got %q.", fields.Shorten(contentType))
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return dataapi.Errorf(dataapi.CodeUnsupportedMediaType, "Send the body in UTF-8; got charset %q.", fields.Shorten(charset))
	}
	return nil
}

const noObject = "The body must be one JSON object; got %s."
