package httpapi

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// writeTimeout is how long a caller may take to read one buffer of an answer. A reader that is slower than that holds a
// connection to the database for nothing.
const writeTimeout = 30 * time.Second

// readGrace is how much longer than a query may run its reader may take for what has been read of it.
const readGrace = time.Second

// answer is the writer that handlers get: it knows whether the answer has begun, and it does not wait for ever.
type answer struct {
	http.ResponseWriter
	controller *http.ResponseController
	begun      bool
	until      time.Time // when writing ends, however much has been written; zero: it may go on

	api     *API          // which knows whether the caller may still be answered; nil: nobody asks
	request *http.Request // of the caller
	refused error         // why the caller may not be answered any more
}

// handler answers a request, or returns why it cannot: an error that finds the answer unbegun becomes a problem document.
type handler func(w http.ResponseWriter, r *http.Request) error

// handle lets net/http call a handler for an authenticated caller. Before each part of the answer it looks again whether
// the caller's key, user and tokens are good, so that neither a long query nor a long result outlives their revocation.
func (a *API) handle(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := &answer{ResponseWriter: w, controller: http.NewResponseController(w), api: a, request: r}
		err := h(answer, r)
		if answer.refused != nil {
			err = answer.refused
		}
		if err != nil {
			if dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
				SetChallenge(w, true)
			}
			a.recordRefusal(w, r, err)
			a.Fail(w, r, err, answer.begun)
		}
	}
}

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	if a.check() != nil {
		return
	}
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

// Write sends one buffer. The first one sends the headers before it.
func (a *answer) Write(p []byte) (int, error) {
	if err := a.check(); err != nil {
		return 0, err
	}
	a.begun = true
	// The server takes the deadline back after each request. Writers that know none say so; they do not block either.
	deadline := time.Now().Add(writeTimeout)
	if !a.until.IsZero() && a.until.Before(deadline) {
		deadline = a.until
	}
	_ = a.controller.SetWriteDeadline(deadline)
	return a.ResponseWriter.Write(p)
}

func (a *answer) check() error {
	if a.api != nil && a.refused == nil {
		if caller := callerOf(a.request); caller.Company != nil { // else nobody is answered who could lose anything
			_, a.refused = a.api.renewed(caller)
		}
	}
	return a.refused
}

// unchecked is the writer behind an answer, which no longer looks whether the caller may still be answered: for what every
// caller may know.
func unchecked(w http.ResponseWriter) http.ResponseWriter {
	if checked, ok := w.(*answer); ok {
		return checked.ResponseWriter
	}
	return w
}

// Unwrap lets a response controller find the server's writer.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
