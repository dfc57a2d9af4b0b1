package mcp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// client sends requests to the HTTP API of this very server, for the caller of outer.
type client struct {
	serve http.HandlerFunc
	outer *http.Request
	log   *slog.Logger
}

// askedKey is under what the context of a message has an *atomic.Bool: whether a request was sent for it.
type askedKey struct{}

type continuedKey struct{}

// Continued reports whether an earlier request was sent for the same message of the protocol. A call of a tool is several requests, of
// which a caller knows nothing: rates count the first. Else a rate that lets one request through at once would let no call through.
func Continued(r *http.Request) bool {
	continued, _ := r.Context().Value(continuedKey{}).(bool)
	return continued
}

// answer is one of the API. It must be closed.
type answer struct {
	io.ReadCloser
	status int
	header http.Header
}

// request is one that a client sends.
type request struct {
	method string
	path   string
	query  url.Values
	body   []byte
	prefer string // the field Prefer
}

// do sends a request, and returns its answer when the headers are there. The request ends with ctx, when the client of outer
// goes, and when the answer is closed, which waits for its end.
func (c client) do(ctx context.Context, asked request) answer {
	inside, cancel := context.WithCancel(c.outer.Context()) // which has what Caddy and the API know of the request
	if before, ok := ctx.Value(askedKey{}).(*atomic.Bool); ok && before.Swap(true) {
		inside = context.WithValue(inside, continuedKey{}, true)
	}
	stop := context.AfterFunc(ctx, cancel)
	inner := c.outer.Clone(inside)
	inner.Method, inner.URL = asked.method, &url.URL{Path: asked.path, RawQuery: asked.query.Encode()}
	inner.RequestURI = inner.URL.RequestURI()
	inner.Proto, inner.ProtoMajor, inner.ProtoMinor = "HTTP/2.0", 2, 0 // an answer that fails must not break the connection of outer
	inner.Body, inner.ContentLength = io.NopCloser(bytes.NewReader(asked.body)), int64(len(asked.body))
	inner.TransferEncoding, inner.Trailer = nil, nil
	inner.Header = http.Header{"Accept": {"application/json"}}
	if asked.body != nil {
		inner.Header.Set("Content-Type", "application/json")
	}
	if asked.prefer != "" {
		inner.Header.Set("Prefer", asked.prefer)
	}
	for _, name := range []string{"Authorization", "X-Request-Id", "Traceparent", "Tracestate"} {
		if values := c.outer.Header.Values(name); len(values) > 0 {
			inner.Header[name] = values
		}
	}
	read, write := io.Pipe()
	w := &writer{header: make(http.Header), body: write, begun: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer stop()
		defer cancel()
		w.end(c.serveSafely(w, inner))
	}()
	<-w.begun
	return answer{ReadCloser: &endingReader{read, cancel, ended}, status: w.status, header: w.sent}
}

// endingReader ends the request when its answer is not read on.
type endingReader struct {
	*io.PipeReader
	cancel context.CancelFunc
	ended  <-chan struct{}
}

func (r *endingReader) Close() error {
	r.cancel()
	err := r.PipeReader.Close()
	<-r.ended
	return err
}

// serveSafely answers a request, and returns whether the answer was broken off. Handlers do that by panicking. Here no server is
// above them that would catch a panic, which would end the process. What a panic says is for the log alone.
func (c client) serveSafely(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		broken := recover()
		if broken == nil {
			return
		}
		err = errBroken
		if broken != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			c.log.Error("a tool's request panicked", slog.Any("panic", broken), slog.String("stack", string(debug.Stack())))
		}
	}()
	c.serve(w, r)
	return nil
}

var errBroken = errors.New("the answer was broken off")

// writer is where the API writes an answer. What it writes waits for the reader of the pipe.
type writer struct {
	header http.Header
	body   *io.PipeWriter

	once   sync.Once
	begun  chan struct{} // closed when what follows is set
	sent   http.Header
	status int
}

// Header returns what a handler may still change.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader hands on the header as it is now.
func (w *writer) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.begun)
	})
}

// Write blocks until p has been read.
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// end ends the answer; err says why it is not whole.
func (w *writer) end(err error) {
	status := http.StatusOK
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_ = w.body.CloseWithError(err) // it returns none
}
