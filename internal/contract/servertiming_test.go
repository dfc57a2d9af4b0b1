package contract

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

const serverTiming = "Server-Timing"

// TestServerTiming: where a site asks for it, each answer says what is known of where its time went, and nothing else.
func TestServerTiming(t *testing.T) {
	t.Parallel()
	const ms = `;dur=\d+\.\d{3}`
	onEveryEngine(t, func(t *testing.T, e engine) {
		catalog := files(e)
		catalog["acme/default/kept.sql"] = "/*---\nsource: main\nlimits: { cache: 60s }\n---*/\nSELECT 1 AS one"
		catalog["acme/default/long.sql"] = "/*---\nsource: main\n---*/\nWITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) " +
			"SELECT i, 'and a text that makes the answer long' AS text FROM n"
		config := servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: catalog, ServerTiming: true}
		s := newServer(t, config)
		token := s.Login("acme", "integration").Access
		const good = `{"data_inicio":"2026-01-01","regiao":"Sul"}`

		whole := "wait" + ms + ", db" + ms + ", total" + ms
		for _, test := range []struct {
			what, want string
			got        answer
		}{
			{"a short answer", whole, s.Execute("vendas-por-regiao", token, good).Want(http.StatusOK)},
			{"a result that is made", whole, s.Execute("kept", token, `{}`).Want(http.StatusOK)},
			{"a result that was kept", "cache;desc=hit, total" + ms, s.Execute("kept", token, `{}`).Want(http.StatusOK)},
			{"a refused value", "total" + ms, s.Execute("vendas-por-regiao", token, `{"data_inicio":"x"}`).Want(http.StatusUnprocessableEntity)},
			{"a job", "total" + ms, s.Call("vendas-por-regiao", token, good, "Prefer", "respond-async").Want(http.StatusAccepted)},
		} {
			if got := test.got.Header.Get(serverTiming); !regexp.MustCompile("^" + test.want + "$").MatchString(got) {
				t.Errorf("%s says %q", test.what, got)
			}
		}

		// What is streamed says it at its end.
		for _, suffix := range []string{"", ".csv"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL("/api/v1/data-api/default/long/execute"+suffix), strings.NewReader(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+token)
			request.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, response.Body)
			if err := errors.Join(err, response.Body.Close()); err != nil {
				t.Fatal(err)
			}
			if got := response.Trailer.Get(serverTiming); response.Header.Get(serverTiming) != "" || !regexp.MustCompile("^"+whole+"$").MatchString(got) {
				t.Errorf("a long answer %s says %q in its trailer", suffix, got)
			}
			if rows := response.Trailer.Get("X-Data-Api-Row-Count"); (rows != "") != (suffix != "") {
				t.Errorf("beside it the trailer %s says %q rows", suffix, rows)
			}
		}

		config.ServerTiming, config.Files = false, nil
		config.Database = e.Source(t, t.TempDir(), sales)
		silent := newServer(t, config)
		if got := silent.Get("/api/v1/data-api", silent.Login("acme", "integration").Access).Want(http.StatusOK); got.Header.Get(serverTiming) != "" {
			t.Error("nobody has asked for it")
		}
	})
}

// point makes what sends one short request to the server, past the network.
func point(t testing.TB, e servertest.Engine, span trace.SpanContext) func() {
	t.Helper()
	s := newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: files(e)})
	token := s.Login("acme", "integration").Access
	const body = `{"parameter_values":{"data_inicio":"2026-01-01","regiao":"Sul"}}`
	return func() {
		ctx := context.Background()
		if span.IsValid() {
			ctx = trace.ContextWithSpanContext(ctx, span)
		}
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/data-api/default/vendas-por-regiao/execute", strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
	}
}

// BenchmarkExecute is a short request from the handler on.
func BenchmarkExecute(b *testing.B) {
	for _, e := range engines {
		b.Run(e.Name, func(b *testing.B) {
			do := point(b, e, trace.SpanContext{})
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
		})
	}
}
