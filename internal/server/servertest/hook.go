package servertest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Hook is a receiver of callbacks that keeps what it gets.
type Hook struct {
	*httptest.Server
	Status   atomic.Int32 // that it answers
	mu       sync.Mutex
	headers  []http.Header
	payloads [][]byte
}

// NewHook starts a receiver, which ends with the test.
func NewHook(t testing.TB) *Hook {
	t.Helper()
	return NewHookOn(t, nil)
}

// NewHookOn starts a receiver that listens where it is told; nil: anywhere.
func NewHookOn(t testing.TB, listener net.Listener) *Hook {
	t.Helper()
	h := new(Hook)
	h.Status.Store(http.StatusOK)
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		payload, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.headers, h.payloads = append(h.headers, r.Header), append(h.payloads, payload)
		h.mu.Unlock()
		w.WriteHeader(int(h.Status.Load()))
	}))
	if listener != nil {
		_ = h.Listener.Close()
		h.Listener = listener
	}
	h.Start()
	t.Cleanup(h.Close)
	return h
}

// Await returns the request number n, from 0.
func (h *Hook) Await(t testing.TB, n int) (http.Header, []byte) {
	t.Helper()
	for deadline := time.Now().Add(Patience); ; time.Sleep(5 * time.Millisecond) {
		h.mu.Lock()
		if len(h.payloads) > n {
			defer h.mu.Unlock()
			return h.headers[n], h.payloads[n]
		}
		h.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatalf("callback %d does not come", n)
		}
	}
}

// Payloads returns what has come.
func (h *Hook) Payloads() [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.payloads)
}

// Received returns the header fields of what has come.
func (h *Hook) Received() []http.Header {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.headers)
}

// Host is the receiver's host and port, which callbacks must be allowed to reach.
func (h *Hook) Host() string { return strings.TrimPrefix(h.URL, "http://") }
