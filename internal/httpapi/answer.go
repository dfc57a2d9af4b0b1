package httpapi

import (
	"net/http"
	"time"
)

// writeTimeout is how long a caller may take to read one buffer of an answer. A reader that is slower than that holds a
// connection to the database for nothing.
const writeTimeout = 30 * time.Second

// answer is the writer that handlers get: it knows whether the answer has begun, and it does not wait for ever.
type answer struct {
	http.ResponseWriter
	controller *http.ResponseController
	begun      bool
}

// handler answers a request, or returns why it cannot: an error that finds the answer unbegun becomes a problem document.
type handler func(w http.ResponseWriter, r *http.Request) error

// handle lets net/http call a handler.
func (a *API) handle(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := &answer{ResponseWriter: w, controller: http.NewResponseController(w)}
		if err := h(answer, r); err != nil {
			a.Fail(w, r, err, answer.begun)
		}
	}
}

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

// Write sends one buffer. The first one sends the headers before it.
func (a *answer) Write(p []byte) (int, error) {
	a.begun = true
	// The server takes the deadline back after each request. Writers that know none say so; they do not block either.
	_ = a.controller.SetWriteDeadline(time.Now().Add(writeTimeout))
	return a.ResponseWriter.Write(p)
}

// Unwrap lets a response controller find the server's writer.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
