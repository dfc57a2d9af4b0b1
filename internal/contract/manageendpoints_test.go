package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

const authorsCompany = `name: Acme
policies:
  Sales: { grants: [{ actions: ["visualization:view", "visualization:edit", "data_api:execute"], endpoints: [sales/*] }] }
users:
  integration: { policies: [DataAPIConsumer] }
  viewer: { policies: [VisualizationViewer] }
  manager: { policies: [VisualizationManager] }
  admin: { policies: [CompanyAdministrator] }
  seller: { policies: [Sales] }
  south: { policies: [DataAPIConsumer], share_context: { regiao: Sul } }
  off: { active: false, policies: [DataAPIConsumer] }
`

const draftText = "/*---\ntitle: Vendas por região\nsource: main\nparams:\n  regiao: { type: string, description: Região }\n" +
	"columns:\n  total: { description: Sum }\nchart: { type: bar, x: regiao, y: [total] }\n---*/\n" +
	"SELECT regiao, SUM(total) AS total FROM vendas WHERE @regiao IS NULL OR regiao = @regiao GROUP BY regiao ORDER BY regiao"

// authorsServer serves a company whose users may publish on main.
func authorsServer(t *testing.T, e engine) *server {
	t.Helper()
	return newServer(t, servertest.Config{
		Database: e.Source(t, t.TempDir(), sales),
		Files: map[string]string{
			"acme/company.yaml":      authorsCompany,
			"acme/default/file.sql":  "/*---\ntitle: A file\nsource: main\nparams: { regiao: { type: string } }\nshare: { globex: {} }\n---*/\nSELECT regiao FROM vendas WHERE @regiao IS NULL OR regiao = @regiao",
			"globex/company.yaml":    "users: { admin: { policies: [CompanyAdministrator] } }\n",
			"globex/default/own.sql": "/*---\nsource: main\n---*/\nSELECT regiao FROM vendas",
		},
		Settings: func(s *servertest.Settings) { s.Authors = map[string][]string{"main": {"acme"}} },
	})
}

// author is a client with a user's token.
type author struct {
	*server
	token string
}

func (s *server) as(company, user string) author { return author{s, s.Login(company, user).Access} }

// send sends a request with header fields, written "Name: value".
func (a author) send(method, path, body string, fields ...string) answer {
	a.T.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, a.URL("/api/v1/data-api"+path), strings.NewReader(body))
	if err != nil {
		a.T.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	if strings.HasPrefix(body, "{") {
		request.Header.Set("Content-Type", "application/json")
	} else if body != "" {
		request.Header.Set("Content-Type", "application/sql")
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Set(name, value)
	}
	got, err := a.Do(request)
	if err != nil {
		a.T.Fatal(err)
	}
	return got
}

func (a author) put(path, text string, fields ...string) answer {
	a.T.Helper()
	return a.send(http.MethodPut, path, text, fields...)
}

