package contract

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

var updateGolden = flag.Bool("update", false, "write the golden answers again from the server under test")

// The golden catalog's own Files: fixed, so that no other test moves an answer.
var goldenFiles = map[string]string{
	"acme/company.yaml": `name: Acme
users:
  integration: { policies: [DataAPIConsumer] }
  powerless: { policies: [] }
`,
	"globex/company.yaml": "name: Globex\nusers:\n  reader: { policies: [DataAPIConsumer] }\n",
	"acme/default/vendas.sql": `/*---
title: Vendas por região
description: Totals by region.
source: main
params:
  data_inicio: { type: date, required: true, title: From }
  regiao: { type: string, max_length: 40, enum: [Sul, Norte, Sudeste] }
columns:
  regiao: { type: varchar, description: The region, nullable: false }
  total: { type: decimal, scale: 2 }
share:
  globex: { regiao: [Norte] }
---*/
SELECT regiao, SUM(total) AS total FROM vendas
WHERE data >= @data_inicio AND (@regiao IS NULL OR regiao = @regiao)
GROUP BY regiao ORDER BY regiao
`,
	"acme/default/relatorio.sql": `/*---
source: main
mode: async
params:
  mes: { type: string, pattern: "^[0-9]{4}-[0-9]{2}$" }
---*/
SELECT regiao, total FROM vendas WHERE @mes IS NULL OR @mes <> '' ORDER BY regiao, total
`,
	"acme/default/cached.sql": "/*---\nsource: main\nlimits: { cache: 1h }\ncolumns: { n: { type: bigint } }\n---*/\nSELECT COUNT(*) AS n FROM vendas",
	"acme/default/few.sql":    "/*---\nsource: main\nlimits: { max_rows: 2 }\ndeprecated: 2026-01-01\nsunset: 2036-01-01\n---*/\nSELECT regiao FROM vendas ORDER BY regiao",
	"acme/default/off.sql":    "/*---\nsource: main\nactive: false\n---*/\nSELECT regiao FROM vendas",
	"acme/default/types.sql": `/*---
source: main
params:
  i: { type: integer, minimum: 1, maximum: 10 }
  d: { type: decimal }
  b: { type: boolean, default: true }
  at: { type: timestamp }
  id: { type: uuid }
  names: { type: array<string>, max_items: 3 }
  short: { type: string, min_length: 2, max_length: 3 }
  hidden: { type: string, sensitive: true }
columns: { n: { type: bigint } }
---*/
SELECT COUNT(*) AS n FROM vendas WHERE @i IS NULL AND @d IS NULL AND @b IS NULL AND @at IS NULL AND @id IS NULL
	AND @names IS NULL AND @short IS NULL AND @hidden IS NULL
`,
}

// golden records what requests got, with what differs from run to run replaced by names.
type golden struct {
	s        *server
	token    string
	names    map[string]string // of values that differ from run to run
	recorded strings.Builder
}

var (
	goldenTime   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	goldenTokens = regexp.MustCompile(`eyJ[A-Za-z0-9_.-]{20,}`)
	goldenKeys   = regexp.MustCompile(`s42_[A-Za-z0-9]+`)
	goldenKeyIDs = regexp.MustCompile(`"(kid|x|y)":"[^"]*"`)
	goldenCursor = regexp.MustCompile(`cursor(=|":")[0-9A-Za-z_-]{20,}`)
	goldenTTL    = regexp.MustCompile(`ttl=35\d\d`) // of an hour, of which a second may have gone
)

// header leaves out what says nothing of the contract, or counts the bytes of what was replaced.
func (g *golden) header(header http.Header) string {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(header)) {
		switch name {
		case "Date", "Server", "Content-Length", "Age":
		case "Etag":
			fmt.Fprintf(&lines, "%s: {etag}\n", name)
		default:
			fmt.Fprintf(&lines, "%s: %s\n", name, strings.Join(header[name], " | "))
		}
	}
	return lines.String()
}

