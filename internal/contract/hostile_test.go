package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/console"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// hostileDrafts are statements that no author may publish or run, whatever its source's role could do.
func hostileDrafts(engine string) map[string]string {
	drafts := map[string]string{
		"an insert":              "INSERT INTO vendas VALUES ('2026-01-01', 'Sul', 1)",
		"an update with rows":    "UPDATE vendas SET total = 0 RETURNING regiao",
		"a delete":               "DELETE FROM vendas",
		"a dropped table":        "DROP TABLE vendas",
		"a second statement":     "SELECT 1 AS n; DELETE FROM vendas",
		"one behind a comment":   "SELECT 1 AS n; -- the end\nDELETE FROM vendas",
		"the end of transaction": "COMMIT; DELETE FROM vendas",
		"only a comment":         "-- DELETE FROM vendas",
		"an unknown parameter":   "SELECT @nothing AS n",
	}
	switch engine {
	case "postgres":
		drafts["a write in a query"] = "WITH gone AS (DELETE FROM vendas RETURNING regiao) SELECT regiao FROM gone"
		drafts["a table out of a query"] = "SELECT regiao INTO stolen FROM vendas"
		drafts["a lock"] = "SELECT regiao FROM vendas FOR UPDATE"
		drafts["a program"] = "COPY (SELECT 1) TO PROGRAM 'id'"
		drafts["a block"] = "DO $$ BEGIN DELETE FROM vendas; END $$"
		drafts["a setting"] = "SET ROLE postgres"
		drafts["a file of the server"] = "SELECT pg_read_file('/etc/passwd') AS text"
	default:
		drafts["another file"] = "ATTACH DATABASE '/etc/passwd' AS other"
		drafts["a pragma"] = "PRAGMA writable_schema = on"
		drafts["an extension"] = "SELECT load_extension('/tmp/evil') AS n"
	}
	return drafts
}

// Each is a fault at its place in a check, and no preview, no save and no activation runs it or keeps it.
func TestHostileDrafts(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := authorsServer(t, e)
		manager := s.as("acme", "manager")
		for name, sql := range hostileDrafts(e.Name) {
			text := "/*---\nsource: main\n---*/\n" + sql
			draft := bodyOf(t, map[string]any{"namespace": "sales", "slug": "evil", "text": text})
			check := decode[struct{ Faults []struct{ Line int } }](manager.send(http.MethodPost, "/check", draft).Want(http.StatusOK))
			if len(check.Faults) == 0 || check.Faults[0].Line < 1 {
				t.Errorf("%s: a check finds %+v", name, check.Faults)
			}
			for _, got := range []answer{
				manager.send(http.MethodPost, "/preview", draft), manager.put("/sales/evil", text, "If-None-Match: *"),
			} {
				if got.Status != http.StatusUnprocessableEntity || !strings.Contains(string(got.Body), `"INVALID_ENDPOINT"`) {
					t.Errorf("%s: %d %s", name, got.Status, got.Body)
				}
			}
		}
		manager.send(http.MethodGet, "/sales/evil", "").Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
		rows := decode[struct {
			Count int `json:"row_count"`
		}](manager.Execute("file", manager.token, "{}").Want(http.StatusOK))
		if rows.Count != 4 {
			t.Errorf("%d rows are left", rows.Count)
		}
	})
}

// hostileRequest is a request that has to be refused, with a word for its sender.
type hostileRequest struct {
	name, method, path, body string
	fields                   []string // beside Authorization and Content-Type, which they may replace
	status                   int
	code, says               string
}

