package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/mcp"
	"github.com/solucao42/caddy-data-api/internal/paralleltest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

func TestMain(m *testing.M) {
	const atOnce = 6
	paralleltest.AtOnce(atOnce)
	os.Exit(m.Run())
}

const front = "/*---\nsource: main\n"

// catalog has endpoints of all kinds, in two namespaces.
func catalog() map[string]string {
	return map[string]string{
		"acme/company.yaml": "users:\n  integration: { policies: [DataAPIConsumer] }\n" +
			"  narrow: { policies: [OnlySales] }\npolicies:\n  OnlySales: { grants: [{ actions: [data_api:execute], endpoints: [sales/*] }] }\n",
		"acme/default/exact.sql": front + "title: Exact values\ndescription: Digits that no double holds.\ncolumns: { doc: { type: json } }\n---*/\n" +
			"SELECT 9007199254740993 AS big, 'a' || char(27) || '[31m\u202e<b>' AS text, json('{\"n\": 1.20}') AS doc",
		"acme/default/series.sql": front + "title: Series\nparams:\n  rows: { type: integer, required: true, minimum: 0, maximum: 2000000 }\n" +
			"limits: { max_rows: 1000000, timeout: 60s }\n---*/\n" + servertest.Engines[0].Series,
		"acme/default/faulty.sql": front + "---*/\nSELECT 1 AS n",
		"acme/default/slow.sql":   front + "mode: async\n---*/\nSELECT 1 AS n",
		"acme/default/long.sql":   front + "limits: { timeout: 60s }\n---*/\n" + servertest.Engines[0].Slow,
		"acme/sales/city.sql": front + "title: Sales of a city\nparams:\n  city: { type: string, enum: [Sul, Norte] }\n  secret: { type: string, sensitive: true }\n---*/\n" +
			"SELECT @city AS city, @secret AS secret",
	}
}

// serve starts a server with the protocol at /mcp, as the handler of Caddy serves it.
func serve(t *testing.T, files map[string]string) *servertest.Server {
	t.Helper()
	return serveOn(t, servertest.SQLite(t, t.TempDir(), ""), files)
}

func serveOn(t *testing.T, database servertest.Database, files map[string]string) *servertest.Server {
	t.Helper()
	handler := mcp.New(mcp.Options{Path: "/mcp", MaxBody: 1 << 20, Version: "v0.0.0-test", Log: slog.New(slog.DiscardHandler)})
	return servertest.New(t, servertest.Config{
		Database: database, Files: files,
		Handler: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, "/mcp") {
					next.ServeHTTP(w, r)
					return
				}
				var inside atomic.Int64
				err := handler.ServeHTTP(w, r, "", func(w http.ResponseWriter, r *http.Request) {
					inside.Add(1)
					defer inside.Add(-1)
					if strings.Contains(r.URL.Path, "/faulty/") {
						_, _ = w.Write([]byte(`{"columns": [], "rows": [`))
						panic("a secret of the server's")
					}
					next.ServeHTTP(w, r)
					if r.Context().Err() != nil {
						time.Sleep(50 * time.Millisecond) // a handler has things to do after its caller has gone
					}
				})
				if n := inside.Load(); n != 0 {
					t.Errorf("%d requests outlive that of the agent", n)
				}
				if err != nil {
					respond.WriteProblem(w, r, err)
				}
			})
		},
	})
}

