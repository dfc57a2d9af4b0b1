package contract

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	core "github.com/solucao42/caddy-data-api/internal/server"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// managedServer has two companies, each with an administrator, and users of acme who have less.
func managedServer(t *testing.T, e engine, callbackHosts ...string) *server {
	t.Helper()
	catalog := files(e)
	catalog["acme/company.yaml"] = `name: Acme
policies:
  Narrow: { description: A few, grants: [{ actions: [data_api:get_job, visualization:view], endpoints: [default/few] }] }
users:
  admin: { policies: [CompanyAdministrator], name: Ana }
  second: { policies: [CompanyAdministrator] }
  editor: { policies: [VisualizationManager] }
  viewer: { policies: [VisualizationViewer] }
  integration: { policies: [DataAPIConsumer] }
  narrow: { policies: [Narrow], share_context: { regiao: Sul } }
`
	catalog["globex/company.yaml"] = "name: Globex\nusers:\n  admin: { policies: [CompanyAdministrator] }\n  reader: { policies: [DataAPIConsumer] }\n"
	return newServer(t, servertest.Config{
		Database: e.Source(t, t.TempDir(), sales), Files: catalog,
		Settings: func(s *core.Settings) {
			s.Authors = map[string][]string{"main": {"acme"}}
			s.CallbackHosts = callbackHosts
		},
	})
}

// decode reads an answer's document.
func decode[T any](got answer) (document T) {
	got.Decode(&document)
	return document
}

type object = map[string]any

// TestManagementPermissions asks every route as everybody. What is another company's does not exist.
func TestManagementPermissions(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	access := map[string]string{"nobody": ""}
	for _, user := range []string{"admin", "editor", "viewer", "integration", "narrow"} {
		access[user] = s.Login("acme", user).Access
	}
	access["foreign"] = s.Login("globex", "admin").Access
	key := s.CreateKey("acme", "integration").Key
	polling := s.Call("relatorio-mensal", access["integration"], `{}`).Job()
	s.Await(polling, access["integration"])
	job := polling[strings.LastIndex(polling, "/")+1:]

	const a, e, v, c, n, f = "admin", "editor", "viewer", "integration", "narrow", "foreign"
	everybody := []string{a, e, v, c, n, f}
	for _, route := range []struct {
		method, path, body string
		headers            []string
		may                string // who is let in, and what they get
		missing            string // who is let in, and finds nothing
	}{
		{"GET", "/api/v1/users", "", nil, "admin 200 foreign 200", ""},
		{"GET", "/api/v1/users/integration", "", nil, "admin 200", f},
		{"PUT", "/api/v1/users/integration", `{"policies":[]}`, []string{"If-Match", `"1"`}, "admin 409 foreign 412", ""},
		{"DELETE", "/api/v1/users/viewer", "", []string{"If-Match", `"1"`}, "admin 409", f},
		{"GET", "/api/v1/users/integration/callback-secret", "", nil, "admin 200", f},
		{"POST", "/api/v1/users/integration/callback-secret", "", nil, "admin 200", f},
		{"POST", "/api/v1/users/integration/callback-secret/rotate", "", nil, "admin 200", f},
		{"GET", "/api/v1/policies", "", nil, "admin 200 foreign 200", ""},
		{"GET", "/api/v1/policies/DataAPIConsumer", "", nil, "admin 200 foreign 200", ""},
		{"GET", "/api/v1/policies/Narrow", "", nil, "admin 200", f},
		{"PUT", "/api/v1/policies/Narrow", `{"grants":[{"actions":["data_api:execute"]}]}`, []string{"If-Match", `"1"`}, "admin 409 foreign 412", ""},
		{"DELETE", "/api/v1/policies/Narrow", "", []string{"If-Match", `"1"`}, "admin 409", f},
		{"GET", "/api/v1/keys", "", nil, "admin 200 foreign 200", ""},
		{"POST", "/api/v1/keys", `{"user":"viewer"}`, nil, "admin 201 foreign 422", ""},
		{"POST", "/api/v1/keys/" + key + "/rotate", `{}`, nil, "admin 201", f},
		{"DELETE", "/api/v1/keys/" + key, "", nil, "admin 200", f},
		{"GET", "/api/v1/deliveries", "", nil, "admin 200 foreign 200", ""},
		{"GET", "/api/v1/deliveries/" + job, "", nil, "", a + " " + f},
		{"POST", "/api/v1/deliveries/" + job + "/replay", "", nil, "", a + " " + f},
		{"GET", "/api/v1/jobs", "", nil, "admin 200 editor 200 viewer 200 integration 200 narrow 200 foreign 200", ""},
		{"GET", "/api/v1/jobs/" + job, "", nil, "admin 200 editor 200 viewer 200 integration 200", n + " " + f},
		{"DELETE", "/api/v1/jobs/" + job, "", nil, "admin 200 editor 200 viewer 200 integration 200", f},
		{"GET", "/api/v1/activity", "", nil, "admin 200 editor 200 viewer 200 narrow 200 foreign 200", ""},
		{"GET", "/api/v1/activity/default/types", "", nil, "admin 200 editor 200 viewer 200", f},
		{"GET", "/api/v1/activity/default/few", "", nil, "admin 200 editor 200 viewer 200 narrow 200", f},
		{"GET", "/api/v1/sources", "", nil, "admin 200 editor 200 viewer 200 narrow 200 foreign 200", ""},
		{"GET", "/api/v1/sources/main/schema", "", nil, "admin 200 editor 200", ""}, // globex runs endpoints on it, and is no author
		{"GET", "/api/v1/sources/none/schema", "", nil, "", a + " " + e + " " + f},
		{"GET", "/api/v1/status", "", nil, "admin 200 editor 200 foreign 200", ""},
	} {
		expected := map[string]int{}
		for rest := strings.Fields(route.may); len(rest) > 0; rest = rest[2:] {
			status, err := strconv.Atoi(rest[1])
			if err != nil {
				t.Fatal(err)
			}
			expected[rest[0]] = status
		}
		for user := range strings.FieldsSeq(route.missing) {
			expected[user] = http.StatusNotFound
		}
		s.Send(route.method, route.path, "", route.body, route.headers...).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		s.Send(route.method, route.path+"?dry_run=true", access[a], route.body, route.headers...).Problem(http.StatusBadRequest, "INVALID_REQUEST")
		// The strongest comes last: it may change what there is.
		for _, user := range slices.Backward(everybody) {
			got := s.Send(route.method, route.path, access[user], route.body, route.headers...)
			want, ok := expected[user]
			if !ok {
				want = http.StatusForbidden
			}
			if got.Status != want {
				t.Errorf("%s %s as %s: %d, want %d: %s", route.method, route.path, user, got.Status, want, got.Body)
			}
		}
		s.Send(http.MethodPatch, route.path, access[a], "").Problem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
	}
}