func hostileRequests(t *testing.T) []hostileRequest {
	const put, post, get = http.MethodPut, http.MethodPost, http.MethodGet
	draft := func(members map[string]any) string {
		whole := map[string]any{"namespace": "sales", "slug": "x", "text": draftText}
		maps.Copy(whole, members)
		return bodyOf(t, whole)
	}
	text := func(front string) string { return "/*---\n" + front + "\n---*/\nSELECT regiao FROM vendas" }
	fresh, there := []string{"If-None-Match: *"}, []string{"If-Match: *"}
	return []hostileRequest{
		{"another company's source", put, "/sales/x", text("source: other"), fresh, 422, "INVALID_ENDPOINT", "adding acme to the line `authors`"},
		{"a source that is not there", put, "/sales/x", text("source: nowhere"), fresh, 422, "INVALID_ENDPOINT", "source"},
		{"a preview on another's source", post, "/preview", draft(map[string]any{"text": text("source: other")}), nil, 422, "INVALID_ENDPOINT", "adding acme to the line `authors`"},
		{"a share from the console", put, "/sales/x", text("source: main\nshare: { globex: {} }"), fresh, 422, "INVALID_ENDPOINT", "share"},
		{"a preview of ten million rows", post, "/preview", draft(map[string]any{"max_rows": 10_000_000}), nil, 400, "INVALID_REQUEST", "from 1 to 10000"},
		{"a preview of less than nothing", post, "/preview", draft(map[string]any{"max_rows": -1}), nil, 400, "INVALID_REQUEST", "from 1 to 10000"},
		{"a draft of unbounded time", put, "/sales/x", text("source: main\nlimits: { timeout: 900h }"), fresh, 422, "INVALID_ENDPOINT", "timeout"},
		{"a preview as nobody", post, "/preview", draft(map[string]any{"as_user": "nobody"}), nil, 403, "FORBIDDEN", "access:manage"},
		{"no precondition", put, "/sales/x", draftText, nil, 400, "INVALID_REQUEST", "If-None-Match: *"},
		{"both preconditions", put, "/sales/x", draftText, []string{"If-Match: *", "If-None-Match: *"}, 400, "INVALID_REQUEST", "If-Match"},
		{"an ETag without quotes", put, "/sales/there", draftText, []string{"If-Match: 1-00"}, 412, "PRECONDITION_FAILED", "current"},
		{"a weak ETag", put, "/sales/there", draftText, []string{`If-Match: W/"1-00"`}, 412, "PRECONDITION_FAILED", "current"},
		{"an ETag of a page", put, "/sales/there", draftText, []string{"If-Match: " + strings.Repeat("x", 4000)}, 412, "PRECONDITION_FAILED", "current"},
		{"an ETag to make by", put, "/sales/x", draftText, []string{`If-None-Match: "1-00"`}, 400, "INVALID_REQUEST", "must be *"},
		{"a change of what is not there", put, "/sales/x", draftText, there, 412, "PRECONDITION_FAILED", "never"},
		{"a path out of the namespace", put, "/..%2f..%2fetc/passwd", draftText, fresh, 404, "ENDPOINT_NOT_FOUND", ""},
		{"a path out of the slug", put, "/sales/..%2f..%2fglobex", draftText, fresh, 404, "ENDPOINT_NOT_FOUND", ""},
		{"a NUL in the slug", put, "/sales/x%00", draftText, fresh, 404, "ENDPOINT_NOT_FOUND", ""},
		{"capitals in the slug", put, "/sales/X", draftText, fresh, 404, "ENDPOINT_NOT_FOUND", ""},
		{"a slug of a page", put, "/sales/" + strings.Repeat("x", 300), draftText, fresh, 404, "ENDPOINT_NOT_FOUND", ""},
		{"another company's address", post, "/check", draft(map[string]any{"namespace": "globex/default"}), nil, 400, "INVALID_REQUEST", "slug"},
		{"a NUL in the text", put, "/sales/x", "/*---\nsource: main\n---*/\nSELECT 'a\x00b' AS n", fresh, 422, "INVALID_ENDPOINT", ""},
		{"no UTF-8 in the text", put, "/sales/x", "/*---\nsource: main\n---*/\nSELECT '\xff' AS n", fresh, 422, "INVALID_ENDPOINT", "UTF-8"},
		{"no UTF-8 in JSON", put, "/sales/x", "{\"text\":\"\xff\"}", fresh, 400, "INVALID_REQUEST", "UTF-8"},
		{"a NUL in the message", put, "/sales/x", bodyOf(t, map[string]any{"text": draftText, "message": "a\x00b"}), fresh, 400, "INVALID_REQUEST", "no text"},
		{"a message of a page", put, "/sales/x", bodyOf(t, map[string]any{"text": draftText, "message": strings.Repeat("x", 501)}), fresh, 400, "INVALID_REQUEST", "500"},
		{"a key twice in JSON", put, "/sales/x", `{"text":"a","text":"b"}`, fresh, 400, "INVALID_REQUEST", "twice"},
		{"a field that is not known", put, "/sales/x", `{"txt":"a"}`, fresh, 400, "INVALID_REQUEST", "did you mean text"},
		{"two bodies in one", post, "/check", draft(nil) + draft(nil), nil, 400, "INVALID_REQUEST", "JSON"},
		{"JSON of a thousand levels", post, "/check", `{"text":` + strings.Repeat("[", 20_000), nil, 400, "INVALID_REQUEST", "JSON"},
		{"a key twice in the front matter", put, "/sales/x", text("source: main\nsource: other"), fresh, 422, "INVALID_ENDPOINT", "twice"},
		{"aliases that grow", put, "/sales/x", text("source: main\ntitle: &a [x, x]\ndescription: [*a, *a]"), fresh, 422, "INVALID_ENDPOINT", ""},
		{"a body that is too large", put, "/sales/x", draftText + strings.Repeat(" ", 300<<10), fresh, 413, "REQUEST_TOO_LARGE", "262144"},
		{"a body of another type", put, "/sales/x", draftText, append(fresh, "Content-Type: text/html"), 415, "UNSUPPORTED_MEDIA_TYPE", "application/sql"},
		{"a body in another charset", put, "/sales/x", draftText, append(fresh, "Content-Type: application/sql; charset=utf-16"), 415, "UNSUPPORTED_MEDIA_TYPE", "UTF-8"},
		{"a body that is compressed", put, "/sales/x", draftText, append(fresh, "Content-Encoding: gzip"), 415, "UNSUPPORTED_MEDIA_TYPE", "Content-Encoding"},
		{"a query that is not known", put, "/sales/x?force=true", draftText, fresh, 400, "INVALID_REQUEST", "force"},
		{"a query twice", put, "/sales/x?message=a&message=b", draftText, fresh, 400, "INVALID_REQUEST", "2 times"},
		{"a cursor that is made up", get, "/catalog?cursor=%FF%FE", "", nil, 400, "INVALID_REQUEST", "cursor"},
		{"a page of everything", get, "/catalog?limit=1000000", "", nil, 400, "INVALID_REQUEST", "200"},
		{"a version of less than nothing", get, "/sales/there/revisions/-1", "", nil, 404, "REVISION_NOT_FOUND", ""},
		{"a version that no number holds", get, "/sales/there/revisions/99999999999999999999", "", nil, 404, "REVISION_NOT_FOUND", ""},
		{"a file that is not the console's", http.MethodDelete, "/default/file", "", there, 409, "CONFLICT", "acme/default/file.sql"},
		{"a method that is not there", http.MethodPatch, "/sales/there", "{}", nil, 405, "METHOD_NOT_ALLOWED", ""},
		{"a token in the query", get, "/catalog?access_token=x", "", []string{"Authorization: "}, 401, "UNAUTHENTICATED", ""},
	}
}