// bodyOf is a body of which some members are given.
func bodyOf(t testing.TB, members map[string]any) string {
	t.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

type managedEndpoint struct {
	Origin       string          `json:"origin"`
	Path         *string         `json:"path"`
	Title        string          `json:"title"`
	Revision     string          `json:"revision"`
	LiveRevision *string         `json:"live_revision"`
	Version      *int64          `json:"version"`
	Author       *string         `json:"author"`
	Message      *string         `json:"message"`
	Active       bool            `json:"active"`
	Shadowed     bool            `json:"shadowed"`
	Text         string          `json:"text"`
	Parameters   json.RawMessage `json:"parameters"`
	Columns      []struct {
		Name, Type, Description string
	} `json:"columns"`
	Chart  json.RawMessage   `json:"chart"`
	Faults []json.RawMessage `json:"faults"`
	May    struct {
		Edit   bool    `json:"edit"`
		WhyNot *string `json:"why_not"`
	} `json:"may"`
}

func (a answerOf) endpoint(status int) (got managedEndpoint) {
	a.T.Helper()
	a.Want(status).Decode(&got)
	return got
}

type answerOf struct{ answer }

// TestAnEndpointIsMade takes an endpoint through its life over the API.
func TestAnEndpointIsMade(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := authorsServer(t, e)
		manager, consumer := s.as("acme", "manager"), s.as("acme", "integration")
		const path = "/sales/by-region"

		consumer.Post("/api/v1/data-api"+path+"/execute", consumer.token, "{}").Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
		manager.put(path, draftText).Problem(http.StatusBadRequest, "INVALID_REQUEST")
		manager.put(path, draftText, `If-Match: "1-00"`).Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
		made := manager.put(path+"?message=first", draftText, "If-None-Match: *")
		got := answerOf{made}.endpoint(http.StatusCreated)
		if got.Origin != "console" || got.Title != "Vendas por região" || *got.Version != 1 || *got.Author != "manager" || *got.Message != "first" ||
			got.LiveRevision == nil || *got.LiveRevision != got.Revision || !got.Active || got.Text != draftText || got.Path != nil || !got.May.Edit ||
			len(got.Columns) != 2 || got.Columns[1].Description != "Sum" || string(got.Chart) != `{"type":"bar","x":"regiao","y":["total"]}` ||
			!strings.Contains(string(got.Parameters), `"regiao"`) || len(got.Faults) != 0 {
			t.Errorf("%s", made.Body)
		}
		if location := made.Header.Get("Location"); location != "/api/v1/data-api"+path {
			t.Errorf("Location: %s", location)
		}
		first := made.Header.Get("ETag")
		rows := consumer.Post("/api/v1/data-api"+path+"/execute", consumer.token, `{"parameter_values":{"regiao":"Sul"}}`).Want(http.StatusOK)
		if revision := rows.Header.Get("X-Data-Api-Revision"); revision != got.Revision {
			t.Errorf("callers get revision %s", revision)
		}

		manager.put(path, draftText, "If-None-Match: *").Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
		same := manager.put(path, draftText, "If-Match: "+first).Want(http.StatusOK)
		if same.Header.Get("ETag") != first {
			t.Error("the same text is another version")
		}
		second := manager.send(http.MethodPut, path, bodyOf(t, map[string]any{"text": draftText + "\n-- more", "message": "second"}), "If-Match: "+first).Want(http.StatusOK)
		stale := manager.put(path, draftText, "If-Match: "+first).Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
		if !strings.Contains(string(stale.Body), `"current":{"author":"manager","revision":"`) || !strings.Contains(string(stale.Body), `"version":2}`) {
			t.Errorf("%s", stale.Body)
		}

		broken := manager.put(path, "/*---\nsource: main\nmode: sink\nclour: red\n---*/\nSELECT regiao, nothing FROM vendas", "If-Match: *").
			Problem(http.StatusUnprocessableEntity, "INVALID_ENDPOINT")
		var refusal struct {
			Faults []struct {
				Line, Column, Length int
				Message              string
				Allowed              []string
			} `json:"faults"`
		}
		broken.Decode(&refusal)
		if len(refusal.Faults) != 3 || refusal.Faults[0].Line != 3 || refusal.Faults[0].Column != 7 || refusal.Faults[0].Length != 4 ||
			len(refusal.Faults[0].Allowed) != 2 || refusal.Faults[1].Length != 5 || refusal.Faults[2].Line != 6 || refusal.Faults[2].Column != 16 {
			t.Errorf("%s", broken.Body)
		}

		off := answerOf{manager.send(http.MethodPost, path+"/deactivate", "")}.endpoint(http.StatusOK)
		if off.Active || off.LiveRevision != nil || *off.Version != 3 {
			t.Errorf("%+v", off)
		}
		consumer.Post("/api/v1/data-api"+path+"/execute", consumer.token, "{}").Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
		if again := (answerOf{manager.send(http.MethodPost, path+"/deactivate", "")}).endpoint(http.StatusOK); *again.Version != 3 {
			t.Errorf("switched off twice it is version %d", *again.Version)
		}
		if on := (answerOf{manager.send(http.MethodPost, path+"/activate", "")}).endpoint(http.StatusOK); !on.Active || *on.Version != 4 || on.LiveRevision == nil {
			t.Errorf("%+v", on)
		}

		manager.send(http.MethodPost, path+"/revisions/1/restore", `{"message":"back"}`, "If-Match: "+second.Header.Get("ETag")).
			Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
		if back := (answerOf{manager.send(http.MethodPost, path+"/revisions/1/restore", `{"message":"back"}`, "If-Match: *")}).endpoint(http.StatusOK); back.Text != draftText || *back.Version != 5 {
			t.Errorf("%+v", back)
		}
		manager.send(http.MethodDelete, path, "").Problem(http.StatusBadRequest, "INVALID_REQUEST")
		manager.send(http.MethodDelete, path, "", "If-Match: *").Want(http.StatusNoContent)
		manager.send(http.MethodGet, path, "").Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
		manager.put(path, draftText, "If-Match: *").Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
		var history struct {
			Revisions []struct {
				Version  int
				Action   string
				Revision *string
				Author   string
				Message  string
				Current  bool
			}
			Next *string `json:"next_cursor"`
		}
		manager.send(http.MethodGet, path+"/revisions?limit=4", "").Want(http.StatusOK).Decode(&history)
		if list := fmt.Sprintln(history.Revisions[0].Version, history.Revisions[0].Action, history.Revisions[0].Revision == nil, history.Revisions[1].Action,
			history.Revisions[1].Message, *history.Revisions[1].Revision == got.Revision, history.Next != nil); list != "6 deleted true restored back true true\n" { //nolint:dupword // two columns
			t.Errorf("%s: %+v", list, history)
		}
		manager.send(http.MethodGet, path+"/revisions?limit=4&cursor="+*history.Next, "").Want(http.StatusOK).Decode(&history)
		if len(history.Revisions) != 2 || history.Revisions[1].Action != "created" || history.Next != nil {
			t.Errorf("%+v", history)
		}
		if text := manager.send(http.MethodGet, path+"/revisions/2", "", "Accept: application/sql").Want(http.StatusOK); string(text.Body) != draftText+"\n-- more" {
			t.Errorf("%s", text.Body)
		}
		manager.send(http.MethodGet, path+"/revisions/9", "").Problem(http.StatusNotFound, "REVISION_NOT_FOUND")
		if restored := (answerOf{manager.send(http.MethodPost, path+"/revisions/2/restore", "", "If-None-Match: *")}).endpoint(http.StatusCreated); *restored.Version != 7 {
			t.Errorf("%+v", restored)
		}
		s.Restart()
		manager = s.as("acme", "manager")
		if kept := (answerOf{manager.send(http.MethodGet, path, "")}).endpoint(http.StatusOK); *kept.Version != 7 || kept.LiveRevision == nil {
			t.Errorf("after a restart: %+v", kept)
		}
	})
}

