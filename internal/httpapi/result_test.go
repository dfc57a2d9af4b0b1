package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/job"
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

// serveKept serves a kept result as the route does, from a real server.
func serveKept(t *testing.T, kept *keptResult, completed job.Job, serve func(http.ResponseWriter, *http.Request, *job.ResultReader) error) string {
	t.Helper()
	api := testAPI()
	server := httptest.NewServer(handle(api, func(w http.ResponseWriter, r *http.Request) error {
		stored, err := job.OpenResult(r.Context(), kept, completed)
		if err != nil {
			return err
		}
		defer stored.Close()
		return serve(w, r, stored)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func fetch(t *testing.T, url string, headers ...string) (status int, header http.Header, body []byte, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, response.Header, body, err
}

// A store that fails half way breaks the connection: nobody takes what was sent for the whole.
func TestStoreThatFailsHalfWayBreaksTheConnection(t *testing.T) {
	text := []byte(`{"columns":[],"rows":[{"a":"` + strings.Repeat("x", 100_000) + `"}],"row_count":1,"truncated":false}`)
	kept, completed := keep(t, text)
	url := serveKept(t, kept, completed, func(w http.ResponseWriter, r *http.Request, stored *job.ResultReader) error {
		return answerBytes(w, r, completed, stored)
	})
	if status, _, body, err := fetch(t, url); status != http.StatusOK || err != nil || !bytes.Equal(body, text) {
		t.Fatalf("the whole result: %d, %d bytes, %v", status, len(body), err)
	}
	kept.lost = 60
	if status, _, body, err := fetch(t, url); err == nil {
		t.Errorf("got %d with %d bytes and no error", status, len(body))
	}
	if status, _, body, err := fetch(t, url, "Range", "bytes=0-99"); status != http.StatusPartialContent || err != nil || !bytes.Equal(body, text[:100]) {
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
	status, header, body, err := fetch(t, url)
	if err != nil || status != http.StatusInternalServerError || header.Get("Content-Type") != "application/problem+json" ||
		header.Get("ETag") != "" || bytes.Contains(body, []byte("secret")) || !bytes.Contains(body, []byte("INTERNAL_ERROR")) {
		t.Errorf("got %d %v %s, %v", status, header, body, err)
	}
}
