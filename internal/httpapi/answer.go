package httpapi

import (
	"net/http"
	"time"
)

// writeTimeout is how long a caller may take to read one buffer of an answer. A reader that is slower than that holds a
// connection to the database for nothing.
const writeTimeout = 30 * time.Second

// answer is the body of a streamed answer: it knows whether it has begun, and it does not wait for ever.
type answer struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	begun      bool
}

func newAnswer(w http.ResponseWriter) *answer {
	return &answer{w: w, controller: http.NewResponseController(w)}
}

// Write sends one buffer. The first one sends the headers before it.
func (a *answer) Write(p []byte) (int, error) {
	a.begun = true
	// The server takes the deadline back after each request. Writers that know none say so; they do not block either.
	_ = a.controller.SetWriteDeadline(time.Now().Add(writeTimeout))
	return a.w.Write(p)
}