func TestManagedKeys(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	login := s.Login("acme", "admin")
	admin := login.Access
	made := decode[object](s.Send("POST", "/api/v1/keys", admin, `{"user":"viewer","name":"ERP","expires_at":"2099-01-01T00:00:00Z"}`).Want(http.StatusCreated))
	key, secret := made["api_key"].(string), made["api_secret"].(string)
	viewer := s.Exchange("acme", credentials{Key: key, Secret: secret}).Access
	s.Get(whoAmI, viewer).Want(http.StatusOK)

	list := s.Get("/api/v1/keys?user=viewer&state=active", admin).Want(http.StatusOK)
	if strings.Contains(string(list.Body), secret) {
		t.Error("the list shows the secret")
	}
	kept := decode[struct{ Keys []object }](list).Keys
	if len(kept) != 1 || kept[0]["api_key"] != key || kept[0]["name"] != "ERP" || kept[0]["last_used_at"] == nil || kept[0]["current"] != false {
		t.Errorf("%s", list.Body)
	}
	rotated := decode[object](s.Send("POST", "/api/v1/keys/"+key+"/rotate", admin, `{"overlap":"1h"}`).Want(http.StatusCreated))
	if rotated["rotated"].(object)["successor"] != rotated["api_key"] {
		t.Errorf("%v", rotated)
	}
	s.Get(whoAmI, viewer).Want(http.StatusOK)
	s.Send("POST", "/api/v1/keys/"+key+"/rotate", admin, `{}`).Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	s.Send("POST", "/api/v1/keys/"+key+"/rotate", admin, `{"overlap":"soon"}`).Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")

	s.Send("DELETE", "/api/v1/keys/"+key, admin, "").Want(http.StatusOK)
	s.Get(whoAmI, viewer).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	if again := decode[object](s.Send("DELETE", "/api/v1/keys/"+key, admin, "").Want(http.StatusOK)); again["state"] != "revoked" {
		t.Errorf("%v", again)
	}
	// A caller that revokes its own key is told so, and is nobody then.
	for _, own := range decode[struct{ Keys []object }](s.Get("/api/v1/keys?user=admin", admin).Want(http.StatusOK)).Keys {
		if own["current"] == true {
			s.Send("DELETE", "/api/v1/keys/"+own["api_key"].(string), admin, "").Want(http.StatusOK)
		}
	}
	s.Get("/api/v1/keys", admin).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
}