func (g *golden) ask(name, method, path, body string, fields ...string) answer {
	g.s.T.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, g.s.URL(path), strings.NewReader(body))
	if err != nil {
		g.s.T.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if g.token != "" {
		request.Header.Set("Authorization", "Bearer "+g.token)
	}
	request.Header.Set("X-Request-Id", "golden")
	for _, field := range fields {
		key, value, _ := strings.Cut(field, ": ")
		request.Header.Del(key)
		if value != "" {
			request.Header.Set(key, value)
		}
	}
	got, err := g.s.Do(request)
	if err != nil {
		g.s.T.Fatal(err)
	}
	body = string(got.Body)
	if strings.Contains(got.Header.Get("Content-Type"), "arrow") || strings.Contains(got.Header.Get("Content-Type"), "parquet") {
		body = fmt.Sprintf("%d bytes that begin with %q", len(body), body[:4])
	}
	text := fmt.Sprintf("=== %s: %s %s\n%d\n%s\n%s\n", name, method, path, got.Status, g.header(got.Header), strings.TrimSpace(body))
	for value, name := range g.names {
		text = strings.ReplaceAll(text, value, name)
	}
	text = goldenTime.ReplaceAllString(text, "{time}")
	text = goldenTokens.ReplaceAllString(text, "{token}")
	text = goldenKeys.ReplaceAllString(text, "{key}")
	text = goldenKeyIDs.ReplaceAllString(text, `"$1":"{key}"`)
	text = goldenCursor.ReplaceAllString(text, `cursor$1{cursor}`)
	text = goldenTTL.ReplaceAllString(text, "ttl={35xx}")
	text = strings.ReplaceAll(text, "\r", `\r`) // a checkout may change line ends
	g.recorded.WriteString(text + "\n")
	return got
}

func (g *golden) as(token string) { g.token = token }

