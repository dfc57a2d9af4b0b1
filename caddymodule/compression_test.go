package caddymodule_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// TestCompressionStreams: with encode gzip zstd the first rows arrive while the query still runs, in every format: it goes on after row 2,000
// only when they have.
func TestCompressionStreams(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(`CREATE FUNCTION awaits(n bigint, gate bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN
		IF n = 2000 THEN PERFORM pg_advisory_xact_lock_shared(gate); END IF; RETURN n; END $$`)
	s := serveProgram(t, programConfig{sources: servertest.PostgresOf(db).Directive(), files: map[string]string{
		"acme/default/steady.sql": "/*---\nsource: main\nparams: { gate: { type: integer, required: true } }\n---*/\n" +
			"SELECT awaits(n, @gate) AS n, md5(n::text) || md5((n * 7)::text) || md5((n * 13)::text) || md5((n * 17)::text) AS noise\n" +
			"FROM generate_series(1, 2500) AS n",
	}})
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
	for i, test := range []struct{ format, coding string }{{"json", "gzip"}, {"ndjson", "zstd"}, {"csv", "gzip"}, {"csv", "zstd"}, {"arrow", "zstd"}} {
		t.Run(test.format+" "+test.coding, func(t *testing.T) {
			gate := db.Conn()
			if _, err := gate.Exec(t.Context(), "SELECT pg_advisory_lock($1)", i); err != nil {
				t.Fatal(err)
			}
			path := s.URL("/api/v1/data-api/default/steady/execute." + test.format)
			body := fmt.Sprintf(`{"parameter_values":{"gate":%d}}`, i)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+token)
			request.Header.Set("Accept-Encoding", test.coding)
			response, err := (&http.Transport{DisableCompression: true}).RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != test.coding {
				t.Fatalf("%d, %v", response.StatusCode, response.Header)
			}
			rows := bufio.NewReader(response.Body)
			if _, err := rows.Peek(1); err != nil {
				t.Fatal(err)
			}
			if _, err := gate.Exec(t.Context(), "SELECT pg_advisory_unlock($1)", i); err != nil {
				t.Fatal(err)
			}
			plain, err := decompressed(test.coding, rows)
			if err != nil || len(plain) < 300_000 {
				t.Fatalf("%d bytes: %v", len(plain), err)
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

// TestTagsOfCompressedAnswersChangeWhatWasRead: Caddy's encode marks the ETag of what it compresses, and leaves If-Match as it comes.
func TestTagsOfCompressedAnswersChangeWhatWasRead(t *testing.T) {
	s := serveProgram(t, programConfig{
		sources: servertest.SQLite(t, t.TempDir(), servertest.Sales).Directive(),
		files:   map[string]string{"acme/company.yaml": "users: { admin: { policies: [CompanyAdministrator] } }\n"},
	})
	if err := s.load(s.adapt(strings.Replace(s.content(), "\n\tdata_api\n}", "\n\tencode gzip zstd {\n\t\tminimum_length 1\n\t}\n\tdata_api\n}", 1))); err != nil {
		t.Fatal(err)
	}
	token := s.Login("acme", "admin").Access
	const path, body = "/api/v1/users/erp", `{"policies":["DataAPIConsumer"]}`
	s.Send(http.MethodPut, path, token, body, "If-None-Match", "*").Want(http.StatusCreated)
	for _, coding := range []string{"gzip", "zstd"} {
		read := s.Send(http.MethodGet, path, token, "", "Accept-Encoding", coding).Want(http.StatusOK)
		tag := read.Header.Get("ETag")
		if !strings.HasSuffix(tag, "-"+coding+`"`) {
			t.Fatalf("the tag of %s is %s", coding, tag)
		}
		s.Send(http.MethodPut, path, token, body, "If-Match", tag).Want(http.StatusOK)
		s.Send(http.MethodPut, path, token, body, "If-Match", tag).Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	}
}