// TestFilesAreSeenAndNotChanged looks at what the catalog has.
func TestFilesAreSeenAndNotChanged(t *testing.T) {
	t.Parallel()
	s := authorsServer(t, engines[0])
	manager, globex := s.as("acme", "manager"), s.as("globex", "admin")
	file := answerOf{manager.send(http.MethodGet, "/default/file", "")}.endpoint(http.StatusOK)
	if file.Origin != "file" || *file.Path != "acme/default/file.sql" || file.Version != nil || file.May.Edit ||
		*file.May.WhyNot != "It is the file acme/default/file.sql of the catalog, and is changed there." || file.LiveRevision == nil {
		t.Errorf("%+v", file)
	}
	for _, fields := range [][]string{{"If-None-Match: *"}, {"If-Match: *"}} {
		got := manager.put("/default/file", draftText, fields...).Problem(http.StatusConflict, "CONFLICT")
		if !strings.Contains(string(got.Body), "acme/default/file.sql") {
			t.Errorf("%s", got.Body)
		}
	}
	manager.send(http.MethodDelete, "/default/file", "", "If-Match: *").Problem(http.StatusConflict, "CONFLICT")
	globex.send(http.MethodGet, "/default/file", "").Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND") // shared, and so run, and not seen

	refused := globex.put("/default/new", draftText, "If-None-Match: *").Problem(http.StatusUnprocessableEntity, "INVALID_ENDPOINT")
	if !strings.Contains(string(refused.Body), "adding globex to the line `authors`") || strings.Contains(string(refused.Body), "acme") {
		t.Errorf("%s", refused.Body)
	}

	manager.put("/sales/by-region", draftText, "If-None-Match: *").Want(http.StatusCreated)
	s.WriteCatalog("acme/sales/by-region.sql", "/*---\nsource: main\n---*/\nSELECT regiao FROM vendas")
	eventually(t, "the file is served", patience, func() bool {
		return answerOf{manager.send(http.MethodGet, "/sales/by-region", "")}.endpoint(http.StatusOK).Origin == "file"
	})
	hidden := answerOf{manager.send(http.MethodGet, "/sales/by-region?origin=console", "")}.endpoint(http.StatusOK)
	if !hidden.Shadowed || hidden.LiveRevision != nil || len(hidden.Faults) != 1 || hidden.Text != draftText {
		t.Errorf("%+v", hidden)
	}

	var list struct {
		Endpoints []struct{ Namespace, Slug, Origin string }
		Next      *string `json:"next_cursor"`
		MayCreate bool    `json:"may_create"`
	}
	listed := func(query string) string {
		manager.send(http.MethodGet, "/catalog"+query, "").Want(http.StatusOK).Decode(&list)
		var names []string
		for _, one := range list.Endpoints {
			names = append(names, one.Namespace+"/"+one.Slug+" "+one.Origin)
		}
		return strings.Join(names, ", ")
	}
	for query, want := range map[string]string{
		"": "default/file file, sales/by-region file, sales/by-region console", "?q=REGIAO+vendas": "default/file file, sales/by-region file, sales/by-region console",
		"?q=soma": "", "?q=bar": "sales/by-region console", "?faulty=true": "sales/by-region console", "?namespace=default": "default/file file",
		"?origin=console": "sales/by-region console", "?source=main&mode=sync&active=true&limit=1": "default/file file",
	} {
		if got := listed(query); got != want {
			t.Errorf("%s lists %s, want %s", query, got, want)
		}
	}
	var paged []string
	for query := "?limit=1"; ; query = "?limit=1&cursor=" + *list.Next {
		paged = append(paged, listed(query))
		if list.Next == nil {
			break
		}
	}
	if got := strings.Join(paged, ", "); got != "default/file file, sales/by-region file, sales/by-region console" || !list.MayCreate {
		t.Errorf("in pages: %s", got)
	}
	manager.send(http.MethodGet, "/catalog?origin=store", "").Problem(http.StatusBadRequest, "INVALID_REQUEST")
}