// TestHostileRequests sends what nobody should: each is refused with its own word, and nothing comes of them.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newServer(t, servertest.Config{
		Database: servertest.SQLite(t, dir, sales),
		Sources:  map[string]*servertest.Source{"other": servertest.SQLiteSource(t, filepath.Join(dir, "source.db"), 0)},
		Files: map[string]string{
			"acme/company.yaml":        authorsCompany + "  second: { policies: [VisualizationManager] }\n  third: { policies: [VisualizationManager] }\n",
			"acme/default/file.sql":    "/*---\nsource: main\n---*/\nSELECT regiao FROM vendas",
			"globex/company.yaml":      "users: { admin: { policies: [CompanyAdministrator] } }\n",
			"globex/default/other.sql": "/*---\nsource: other\n---*/\nSELECT 1 AS n",
		},
		Settings: func(s *servertest.Settings) { s.Authors = map[string][]string{"main": {"acme"}, "other": {"globex"}} },
	})
	manager := s.as("acme", "manager")
	manager.put("/sales/there", draftText, "If-None-Match: *").Want(http.StatusCreated)
	for i, request := range hostileRequests(t) {
		if other := map[int]string{20: "second", 40: "third"}[i]; other != "" {
			manager = s.as("acme", other) // of each the changes of a minute are counted
		}
		got := manager.send(request.method, request.path, request.body, request.fields...)
		var problem struct{ Code, Detail string }
		got.Decode(&problem)
		if bytes.Contains(got.Body, []byte("globex")) && !strings.Contains(request.path+request.body, "globex") {
			t.Errorf("%s: another company is named: %s", request.name, got.Body)
		}
		if got.Status != request.status || problem.Code != request.code || !strings.Contains(string(got.Body), request.says) {
			t.Errorf("%s: want %d %s with %q, got %d %s", request.name, request.status, request.code, request.says, got.Status, got.Body)
		}
		if got.Header.Get("X-Content-Type-Options") != "nosniff" || got.Header.Get("Content-Type") != "application/problem+json" || bytes.ContainsAny(got.Body, "<>") {
			t.Errorf("%s: a browser may take it for a page: %v %s", request.name, got.Header, got.Body)
		}
	}
	var kept struct{ Endpoints []struct{ Slug string } }
	manager.send(http.MethodGet, "/catalog?origin=console", "").Want(http.StatusOK).Decode(&kept)
	if len(kept.Endpoints) != 1 || kept.Endpoints[0].Slug != "there" {
		t.Errorf("kept: %+v", kept)
	}
	if log := s.Log.String(); strings.Contains(log, `"msg":"request failed"`) {
		t.Error("what somebody sends is logged as a failure of the server's")
	}
}