// bearer sends a token with each request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// connect is a client as agents have one.
func connect(t *testing.T, s *servertest.Server, path, user string) *sdk.ClientSession {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: s.Base + path, HTTPClient: &http.Client{Transport: bearer(s.Login("acme", user).Access)}, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func namesOf(t *testing.T, session *sdk.ClientSession) string {
	t.Helper()
	listed, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if listed.CacheScope != "private" {
		t.Errorf("the list may be cached by %q", listed.CacheScope)
	}
	var names []string
	for _, tool := range listed.Tools {
		names = append(names, tool.Name)
	}
	return strings.Join(names, " ")
}

// shown is what a tool returns.
type shown struct {
	Note      string            `json:"note"`
	Columns   []json.RawMessage `json:"columns"`
	Rows      []json.RawMessage `json:"rows"`
	RowCount  int64             `json:"row_count"`
	Truncated bool              `json:"truncated"`
	JobID     string            `json:"job_id"`
	Status    string            `json:"status"`
	Whole     string            `json:"whole_result"`
}

func call(t *testing.T, session *sdk.ClientSession, tool, arguments string) (shown, string) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
	if err != nil {
		t.Fatalf("%s %s: %v", tool, arguments, err)
	}
	text := result.Content[0].(*sdk.TextContent).Text
	if result.IsError {
		t.Fatalf("%s %s: %s", tool, arguments, text)
	}
	var s shown
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s, text
}

func refusal(t *testing.T, session *sdk.ClientSession, tool, arguments string) string {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
	if err != nil {
		return err.Error()
	}
	if !result.IsError {
		t.Fatalf("%s %s was not refused", tool, arguments)
	}
	return result.Content[0].(*sdk.TextContent).Text
}

// TestTwoCallersSeeTwoLists: tools are what each may run, and the path narrows them.
func TestTwoCallersSeeTwoLists(t *testing.T) {
	t.Parallel()
	s := serve(t, catalog())
	for _, want := range []struct{ path, user, tools string }{
		{"/mcp", "integration", "default__exact default__faulty default__long default__series default__slow sales__city get_job"},
		{"/mcp/sales", "integration", "sales__city get_job"},
		{"/mcp", "narrow", "sales__city"},
		{"/mcp/default", "narrow", ""},
	} {
		if got := namesOf(t, connect(t, s, want.path, want.user)); got != want.tools {
			t.Errorf("%s sees at %s %q, want %q", want.user, want.path, got, want.tools)
		}
	}
	narrow := connect(t, s, "/mcp", "narrow")
	if text := refusal(t, narrow, "default__exact", `{}`); !strings.Contains(text, `there is no tool "default__exact"`) {
		t.Errorf("a foreign tool: %s", text)
	}
	if absent := refusal(t, narrow, "default__absent", `{}`); strings.ReplaceAll(absent, "absent", "exact") != refusal(t, narrow, "default__exact", `{}`) {
		t.Errorf("what exists and what does not are told apart: %s", absent)
	}
}

