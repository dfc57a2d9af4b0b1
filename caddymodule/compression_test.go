package caddymodule_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// TestCompressionStreams: with encode gzip zstd the first rows arrive while the query still runs, in every format.
func TestCompressionStreams(t *testing.T) {
	e := servertest.Engines[1]
	catalog := servertest.Files(e)
	catalog["acme/default/steady.sql"] = "/*---\nsource: main\n---*/\nSELECT n, md5(n::text) || md5((n * 7)::text) || md5((n * 13)::text) || md5((n * 17)::text) AS noise, LENGTH(pg_sleep(0.002)::text) AS pause FROM generate_series(1, 2500) AS n"
	s := serveProgram(t, programConfig{sources: e.Source(t, t.TempDir(), servertest.Sales).Directive(), files: catalog})
	with := strings.Replace(s.content(), "\n\tdata_api\n}", `
	data_api
	encode gzip zstd {
		match {
			header Content-Type application/json*
			header Content-Type application/x-ndjson*
			header Content-Type application/vnd.apache.arrow*
			header Content-Type text/*
		}
	}
}`, 1)
	if err := s.load(s.adapt(with)); err != nil {
		t.Fatal(err)
	}
	token := s.Login("acme", "integration").Access
	for _, test := range []struct{ format, coding string }{{"json", "gzip"}, {"ndjson", "zstd"}, {"csv", "gzip"}, {"csv", "zstd"}, {"arrow", "zstd"}} {
		t.Run(test.format+" "+test.coding, func(t *testing.T) {
			t.Parallel() // the query takes five seconds, which are what is tested
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL("/api/v1/data-api/default/steady/execute."+test.format), strings.NewReader(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+token)
			request.Header.Set("Accept-Encoding", test.coding)
			begun := time.Now()
			response, err := (&http.Transport{DisableCompression: true}).RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != test.coding {
				t.Fatalf("%d, %v", response.StatusCode, response.Header)
			}
			body := bufio.NewReader(response.Body)
			if _, err := body.Peek(1); err != nil {
				t.Fatal(err)
			}
			first := time.Since(begun)
			plain, err := decompressed(test.coding, body)
			if err != nil || len(plain) < 300_000 {
				t.Fatalf("%d bytes: %v", len(plain), err)
			}
			if whole := time.Since(begun); first > whole*2/3 {
				t.Errorf("the first byte came after %s of %s", first, whole)
			}
			if test.format != "json" && response.Trailer.Get("X-Data-Api-Row-Count") != "2500" {
				t.Errorf("the trailer is %v", response.Trailer)
			}
		})
	}
}

func decompressed(coding string, body io.Reader) ([]byte, error) {
	if coding == "gzip" {
		reader, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(reader)
	}
	reader, err := zstd.NewReader(body)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	return io.ReadAll(reader)
}