// Texts of other people's come back as they are, and no browser takes them for a page.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := authorsServer(t, e)
		manager := s.as("acme", "manager")
		const evil = `<script>alert(1)</script>`
		text := "/*---\ntitle: '" + evil + "'\ndescription: '[x](javascript:alert(1)) " + evil + "'\nsource: main\ncolumns: { x: { description: '" + evil + "' } }\n" +
			"params: { p: { type: string, description: '" + evil + "' } }\n---*/\nSELECT '" + evil + "' AS x WHERE @p IS NULL"
		manager.send(http.MethodPut, "/sales/evil", bodyOf(t, map[string]any{"text": text, "message": evil}), "If-None-Match: *").Want(http.StatusCreated)
		for path, mediaType := range map[string]string{
			"/sales/evil": "application/json", "/catalog": "application/json", "/sales/evil/revisions": "application/json", "": "application/json",
			"/openapi.json": "application/json", "/sales/evil/execute": "application/json", "/sales/evil/execute.csv": "text/csv; charset=utf-8; header=present",
		} {
			got := manager.send(http.MethodGet, path, "").Want(http.StatusOK)
			if got.Header.Get("Content-Type") != mediaType || got.Header.Get("X-Content-Type-Options") != "nosniff" || !bytes.Contains(got.Body, []byte("alert(1)")) {
				t.Errorf("%s: %v %s", path, got.Header, got.Body)
			}
		}
		asText := manager.send(http.MethodGet, "/sales/evil", "", "Accept: text/html, application/sql").Want(http.StatusOK)
		if asText.Header.Get("Content-Type") != "application/sql; charset=utf-8" || asText.Header.Get("X-Content-Type-Options") != "nosniff" || string(asText.Body) != text {
			t.Errorf("%v %s", asText.Header, asText.Body)
		}
		fault := manager.put("/sales/evil", strings.Replace(text, "source: main", "source: '"+evil+"'", 1), "If-Match: *").
			Problem(http.StatusUnprocessableEntity, "INVALID_ENDPOINT")
		if bytes.ContainsAny(fault.Body, "<>") || !bytes.Contains(fault.Body, []byte("alert(1)")) {
			t.Errorf("%s", fault.Body)
		}
	})
}