// TestToolsSayWhatTheListSays: the schema of a tool's arguments is that of the API, byte for byte.
func TestToolsSayWhatTheListSays(t *testing.T) {
	t.Parallel()
	s := serve(t, catalog())
	listed, err := connect(t, s, "/mcp/sales", "integration").ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tool := listed.Tools[0]
	var list struct {
		Endpoints []struct {
			Parameters any `json:"parameters"`
		} `json:"endpoints"`
	}
	s.Get("/api/v1/data-api?namespace=sales", s.Login("acme", "integration").Access).Want(http.StatusOK).Decode(&list)
	want, _ := json.Marshal(list.Endpoints[0].Parameters)
	if got, _ := json.Marshal(tool.InputSchema); string(got) != string(want) {
		t.Errorf("the tool has %s, the list %s", got, want)
	}
	if !tool.Annotations.ReadOnlyHint || tool.Title != "Sales of a city" {
		t.Errorf("%+v %+v", tool, tool.Annotations)
	}
	narrow := connect(t, s, "/mcp/default", "integration")
	if listed, err = narrow.ListTools(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, tool := range listed.Tools {
		if tool.Description == "" {
			t.Errorf("the tool %s has no description", tool.Name)
		}
	}
	if output, _ := json.Marshal(tool.OutputSchema); !strings.Contains(string(output), `"city"`) {
		t.Errorf("the output is described as %s", output)
	}
}

// TestResultsAreShortAndExact: digits stay, what steers a terminal goes, and what is left out is said in words.
func TestResultsAreShortAndExact(t *testing.T) {
	t.Parallel()
	s := serve(t, catalog())
	session := connect(t, s, "/mcp", "integration")
	exact, text := call(t, session, "default__exact", `{}`)
	if want := `[{"big":9007199254740993,"text":"a[31m<b>","doc":{"n":1.20}}]`; !strings.Contains(text, want) || exact.Truncated || exact.Note != "All 1 row." {
		t.Errorf("got %s\nwant %s", text, want)
	}
	for _, c := range []struct {
		rows      int64
		truncated bool
	}{{0, false}, {1, false}, {100, false}, {101, true}, {100_000, true}} {
		got, text := call(t, session, "default__series", fmt.Sprintf(`{"rows": %d}`, c.rows))
		if got.Truncated != c.truncated || got.RowCount != c.rows || len(got.Rows) != int(min(c.rows, 100)) {
			t.Errorf("%d rows: %s", c.rows, got.Note)
		}
		if c.truncated != strings.Contains(got.Note, "NOT the whole result") || c.truncated != (got.Whole == "/api/v1/data-api/default/series/execute") {
			t.Errorf("%d rows: %q, the whole is at %q", c.rows, got.Note, got.Whole)
		}
		if len(text) > 40<<10 {
			t.Errorf("%d rows take %d bytes", c.rows, len(text))
		}
	}
}

// TestRefusalsTeach: the model reads what is wrong with each argument.
func TestRefusalsTeach(t *testing.T) {
	t.Parallel()
	s := serve(t, catalog())
	session := connect(t, s, "/mcp", "integration")
	for arguments, want := range map[string][]string{
		`{}`:                              {"INVALID_PARAMETER", "- rows: "},
		`{"rows": "x", "stranger": true}`: {"- rows: ", "- stranger: ", "(request "},
	} {
		text := refusal(t, session, "default__series", arguments)
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %s lacks %q", arguments, text, part)
			}
		}
	}
	if text := refusal(t, session, "default__faulty", `{}`); strings.Contains(text, "secret") || strings.Contains(text, "goroutine") || !strings.Contains(text, "failed after its first rows") {
		t.Error(text)
	}
	for _, id := range []string{"nonsense", "", ".", "..", "a/..", "507f1f77bcf86cd799439011"} {
		if text := refusal(t, session, "get_job", fmt.Sprintf(`{"endpoint": "default/slow", "job_id": %q}`, id)); !strings.Contains(text, "JOB_NOT_FOUND") {
			t.Error(text)
		}
	}
	for arguments, want := range map[string]string{
		`{"job_id": 5}`: "job_id must be a string; got number", `{"wait_seconds": 1.5}`: "wait_seconds must be a whole number; got number 1.5",
		`[]`: "arguments must be an object; got array", `{"zzz": 1}`: `the arguments: unknown field "zzz"`,
	} {
		if text := refusal(t, session, "get_job", arguments); text != want {
			t.Errorf("%s: %s, want %s", arguments, text, want)
		}
	}
	if text := refusal(t, session, "get_job", `{"endpoint": "../..", "job_id": "x"}`); !strings.Contains(text, "there is no endpoint") {
		t.Error(text)
	}
}

// TestLongArguments: what fits the bound of a body reaches the endpoint, whatever characters it is made of.
func TestLongArguments(t *testing.T) {
	t.Parallel()
	files := catalog()
	files["acme/default/length.sql"] = front + "params:\n  text: { type: string }\n---*/\nSELECT length(@text) AS n"
	got, text := call(t, connect(t, serve(t, files), "/mcp", "integration"), "default__length", `{"text": "`+strings.Repeat("<", 250_000)+`"}`)
	if len(got.Rows) != 1 || string(got.Rows[0]) != `{"n":250000}` {
		t.Error(text)
	}
}