func TestManagedKeyPages(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	admin := s.Login("acme", "admin").Access
	for range 5 {
		s.CreateKey("acme", "viewer")
	}
	var seen []string
	for next := "/api/v1/keys?user=viewer&limit=2"; next != ""; {
		got := s.Get(next, admin).Want(http.StatusOK)
		page := decode[struct {
			Keys []object
			Next *string `json:"next_cursor"`
		}](got)
		for _, key := range page.Keys {
			seen = append(seen, key["api_key"].(string))
		}
		next = ""
		if page.Next != nil {
			next = got.NextLink()
		}
	}
	if len(seen) != 5 {
		t.Errorf("%v", seen)
	}
	s.Get("/api/v1/keys?cursor=nothing", admin).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	s.Get("/api/v1/keys?limit=201", admin).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	s.Get("/api/v1/keys?stat=active", admin).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	s.Get("/api/v1/keys?state=gone", admin).Problem(http.StatusBadRequest, "INVALID_REQUEST")
}

func TestManagedSecrets(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	admin := s.Login("acme", "admin").Access
	const path = "/api/v1/users/integration/callback-secret"
	state := func() string {
		return decode[object](s.Get(path, admin).Want(http.StatusOK))["state"].(string)
	}
	if got := state(); got != "none" {
		t.Errorf("at first %s", got)
	}
	first := decode[object](s.Send("POST", path, admin, "").Want(http.StatusOK))["callback_secret"].(string)
	s.Send("POST", path, admin, "").Problem(http.StatusConflict, "CONFLICT")
	second := decode[object](s.Send("POST", path+"/rotate", admin, `{"overlap":"1h"}`).Want(http.StatusOK))["callback_secret"].(string)
	if first == second || !strings.HasPrefix(second, "whsec_") || state() != "shown" {
		t.Errorf("%s %s %s", first, second, state())
	}
	got := s.Get(path, admin).Want(http.StatusOK)
	if decode[object](got)["previous_until"] == nil || strings.Contains(string(got.Body), "whsec_") {
		t.Errorf("%s", got.Body)
	}
}

func TestManagedJobsAndDeliveries(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			hook := servertest.NewHook(t)
			s := managedServer(t, e, hook.Host())
			admin, integration := s.Login("acme", "admin").Access, s.Login("acme", "integration").Access
			body := fmt.Sprintf(`{"parameter_values":{"mes":"2026-03"},"callback_url":%q}`, hook.URL+"/end?token=secret")
			polling := s.Send("POST", endpoints+"relatorio-mensal/execute", integration, body).Job()
			s.Await(polling, integration)
			hook.Await(t, 0)
			id := polling[strings.LastIndex(polling, "/")+1:]
			running := s.Call("steady-job", integration, `{}`).Job()

			listed := s.Get("/api/v1/jobs?endpoint=default/relatorio-mensal&user=integration&status=completed", admin).Want(http.StatusOK)
			jobs := decode[struct{ Jobs []object }](listed).Jobs
			if len(jobs) != 1 || jobs[0]["job_id"] != id || strings.Contains(string(listed.Body), "secret") || jobs[0]["row_count"] == nil {
				t.Fatalf("%s", listed.Body)
			}
			one := s.Get("/api/v1/jobs/"+id, admin).Want(http.StatusOK)
			if got := decode[struct{ Parameters object }](one).Parameters; got["mes"] != "2026-03" {
				t.Errorf("%s", one.Body)
			}
			if got := decode[struct{ Jobs []object }](s.Get("/api/v1/jobs?since=2099-01-01T00:00:00Z", admin).Want(http.StatusOK)).Jobs; len(got) != 0 {
				t.Errorf("%v", got)
			}
			s.Get("/api/v1/jobs?since=yesterday", admin).Problem(http.StatusBadRequest, "INVALID_REQUEST")
			s.Get("/api/v1/jobs?endpoint=x", admin).Problem(http.StatusBadRequest, "INVALID_REQUEST")

			cancelled := s.Send("DELETE", "/api/v1/jobs/"+running[strings.LastIndex(running, "/")+1:], admin, "").Want(http.StatusOK)
			if got := decode[object](cancelled); got["status"] != "cancelled" {
				t.Errorf("%s", cancelled.Body)
			}

			eventually(t, "the delivery", patience, func() bool {
				got := decode[struct{ Deliveries []object }](s.Get("/api/v1/deliveries?state=delivered", admin).Want(http.StatusOK)).Deliveries
				return len(got) == 1 && got[0]["job_id"] == id
			})
			delivery := s.Get("/api/v1/deliveries/"+id, admin).Want(http.StatusOK)
			if got := decode[object](delivery); got["url"] != hook.URL+"/end" || got["endpoint"] != "default/relatorio-mensal" || len(got["log"].([]any)) != 1 {
				t.Errorf("%s", delivery.Body)
			}
			s.Send("POST", "/api/v1/deliveries/"+id+"/replay", admin, "").Want(http.StatusOK)
			hook.Await(t, 1)
			if got := decode[struct{ Deliveries []object }](s.Get("/api/v1/deliveries?state=dead", admin).Want(http.StatusOK)).Deliveries; len(got) != 0 {
				t.Errorf("%v", got)
			}
			s.Get("/api/v1/deliveries?state=lost", admin).Problem(http.StatusBadRequest, "INVALID_REQUEST")
		})
	}
}