// TestDraftsAreCheckedAndRun keeps nothing of them.
func TestDraftsAreCheckedAndRun(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := authorsServer(t, e)
		manager, admin := s.as("acme", "manager"), s.as("acme", "admin")
		draft := map[string]any{"namespace": "sales", "slug": "new", "text": draftText}
		check := manager.send(http.MethodPost, "/check", bodyOf(t, draft)).Want(http.StatusOK)
		if body := string(check.Body); !strings.Contains(body, `"faults":[]`) || !strings.Contains(body, `"source_asked":true`) ||
			!strings.Contains(body, `"columns":[{"name":"regiao","type":"`) {
			t.Error(body)
		}
		draft["text"] = strings.Replace(draftText, "FROM vendas", "FROM nothing_there", 1)
		check = manager.send(http.MethodPost, "/check", bodyOf(t, draft)).Want(http.StatusOK)
		if body := string(check.Body); !strings.Contains(body, `"line":11`) && !strings.Contains(body, `"line":10`) || !strings.Contains(body, "nothing_there") {
			t.Error(body)
		}
		manager.send(http.MethodPost, "/preview", bodyOf(t, draft)).Problem(http.StatusUnprocessableEntity, "INVALID_ENDPOINT")
		for name, sql := range map[string]string{
			"a write": "DELETE FROM vendas", "two statements": "SELECT 1 AS n; SELECT 2 AS n", "DDL": "CREATE TABLE x (n integer)",
		} {
			draft["text"] = "/*---\nsource: main\n---*/\n" + sql
			if got := manager.send(http.MethodPost, "/preview", bodyOf(t, draft)); got.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d %s", name, got.Status, got.Body)
			}
		}
		draft["text"], draft["parameter_values"] = draftText, map[string]any{"regiao": "Sul"}
		rows := manager.send(http.MethodPost, "/preview", bodyOf(t, draft), "Accept: text/csv").Want(http.StatusOK)
		if !strings.HasPrefix(string(rows.Body), "regiao,total\r\nSul,") {
			t.Errorf("%s", rows.Body)
		}
		draft["parameter_values"], draft["max_rows"] = nil, 1
		if cut := manager.send(http.MethodPost, "/preview", bodyOf(t, draft)).Want(http.StatusOK); !strings.Contains(string(cut.Body), `"row_count":1,"truncated":true`) {
			t.Errorf("%s", cut.Body)
		}
		draft["max_rows"] = 10_001
		manager.send(http.MethodPost, "/preview", bodyOf(t, draft)).Problem(http.StatusBadRequest, "INVALID_REQUEST")
		delete(draft, "max_rows")

		// As another user: whose share context holds, by who could make that user's key anyway.
		draft["as_user"] = "south"
		manager.send(http.MethodPost, "/preview", bodyOf(t, draft)).Problem(http.StatusForbidden, "FORBIDDEN")
		south := admin.send(http.MethodPost, "/preview", bodyOf(t, draft), "Accept: text/csv").Want(http.StatusOK)
		if lines := strings.Count(string(south.Body), "\r\n"); lines != 2 || !strings.Contains(string(south.Body), "\nSul,") {
			t.Errorf("%s", south.Body)
		}
		for _, nobody := range []string{"nobody", "off", ""} {
			draft["as_user"] = nobody
			admin.send(http.MethodPost, "/preview", bodyOf(t, draft)).Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
		}
		draft["as_user"] = "seller"
		draft["namespace"] = "default"
		admin.send(http.MethodPost, "/preview", bodyOf(t, draft)).Problem(http.StatusForbidden, "FORBIDDEN")
		if list := manager.send(http.MethodGet, "/catalog?origin=console", "").Want(http.StatusOK); !strings.Contains(string(list.Body), `"endpoints":[]`) {
			t.Errorf("kept: %s", list.Body)
		}
	})
}