// TestGoldenAnswers compares the answers of every route, the good ones and the errors, with what was recorded: a change of
// the code alone changes none. `go test ./internal/contract -run GoldenAnswers -update` records them again; read the difference.
func TestGoldenAnswers(t *testing.T) {
	t.Parallel()
	s := newServer(t, servertest.Config{Database: servertest.SQLite(t, t.TempDir(), sales), Files: goldenFiles})
	g := &golden{s: s, names: map[string]string{}}
	const base = "/api/v1/data-api"

	key := s.CreateKey("acme", "integration")
	g.ask("a key", "POST", "/api/v1/auth/api-key", fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":%q}`, key.Key, key.Secret))
	g.ask("a wrong secret", "POST", "/api/v1/auth/api-key", fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":"x"}`, key.Key))
	g.ask("no fields", "POST", "/api/v1/auth/api-key", `{}`)
	g.ask("not JSON", "POST", "/api/v1/auth/api-key", `{`)
	g.ask("another method", "GET", "/api/v1/auth/api-key", "")
	pair := s.Exchange("acme", key)
	g.ask("refresh", "POST", "/api/v1/auth/refresh", fmt.Sprintf(`{"refresh_token":%q}`, pair.Refresh))
	g.ask("an access token refreshes nothing", "POST", "/api/v1/auth/refresh", fmt.Sprintf(`{"refresh_token":%q}`, pair.Access))
	g.ask("logout", "POST", "/api/v1/auth/logout", fmt.Sprintf(`{"refresh_token":%q}`, s.Exchange("acme", key).Refresh))
	g.ask("public keys", "GET", "/.well-known/jwks.json", "")

	g.ask("no token", "GET", base, "")
	g.as("nonsense")
	g.ask("a bad token", "GET", base, "")

	g.as(s.Login("acme", "integration").Access)
	g.ask("permissions", "GET", "/api/v1/auth/permissions", "")
	g.ask("the list", "GET", base, "")
	g.ask("a page of the list", "GET", base+"?limit=2", "")
	g.ask("an unknown query parameter", "GET", base+"?nosuch=1", "")
	g.ask("OpenAPI", "GET", base+"/openapi.json", "")

	vendas := base + "/default/vendas/execute"
	call := `{"parameter_values":{"data_inicio":"2026-01-01","regiao":"Sul"}}`
	g.ask("a result", "POST", vendas, call)
	for _, format := range []string{"json", "ndjson", "csv", "arrow"} {
		g.ask("a result as "+format, "POST", vendas+"."+format, call)
	}
	g.ask("a result as Accept says", "POST", vendas, call, "Accept: text/csv")
	g.ask("rows as arrays", "POST", vendas+"?rows_as=arrays", call)
	g.ask("nothing acceptable", "POST", vendas, call, "Accept: image/png")
	g.ask("faults of parameters", "POST", vendas, `{"parameter_values":{"data_inicio":"2026-13-01","regiao":"Leste","x":1}}`)
	g.ask("faults of types", "POST", base+"/default/types/execute",
		`{"parameter_values":{"i":11,"d":"x","b":1,"at":"2026-01-01","id":"x","names":["a","b","c","d"],"short":"a","hidden":7}}`)
	g.ask("types", "POST", base+"/default/types/execute", `{"parameter_values":{"b":null}}`)
	g.ask("an unknown field", "POST", vendas, `{"parameters":{}}`)
	g.ask("a field twice", "POST", vendas, `{"parameter_values":{},"parameter_values":{}}`)
	g.ask("another media type", "POST", vendas, call, "Content-Type: text/plain")
	g.ask("a coded body", "POST", vendas, call, "Content-Encoding: gzip")
	g.ask("a callback for a result", "POST", vendas, `{"parameter_values":{"data_inicio":"2026-01-01"},"callback_url":"https://example.com"}`)
	g.ask("truncated and deprecated", "POST", base+"/default/few/execute", `{}`)
	g.ask("an inactive endpoint", "POST", base+"/default/off/execute", `{}`)
	g.ask("an unknown endpoint", "POST", base+"/default/nosuch/execute", `{}`)
	g.ask("no slug", "POST", base+"/default/No_Slug/execute", `{}`)
	g.ask("an unknown revision", "POST", vendas+"?revision=0123456789abcdef", call)
	g.ask("not yet cached", "POST", base+"/default/cached/execute", `{}`)
	etag := g.ask("cached", "POST", base+"/default/cached/execute", `{}`).Header.Get("Etag")
	g.ask("not modified", "POST", base+"/default/cached/execute", `{}`, "If-None-Match: "+etag)

	job := func(got answer) string {
		var accepted struct {
			ID string `json:"job_id"`
		}
		got.Decode(&accepted)
		g.names[accepted.ID] = fmt.Sprintf("{job %d}", len(g.names)+1)
		return accepted.ID
	}
	report := base + "/default/relatorio"
	made, err := s.Try(context.Background(), "POST", report+"/execute", g.token, `{"parameter_values":{"mes":"2026-03"}}`)
	if err != nil {
		t.Fatal(err)
	}
	first := job(made)
	s.Await(report+"/jobs/"+first, g.token)
	g.ask("a job", "GET", report+"/jobs/"+first, "")
	g.ask("a job's result", "GET", report+"/jobs/"+first+"/result", "")
	g.ask("a range of it", "GET", report+"/jobs/"+first+"/result", "", "Range: bytes=0-9")
	g.ask("a page of it", "GET", report+"/jobs/"+first+"/result?limit=2", "")
	for _, format := range []string{"ndjson", "csv", "arrow", "parquet"} {
		g.ask("a job's result as "+format, "GET", report+"/jobs/"+first+"/result."+format, "")
	}
	g.ask("the events of a job", "GET", report+"/jobs/"+first, "", "Accept: text/event-stream")
	g.ask("a job that has ended is not cancelled", "DELETE", report+"/jobs/"+first, "")
	g.ask("an unknown job", "GET", report+"/jobs/507f1f77bcf86cd799439011", "")
	g.ask("a job of another endpoint", "GET", base+"/default/few/jobs/"+first, "")
	g.ask("the list of jobs", "GET", report+"/jobs", "")
	keyed, err := s.Try(context.Background(), "POST", report+"/execute", g.token, `{"parameter_values":{}}`)
	if err != nil {
		t.Fatal(err)
	}
	s.Await(report+"/jobs/"+job(keyed), g.token)
	g.ask("a callback to a private address", "POST", report+"/execute", `{"callback_url":"https://127.0.0.1/x"}`)
	g.ask("a callback without TLS", "POST", report+"/execute", `{"callback_url":"http://example.com/x"}`)
	g.ask("waiting for a job", "POST", report+"/execute", `{}`, "Prefer: wait=20", "Idempotency-Key: golden")
	g.ask("the same key", "POST", report+"/execute", `{}`, "Prefer: wait=20", "Idempotency-Key: golden")
	g.ask("the same key with another body", "POST", report+"/execute", `{"parameter_values":{"mes":"2026-01"}}`, "Idempotency-Key: golden")
	g.ask("another method of a job", "PUT", report+"/jobs/"+first, "")
	g.ask("an unknown path", "GET", base+"/default", "")

	g.as(s.Login("acme", "powerless").Access)
	g.ask("no permission to run", "POST", vendas, call)
	g.ask("no permission to look", "GET", report+"/jobs/"+first, "")
	g.ask("an empty list", "GET", base, "")

	g.as(s.Login("globex", "reader").Access)
	g.ask("a share's list", "GET", base, "")
	g.ask("a share's permissions", "GET", "/api/v1/auth/permissions", "")
	g.ask("within a share", "POST", vendas, `{"parameter_values":{"data_inicio":"2026-01-01"}}`)
	g.ask("beyond a share", "POST", vendas, call)
	g.ask("another company's endpoint", "POST", report+"/execute", `{}`)
	g.ask("another company's job", "GET", report+"/jobs/"+first, "")

	g.compare()
}

// compare names the first answer that differs.
func (g *golden) compare() {
	t := g.s.T
	path := filepath.Join("testdata", "golden", "answers.txt")
	recorded := g.recorded.String()
	if *updateGolden {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(recorded), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, got := strings.Split(string(content), "\n=== "), strings.Split(recorded, "\n=== ")
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(want):
			t.Errorf("an answer too many:\n%s", got[i])
		case i >= len(got):
			t.Errorf("an answer is missing:\n%s", want[i])
		case got[i] != want[i]:
			t.Errorf("got\n%s\nwant\n%s", got[i], want[i])
		}
	}
}