func TestManagedActivity(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	viewer, narrow := s.Login("acme", "viewer").Access, s.Login("acme", "narrow").Access
	s.Execute("few", viewer, `{}`).Want(http.StatusOK)
	failed := s.Execute("slow", viewer, `{}`).Problem(http.StatusRequestTimeout, "EXECUTION_TIMEOUT")
	type series struct {
		Endpoint string
		Calls    []int
		P95      []*float64 `json:"p95_ms"`
		Totals   struct{ Calls, Errors int }
		Errors   []object `json:"recent_errors"`
	}
	var all answer
	var read []series
	eventually(t, "both calls are noted", patience, func() bool {
		all = s.Get("/api/v1/activity", viewer).Want(http.StatusOK)
		read = decode[struct{ Endpoints []series }](all).Endpoints
		return len(read) >= 2
	})
	if len(read) != 2 || len(read[0].Calls) != 24 || read[0].Totals.Calls != 1 {
		t.Fatalf("%s", all.Body)
	}
	for _, one := range read {
		if one.Endpoint == "default/few" && (one.P95[23] == nil || *one.P95[23] <= 0) && (one.P95[22] == nil) {
			t.Errorf("%s", all.Body)
		}
	}
	if got := decode[struct{ Endpoints []series }](s.Get("/api/v1/activity", narrow).Want(http.StatusOK)).Endpoints; len(got) != 1 || got[0].Endpoint != "default/few" {
		t.Errorf("%v", got)
	}
	slow := s.Get("/api/v1/activity/default/slow", viewer).Want(http.StatusOK)
	if got := decode[series](slow); len(got.Errors) != 1 || got.Errors[0]["request_id"] != failed.Header.Get("X-Request-Id") || got.Errors[0]["code"] != "EXECUTION_TIMEOUT" {
		t.Errorf("%s", slow.Body)
	}
	foreign := s.Login("globex", "admin").Access
	s.Get("/api/v1/activity/default/slow", foreign).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
}

// What nobody has and nobody has called is unknown here as everywhere. What a company has, and what it has called, is not: an endpoint that is
// switched off or at fault, one that was deleted, and one that is shared no more.
func TestManagedActivityOfWhatThereIsAndWas(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	text := func(more string) string { return "/*---\nsource: main\n" + more + "---*/\nSELECT 1 AS one" }
	const shared, gone = "acme/own/shared.sql", "acme/own/gone.sql"
	s.WriteCatalog(shared, text("share: { globex: {} }\n"))
	s.WriteCatalog(gone, text(""))
	s.WriteCatalog("acme/own/off.sql", text("active: false\n"))
	s.WriteCatalog("acme/own/faulty.sql", text("mode: sink\n"))
	s.Reload()
	admin, foreign := s.Login("acme", "admin").Access, s.Login("globex", "admin").Access
	s.Post("/api/v1/data-api/own/gone/execute", admin, "{}").Want(http.StatusOK)
	s.Post("/api/v1/data-api/own/shared/execute", foreign, "{}").Want(http.StatusOK)
	s.WriteCatalog(shared, text(""))
	s.RemoveCatalog(gone)
	s.Reload()

	calls := func(slug, access string) float64 {
		t.Helper()
		got := s.Get("/api/v1/activity/own/"+slug, access).Want(http.StatusOK)
		return decode[object](got)["totals"].(object)["calls"].(float64)
	}
	eventually(t, "both calls are noted", patience, func() bool { return calls("gone", admin) == 1 && calls("shared", foreign) == 1 })
	for _, slug := range []string{"shared", "off", "faulty"} {
		if got := calls(slug, admin); got != 0 {
			t.Errorf("%s has %v calls", slug, got)
		}
	}
	s.Get("/api/v1/activity/own/never", admin).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	for _, slug := range []string{"gone", "off", "faulty", "never"} {
		s.Get("/api/v1/activity/own/"+slug, foreign).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	}
}