// TestJobs: what runs as a job is asked for with a second tool, by another session, and after the server was away.
func TestJobs(t *testing.T) {
	t.Parallel()
	s := serve(t, catalog())
	started, _ := call(t, connect(t, s, "/mcp", "integration"), "default__slow", `{}`)
	if started.JobID == "" || started.Status != "processing" {
		t.Fatalf("%+v", started)
	}
	s.Restart()
	session := connect(t, s, "/mcp", "integration")
	for deadline := time.Now().Add(time.Minute); ; {
		got, text := call(t, session, "get_job", fmt.Sprintf(`{"endpoint": "default/slow", "job_id": %q, "wait_seconds": 30}`, started.JobID))
		if got.Status == "completed" {
			if len(got.Rows) != 1 || string(got.Rows[0]) != `{"n":1}` || got.Note != "All 1 row." {
				t.Errorf("the result is %s", text)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the job is still %s", text)
		}
	}
}

// TestManyEndpoints: beyond forty, three tools find, describe and run them, and the list stays short.
func TestManyEndpoints(t *testing.T) {
	t.Parallel()
	files := catalog()
	for i := range 60 {
		files[fmt.Sprintf("acme/many/report-%02d.sql", i)] = front + fmt.Sprintf("title: Report %02d\ndescription: %s\n---*/\nSELECT %d AS n", i, strings.Repeat("Long words. ", 300), i)
	}
	s := serve(t, files)
	session := connect(t, s, "/mcp", "integration")
	listed, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := json.Marshal(listed); len(text) > 10<<10 || namesOf(t, session) != "search_endpoints describe_endpoint run_endpoint get_job" {
		t.Errorf("%d bytes: %s", len(text), namesOf(t, session))
	}
	if _, text := call(t, session, "search_endpoints", `{"search": "REPORT 07"}`); !strings.Contains(text, `"many/report-07"`) || strings.Contains(text, "report-08") || len(text) > 1000 {
		t.Error(text)
	}
	if _, text := call(t, session, "search_endpoints", `{"search": "report"}`); !strings.Contains(text, "there are more") {
		t.Error(text)
	}
	if _, text := call(t, session, "describe_endpoint", `{"endpoint": "sales/city"}`); !strings.Contains(text, `"enum":["Sul","Norte"]`) {
		t.Error(text)
	}
	if got, text := call(t, session, "run_endpoint", `{"endpoint": "sales/city", "parameters": {"city": "Sul"}}`); len(got.Rows) != 1 {
		t.Error(text)
	}
	if text := refusal(t, session, "run_endpoint", `{"endpoint": "sales/town"}`); !strings.Contains(text, `there is no endpoint "sales/town"`) {
		t.Error(text)
	}
	if text := refusal(t, session, "run_endpoint", `{"endpoint": "sales/city", "params": {}}`); !strings.Contains(text, `unknown field "params"`) {
		t.Error(text)
	}
}

// TestGoneClientEndsTheQuery: also where the protocol's version has no such message.
func TestGoneClientEndsTheQuery(t *testing.T) {
	t.Parallel()
	s := serveOn(t, servertest.SQLite(t, t.TempDir(), "").Conns(1), catalog())
	session := connect(t, s, "/mcp", "integration")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := session.CallTool(ctx, &sdk.CallToolParams{Name: "default__long", Arguments: json.RawMessage(`{}`)})
		ended <- err
	}()
	eventually(t, "the only connection is taken", func() bool {
		result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "default__exact", Arguments: json.RawMessage(`{}`)})
		return err == nil && result.IsError
	})
	cancel()
	if err := <-ended; err == nil {
		t.Error("a call that was given up has succeeded")
	}
	// The query would hold it for a minute.
	eventually(t, "the only connection is free", func() bool {
		result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "default__exact", Arguments: json.RawMessage(`{}`)})
		return err == nil && !result.IsError
	})
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(45 * time.Second); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

// TestRevokedKey: the next call is refused.
func TestRevokedKey(t *testing.T) {
	t.Parallel()
	s := serve(t, catalog())
	key, access := s.CreateKeyAndLogin("acme", "integration")
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: s.Base + "/mcp", HTTPClient: &http.Client{Transport: bearer(access)}, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	call(t, session, "default__exact", `{}`)
	s.Revoke(key.Key)
	if text := refusal(t, session, "default__exact", `{}`); !strings.Contains(text, "UNAUTHENTICATED") {
		t.Error(text)
	}
}
