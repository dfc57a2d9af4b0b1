package httpapi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/httpapi/wiretest"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// keptResult is a result in memory whose chunks can be lost.
type keptResult struct {
	chunks [][]byte
	lost   int // from this chunk on reading fails; 0: none is lost
}

var errLost = errors.New("secret path: the chunk is lost")

func (k *keptResult) ReadChunk(_ context.Context, _ job.ID, n int, buffer []byte) ([]byte, error) {
	if k.lost > 0 && n >= k.lost || n >= len(k.chunks) {
		return nil, errLost
	}
	return append(buffer, k.chunks[n]...), nil
}

// keep cuts a text into small blocks.
func keep(t *testing.T, text []byte) (*keptResult, job.Job) {
	t.Helper()
	const blockSize = 1 << 10
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	kept := new(keptResult)
	for begin := 0; begin < len(text); begin += blockSize {
		kept.chunks = append(kept.chunks, encoder.EncodeAll(text[begin:min(len(text), begin+blockSize)], nil))
	}
	return kept, job.Job{ID: job.NewID(time.Now()), Status: job.Completed, Result: job.Result{
		Size: int64(len(text)), Chunks: len(kept.chunks), BlockSize: blockSize, RowCount: 1,
	}}
}

// handle makes a route of a handler.
func handle(h respond.Handler) http.Handler {
	responder := respond.New(respond.Options{
		Recorder: &respond.Recorder{ClientIP: func(*http.Request) string { return "192.0.2.1" }, Meter: observe.Unmetered{}},
		Memory:   respond.NewMemory(64 << 20), Log: slog.New(slog.DiscardHandler),
	})
	return responder.Mux(respond.Routes{"GET /x": h}, nil)
}

// serveKept serves a kept result as the route does, from a real server.
func serveKept(t *testing.T, kept *keptResult, completed job.Job, serve func(http.ResponseWriter, *http.Request, *job.ResultReader) error) string {
	t.Helper()
	server := httptest.NewServer(handle(func(w http.ResponseWriter, r *http.Request) error {
		stored, err := job.OpenResult(r.Context(), kept, completed)
		if err != nil {
			return err
		}
		defer stored.Close()
		return serve(w, r, stored)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/x"
}

// A store that fails half way breaks the connection: nobody takes what was sent for the whole.
func TestStoreThatFailsHalfWayBreaksTheConnection(t *testing.T) {
	text := []byte(`{"columns":[],"rows":[{"a":"` + strings.Repeat("x", 100_000) + `"}],"row_count":1,"truncated":false}`)
	kept, completed := keep(t, text)
	url := serveKept(t, kept, completed, func(w http.ResponseWriter, r *http.Request, stored *job.ResultReader) error {
		return answerBytes(w, r, completed, stored)
	})
	if status, _, body, err := wiretest.Fetch(t, url); status != http.StatusOK || err != nil || !bytes.Equal(body, text) {
		t.Fatalf("the whole result: %d, %d bytes, %v", status, len(body), err)
	}
	kept.lost = 60
	if status, _, body, err := wiretest.Fetch(t, url); err == nil {
		t.Errorf("got %d with %d bytes and no error", status, len(body))
	}
	if status, _, body, err := wiretest.Fetch(t, url, "Range", "bytes=0-99"); status != http.StatusPartialContent || err != nil || !bytes.Equal(body, text[:100]) {
		t.Errorf("a range that is there: %d, %d bytes, %v", status, len(body), err)
	}
}

// A page whose rows cannot be found is an error before a byte of it is sent, and what was said of it is taken back.
func TestStoreThatFailsBeforeAPageIsSent(t *testing.T) {
	text := []byte(`{"columns":[],"rows":[{"a":"` + strings.Repeat("x", 10_000) + `"}],"row_count":1,"truncated":false}`)
	kept, completed := keep(t, text)
	kept.lost = 5
	url := serveKept(t, kept, completed, func(w http.ResponseWriter, r *http.Request, stored *job.ResultReader) error {
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Content-Length", "7")
		return new(results).answerPage(w, r, completed, stored, fields.Query{"limit": "1"})
	})
	status, header, body, err := wiretest.Fetch(t, url)
	if err != nil || status != http.StatusInternalServerError || header.Get("Content-Type") != "application/problem+json" ||
		header.Get("ETag") != "" || bytes.Contains(body, []byte("secret")) || !bytes.Contains(body, []byte("INTERNAL_ERROR")) {
		t.Errorf("got %d %v %s, %v", status, header, body, err)
	}
}

// HTTP/1.0 has no trailers, and is announced none.
func TestHTTP10HasNoTrailer(t *testing.T) {
	listener := wiretest.Listen(t)
	wiretest.Serve(t, listener, handle(func(w http.ResponseWriter, _ *http.Request) error {
		answer := newResultAnswer(w, form{format: result.CSV}, "name", 10_000, nil, true)
		defer answer.Close()
		if err := answer.Columns([]source.Column{{Name: "a", Type: source.TypeVarchar}}); err != nil {
			return err
		}
		for range 9_000 {
			if err := answer.Row([]source.Value{{Kind: source.KindText, Bytes: []byte("some text")}}); err != nil {
				return err
			}
		}
		return answer.End(result.Summary{RowCount: 9_000})
	}), respond.WithConn)
	for version, want := range map[string]bool{"1.0": false, "1.1": true} {
		answer, err := wiretest.Ask(t, wiretest.Dial(t, listener.Addr()), "GET /x HTTP/"+version+"\r\nHost: x\r\nConnection: close\r\n\r\n")
		if head, _, _ := bytes.Cut(answer, []byte("\r\n\r\n")); err != nil || bytes.Contains(head, []byte("\r\nTrailer: ")) != want {
			t.Errorf("HTTP/%s: %v %s", version, err, head)
		}
	}
}
