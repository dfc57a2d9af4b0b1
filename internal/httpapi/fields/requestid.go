package fields

import (
	"crypto/rand"
	"net/http"
)

// requestIDHeader names a request in the answer and in the log.
const requestIDHeader = "X-Request-Id"

// maxRequestID bounds a request id that comes from outside, in bytes.
const maxRequestID = 64

// SetRequestID gives the answer a request id: the one that the request brings, when it is short and plain, so that a
// caller or a proxy can follow a request through several servers; else a new random one. An id that is set stays.
func SetRequestID(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	if header.Get(requestIDHeader) != "" {
		return
	}
	id := r.Header.Get(requestIDHeader)
	if !plainRequestID(id) {
		id = rand.Text()
	}
	header.Set(requestIDHeader, id)
}

// RequestID returns the id that the answer carries.
func RequestID(w http.ResponseWriter) string { return w.Header().Get(requestIDHeader) }

// plainRequestID refuses what could forge a line of a log or break a header.
func plainRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