// Of authors who change the same version at the same time one is quicker; the others are told who was, and lose nothing: they merge, and save
// on what there is then.
func TestTwoAuthorsAtOnce(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := authorsServer(t, e)
		authors := []author{s.as("acme", "manager"), s.as("acme", "admin"), s.as("acme", "seller")}
		first := authors[0].put("/sales/x", draftText, "If-None-Match: *").Want(http.StatusCreated).Header.Get("ETag")
		line := func(i int) string { return fmt.Sprintf("\n-- by author %d", i) }
		answers := make([]answer, len(authors))
		var all sync.WaitGroup
		for i, a := range authors {
			all.Go(func() { answers[i] = a.put("/sales/x", draftText+line(i), "If-Match: "+first) })
		}
		all.Wait()
		saved := -1
		for i, got := range answers {
			switch {
			case got.Status == http.StatusOK && saved < 0:
				saved = i
			case got.Status != http.StatusPreconditionFailed:
				t.Fatalf("author %d: %d %s", i, got.Status, got.Body)
			}
		}
		merged := draftText + line(saved)
		for i, got := range answers {
			if i == saved {
				continue
			}
			there := answerOf{authors[i].send(http.MethodGet, "/sales/x", "")}
			refused := decode[struct {
				Current struct {
					Version          int64
					Revision, Author string
				}
			}](got)
			if refused.Current.Version < 2 || refused.Current.Author == "" || there.endpoint(http.StatusOK).Text != merged {
				t.Fatalf("author %d is told %s", i, got.Body)
			}
			merged += line(i)
			authors[i].put("/sales/x", merged, "If-Match: "+there.Header.Get("ETag")).Want(http.StatusOK)
		}
		if got := (answerOf{authors[0].send(http.MethodGet, "/sales/x", "")}).endpoint(http.StatusOK); got.Text != merged || *got.Version != 4 {
			t.Errorf("%+v", got)
		}
	})
}

// A key that is revoked in the middle ends a preview in the database, and nothing that had begun under it is kept.
func TestRevokedInTheMiddle(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t)
	source.Exec(sales)
	s := newServer(t, servertest.Config{
		Database: servertest.PostgresOf(source), Files: map[string]string{"acme/company.yaml": authorsCompany},
		Settings: func(s *servertest.Settings) { s.Authors = map[string][]string{"main": {"acme"}} },
	})
	key, token := s.CreateKeyAndLogin("acme", "manager")
	running := previewsOf(t, source)
	body := bodyOf(t, map[string]any{"namespace": "sales", "slug": "x", "text": "/*---\nsource: main\n---*/\n" + engines[1].Slow})
	previewed := make(chan answer, 1)
	go func() {
		got, err := s.TrySend(context.Background(), http.MethodPost, "/api/v1/data-api/preview", token, body)
		if err != nil {
			t.Error(err)
		}
		previewed <- got
	}()
	// A save whose text is still on its way.
	text, write := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL("/api/v1/data-api/sales/x"), text)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/sql", "If-None-Match": "*"} {
		request.Header.Set(name, value)
	}
	saved := make(chan answer, 1)
	go func() {
		got, err := s.Do(request)
		if err != nil {
			t.Error(err)
		}
		saved <- got
	}()
	_, _ = io.WriteString(write, draftText[:20]) // the server has let it in, and reads
	eventually(t, "the draft runs", patience, func() bool { return running() == 1 })
	s.Revoke(key.Key)
	_, _ = io.WriteString(write, draftText[20:])
	_ = write.Close()
	if got := <-saved; got.Status != http.StatusUnauthorized {
		t.Errorf("a save by a revoked key: %d %s", got.Status, got.Body)
	}
	eventually(t, "the query is cancelled", patience, func() bool { return running() == 0 })
	if got := <-previewed; got.Status != http.StatusUnauthorized {
		t.Errorf("a preview by a revoked key: %d %s", got.Status, got.Body)
	}
	s.as("acme", "manager").send(http.MethodGet, "/sales/x", "").Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
}

// The page of the console is nothing that another site can frame, script or read.
func TestTheConsoleIsNoOnesFrame(t *testing.T) {
	t.Parallel()
	page := console.New(console.Embedded, console.Console, map[console.Face]string{console.Console: "/console"})
	s := newServer(t, servertest.Config{Handler: func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/console") {
				page.ServeHTTP(w, r)
				return
			}
			api.ServeHTTP(w, r)
		})
	}})
	for _, path := range []string{"/console/", "/console/endpoints/default/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/console/?next=javascript:alert(1)", "/console/icon.svg"} {
		got := s.Send(http.MethodGet, path, "", "", "Origin", "https://evil.example").Want(http.StatusOK)
		policy := got.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %s", path, policy, part)
			}
		}
		for name, want := range map[string]string{
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Access-Control-Allow-Origin": "", "Set-Cookie": "",
		} {
			if got.Header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, got.Header.Get(name))
			}
		}
		if strings.Contains(policy, "unsafe") || bytes.Contains(got.Body, []byte("alert(1)")) {
			t.Errorf("%s: %s %s", path, policy, got.Body)
		}
	}
}