// TestServersShareEndpoints saves at one server what the other serves within a second.
func TestServersShareEndpoints(t *testing.T) {
	t.Parallel()
	stored, source := pgtest.New(t), pgtest.New(t)
	source.Exec(sales)
	var servers []*server
	for range 2 {
		servers = append(servers, newServer(t, servertest.Config{
			Database: servertest.PostgresOf(source), Files: map[string]string{"acme/company.yaml": authorsCompany,
				"acme/default/file.sql": "/*---\nsource: main\nparams: { regiao: { type: string } }\n---*/\nSELECT regiao FROM vendas WHERE regiao = @regiao"},
			Settings: func(s *servertest.Settings) { s.Authors = map[string][]string{"main": {"acme"}} },
			Store: func() (store.Store, error) {
				return pgstore.Open(context.Background(), stored.AdminDSN, pgstore.Options{})
			},
		}))
	}
	one, other := servers[0].as("acme", "manager"), servers[1].as("acme", "manager")
	run := func() int {
		return other.Post("/api/v1/data-api/sales/x/execute", other.token, "{}").Status
	}
	etag := one.put("/sales/x", draftText, "If-None-Match: *").Want(http.StatusCreated).Header.Get("ETag")
	heard(servers[1], "a new endpoint", func() bool { return run() == http.StatusOK })
	if seen := other.send(http.MethodGet, "/sales/x", "").Want(http.StatusOK).Header.Get("ETag"); seen != etag {
		t.Errorf("the other server has %s, want %s", seen, etag)
	}
	other.put("/sales/x", draftText+"\n-- more", "If-Match: "+etag).Want(http.StatusOK)
	one.put("/sales/x", draftText, "If-Match: "+etag).Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	one.send(http.MethodPost, "/sales/x/deactivate", "").Want(http.StatusOK)
	heard(servers[1], "that it was switched off", func() bool { return run() == http.StatusNotFound })
	one.send(http.MethodPost, "/sales/x/activate", "").Want(http.StatusOK)
	heard(servers[1], "that it was switched on", func() bool { return run() == http.StatusOK })
	one.send(http.MethodDelete, "/sales/x", "", "If-Match: *").Want(http.StatusNoContent)
	heard(servers[1], "that it was deleted", func() bool { return run() == http.StatusNotFound })
}

// previewsOf returns what counts the queries that a preview of an endless statement has running in the database.
func previewsOf(t *testing.T, source *pgtest.DB) func() int {
	t.Helper()
	watcher := source.Conn()
	return func() (n int) {
		err := watcher.QueryRow(context.Background(), `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(3600)%' AND pid <> pg_backend_pid()`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// TestAPreviewEndsWithItsCaller ends the query in the database when the request goes away, or its author loses the key.
func TestAPreviewEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	source := pgtest.New(t)
	source.Exec(sales)
	s := newServer(t, servertest.Config{
		Database: servertest.PostgresOf(source), Files: map[string]string{"acme/company.yaml": "users: { manager: { policies: [VisualizationManager] } }\n"},
		Settings: func(s *servertest.Settings) { s.Authors = map[string][]string{"main": {"acme"}} },
	})
	running := previewsOf(t, source)
	body := bodyOf(t, map[string]any{"namespace": "sales", "slug": "x", "text": "/*---\nsource: main\n---*/\n" + engines[1].Slow})
	manager := s.as("acme", "manager")
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := s.TrySend(ctx, http.MethodPost, "/api/v1/data-api/preview", manager.token, body)
		gone <- err
	}()
	eventually(t, "the draft runs", patience, func() bool { return running() == 1 })
	cancel()
	if err := <-gone; err == nil {
		t.Error("the preview has ended by itself")
	}
	eventually(t, "the query is cancelled", patience, func() bool { return running() == 0 })
}