func TestManagedSchema(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := managedServer(t, e)
		editor := s.Login("acme", "editor").Access
		got := s.Get("/api/v1/sources/main/schema", editor).Want(http.StatusOK)
		if !strings.Contains(string(got.Body), `"vendas"`) || !strings.Contains(string(got.Body), `"regiao"`) {
			t.Errorf("%s", got.Body)
		}
		s.Send("GET", "/api/v1/sources/main/schema", editor, "", "If-None-Match", got.Header.Get("ETag")).Want(http.StatusNotModified)
		s.Send("GET", "/api/v1/sources/main/schema", editor, "", "Cache-Control", "no-cache").Want(http.StatusOK)
		listed := s.Get("/api/v1/sources", s.Login("globex", "admin").Access).Want(http.StatusOK)
		if got := decode[struct{ Sources []object }](listed).Sources; len(got) != 1 || got[0]["author"] != false || got[0]["how_to_author"] != "authors globex" {
			t.Errorf("%s", listed.Body)
		}
	})
}

func TestManagedStatus(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	s.WriteCatalog("acme/default/faulty.sql", "/*---\nsource: main\nmode: sinc\n---*/\nSELECT 1 AS one")
	admin, foreign := s.Login("acme", "admin").Access, s.Login("globex", "admin").Access
	eventually(t, "the fault", patience, func() bool {
		return strings.Contains(string(s.Get("/api/v1/status", admin).Want(http.StatusOK).Body), "acme/default/faulty.sql")
	})
	got := s.Get("/api/v1/status", admin).Want(http.StatusOK)
	status := decode[struct {
		Faults  []struct{ Path string }
		Sources []struct{ Name, State string }
	}](got)
	if len(status.Faults) != 1 || status.Faults[0].Path != "acme/default/faulty.sql" || len(status.Sources) != 1 || status.Sources[0].State != "up" {
		t.Errorf("%s", got.Body)
	}
	if got := s.Get("/api/v1/status", foreign).Want(http.StatusOK); strings.Contains(string(got.Body), "acme") || strings.Contains(string(got.Body), s.Dir) {
		t.Errorf("another company sees %s", got.Body)
	}
}

// What is wrong with a share is told the operator with the names of all companies, and the company that shares without.
func TestFaultsNameNoOtherCompany(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	s.WriteCatalog("initech/company.yaml", "users: {}\n")
	for _, company := range []string{"acme", "initech"} {
		s.WriteCatalog(company+"/own/rival.sql", "/*---\nsource: main\nshare: { globex: {}, inintech: {} }\n---*/\nSELECT 1 AS one")
	}
	s.Reload()
	if told := s.status(); !strings.Contains(told, "the catalog has acme, globex, initech") || !strings.Contains(told, "is shared with globex by initech too") {
		t.Errorf("the operator is told: %s", told)
	}
	admin := s.Login("acme", "admin").Access
	for _, path := range []string{"/api/v1/status", "/api/v1/data-api/own/rival", "/api/v1/data-api/catalog?namespace=own"} {
		got := s.Get(path, admin).Want(http.StatusOK)
		for _, want := range []string{`"share.inintech: there is no such company"`, `own/rival is shared with globex by another company too`} {
			if !strings.Contains(string(got.Body), want) {
				t.Errorf("%s does not say %s: %s", path, want, got.Body)
			}
		}
		if strings.Contains(string(got.Body), "initech") {
			t.Errorf("%s names another company: %s", path, got.Body)
		}
	}
}

// Operators write `catalog ./catalog`; diagnostics have the name without the dot.
func TestManagedStatusOfACatalogThatIsNotWrittenCleanly(t *testing.T) {
	t.Parallel()
	e := engines[0]
	s := newServer(t, servertest.Config{
		Database: e.Source(t, t.TempDir(), sales), Settings: func(s *core.Settings) { s.Catalog += "/./" },
		Files: map[string]string{
			"acme/company.yaml": "users: { admin: { policies: [CompanyAdministrator] } }\n", "acme/default/faulty.sql": "/*---\nsource: nowhere\n---*/\nSELECT 1 AS one",
		},
	})
	got := s.Get("/api/v1/status", s.Login("acme", "admin").Access).Want(http.StatusOK)
	if found := decode[struct{ Faults []struct{ Path string } }](got).Faults; len(found) != 1 || found[0].Path != "acme/default/faulty.sql" {
		t.Errorf("%s", got.Body)
	}
}
