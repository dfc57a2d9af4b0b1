package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

func TestManagedUsers(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	admin := s.Login("acme", "admin").Access
	const path = "/api/v1/users/erp"
	body := `{"display_name":"ERP","policies":["DataAPIConsumer","Narrow"],"share_context":{"regiao":"Sul"}}`
	s.Send("PUT", path, admin, body).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	s.Send("PUT", path, admin, body, "If-Match", `"1"`).Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	made := s.Send("PUT", path, admin, body, "If-None-Match", "*").Want(http.StatusCreated)
	user := decode[object](made)
	if user["origin"] != "store" || user["updated_by"] != "admin" || user["display_name"] != "ERP" || user["faulty"] != false {
		t.Errorf("%s", made.Body)
	}
	s.Send("PUT", path, admin, body, "If-None-Match", "*").Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	key := decode[object](s.Send("POST", "/api/v1/keys", admin, `{"user":"erp"}`).Want(http.StatusCreated))
	erp := s.Exchange("acme", credentials{Key: key["api_key"].(string), Secret: key["api_secret"].(string)}).Access
	s.Execute("vendas-por-regiao", erp, `{"data_inicio":"2026-01-01","regiao":"Norte"}`).Problem(http.StatusUnprocessableEntity, "PARAMETER_NOT_ALLOWED")
	s.Execute("vendas-por-regiao", erp, `{"data_inicio":"2026-01-01"}`).Want(http.StatusOK)

	// Every fault at once.
	faulty := s.Send("PUT", path, admin, `{"policies":["Nobody","Narow"],"share_context":{"regiao":{"least":1}}}`, "If-Match", made.Header.Get("ETag")).
		Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	var problem struct {
		Errors []struct{ Parameter, Detail string }
	}
	faulty.Decode(&problem)
	if len(problem.Errors) != 3 || problem.Errors[0].Parameter != "policies" || problem.Errors[2].Parameter != "share_context" {
		t.Errorf("%s", faulty.Body)
	}
	// Deactivating ends access.
	changed := s.Send("PUT", path, admin, `{"active":false,"policies":["DataAPIConsumer"]}`, "If-Match", made.Header.Get("ETag")).Want(http.StatusOK)
	begun := time.Now()
	eventually(t, "the end of access", patience, func() bool { return s.Get(whoAmI, erp).Status == http.StatusUnauthorized })
	t.Logf("access ended %s after the answer", time.Since(begun))
	s.Send("PUT", path, admin, body, "If-Match", made.Header.Get("ETag")).Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	s.Send("DELETE", path, admin, "", "If-Match", made.Header.Get("ETag")).Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	s.Send("DELETE", path, admin, "", "If-Match", changed.Header.Get("ETag")).Want(http.StatusNoContent)
	s.Get(path, admin).Problem(http.StatusNotFound, "NOT_FOUND")

	// What would lock one out, and what is in a file.
	s.Send("PUT", "/api/v1/users/Not-A-Slug", admin, `{"policies":[]}`, "If-None-Match", "*").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	file := s.Send("PUT", "/api/v1/users/viewer", admin, `{"policies":[]}`, "If-None-Match", "*").Problem(http.StatusConflict, "CONFLICT")
	if !strings.Contains(string(file.Body), "acme/company.yaml") {
		t.Errorf("%s", file.Body)
	}
	s.Send("PUT", "/api/v1/users/chief", admin, `{"policies":["CompanyAdministrator"]}`, "If-None-Match", "*").Want(http.StatusCreated)
	key = decode[object](s.Send("POST", "/api/v1/keys", admin, `{"user":"chief"}`).Want(http.StatusCreated))
	chief := s.Exchange("acme", credentials{Key: key["api_key"].(string), Secret: key["api_secret"].(string)}).Access
	for _, own := range []string{`{"active":false,"policies":["CompanyAdministrator"]}`, `{"policies":["DataAPIConsumer"]}`} {
		s.Send("PUT", "/api/v1/users/chief", chief, own, "If-Match", "*").Problem(http.StatusConflict, "CONFLICT")
	}
	s.Send("DELETE", "/api/v1/users/chief", chief, "", "If-Match", "*").Problem(http.StatusConflict, "CONFLICT")
	s.Send("DELETE", "/api/v1/users/chief", admin, "", "If-Match", "*").Want(http.StatusNoContent)
	s.Send("PUT", "/api/v1/users/viewer", chief, `{"policies":[]}`, "If-Match", "*").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")

	listed := s.Get("/api/v1/users?q=SECO", admin).Want(http.StatusOK)
	if users := decode[struct{ Users []object }](listed).Users; len(users) != 1 || users[0]["name"] != "second" || users[0]["path"] != "acme/company.yaml" {
		t.Errorf("%s", listed.Body)
	}
}

// What a GET says of a user can be sent back, and changes nothing: neither a digit of what the user is limited to, nor the limits of one who
// is kept and not in force.
func TestManagedUserIsSentBackAsItCame(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	admin := s.Login("acme", "admin").Access
	const path = "/api/v1/users/erp"
	type described struct {
		Context json.RawMessage `json:"share_context"`
	}
	sendBack := func(got answer) {
		t.Helper()
		after := s.Send("PUT", path, admin, string(got.Body), "If-Match", got.Header.Get("ETag")).Want(http.StatusOK)
		if before, again := withoutStamp(t, got), withoutStamp(t, after); before != again {
			t.Errorf("sent back was\n%s\nwhich became\n%s", before, again)
		}
	}
	s.Send("PUT", path, admin, `{"policies":[]}`, "If-None-Match", "*").Want(http.StatusCreated)
	for context, want := range map[string]string{
		`{}`:                                   `{}`,
		`{"regiao":"Sul"}`:                     `{"regiao":{"allowed":["Sul"]}}`,
		`{"regiao":["Sul","Norte"],"i":7}`:     `{"i":{"allowed":[7]},"regiao":{"allowed":["Sul","Norte"]}}`,
		`{"i":{"minimum":2,"maximum":7}}`:      `{"i":{"minimum":2,"maximum":7}}`,
		`{"d":{"minimum":-0.10}}`:              `{"d":{"minimum":-0.10}}`,
		`{"rows":[9007199254740993],"b":true}`: `{"b":{"allowed":[true]},"rows":{"allowed":[9007199254740993]}}`,
	} {
		body := `{"display_name":"ERP","policies":["Narrow"],"subject":"erp@acme.example","share_context":` + context + `}`
		s.Send("PUT", path, admin, body, "If-Match", "*").Want(http.StatusOK)
		got := s.Get(path, admin).Want(http.StatusOK)
		if seen := decode[described](got); string(seen.Context) != want {
			t.Errorf("%s is shown as %s", context, seen.Context)
		}
		sendBack(got)
	}
	for _, context := range []string{`{"regiao":{"allowed":"Sul"}}`, `{"regiao":{"allowed":[]}}`, `{"i":{"allowed":[1],"minimum":1}}`, `[{"allowed":[1]}]`, `"x"`} {
		s.Send("PUT", path, admin, `{"policies":[],"share_context":`+context+`}`, "If-Match", "*").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	}

	// What cannot be changed in this way is refused, and not passed over.
	for edited, parameter := range map[string]string{`"name":"other"`: "name", `"limits":{"rate":"5/s","quota":[],"key_quota":[]}`: "limits"} {
		refused := s.Send("PUT", path, admin, `{"policies":[],`+edited+`}`, "If-Match", "*").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
		var problem struct{ Errors []struct{ Parameter string } }
		if refused.Decode(&problem); len(problem.Errors) != 1 || problem.Errors[0].Parameter != parameter {
			t.Errorf("%s: %s", edited, refused.Body)
		}
	}
	unknown := s.Send("PUT", path, admin, `{"roles":[]}`, "If-Match", "*").Problem(http.StatusBadRequest, "INVALID_REQUEST")
	if strings.Contains(string(unknown.Body), "updated_at") {
		t.Errorf("what is only taken back is offered: %s", unknown.Body)
	}

	// The company's file withdraws a policy: the user is not in force, and its limits are shown as they are kept.
	s.Send("PUT", path, admin, `{"policies":["Narrow"],"subject":"erp@acme.example","share_context":{"regiao":"Sul"}}`, "If-Match", "*").Want(http.StatusOK)
	s.WriteCatalog("acme/company.yaml", "users:\n  admin: { policies: [CompanyAdministrator] }\n")
	s.Reload()
	admin = s.Login("acme", "admin").Access
	faulty := s.Get(path, admin).Want(http.StatusOK)
	if user := decode[object](faulty); user["faulty"] != true || user["subject"] != "erp@acme.example" ||
		fmt.Sprint(user["share_context"]) != "map[regiao:map[allowed:[Sul]]]" {
		t.Errorf("%s", faulty.Body)
	}
}

// A share context that would hide nothing is refused, and so is one that no endpoint takes. A user whom a later change of an endpoint
// leaves with such a context is not in force, and says so: what is kept is shown, and the status of the company names the cause.
func TestManagedUserWhoseContextHidesNothing(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	const endpoint, path = "acme/default/own.sql", "/api/v1/users/erp"
	s.WriteCatalog(endpoint, "/*---\nsource: main\nparams: { only: { type: integer } }\n---*/\nSELECT @only AS n")
	s.Reload()
	admin := s.Login("acme", "admin").Access
	body := func(context, active string) string {
		return `{"policies":["DataAPIConsumer"],"active":` + active + `,"share_context":` + context + `}`
	}
	for context, want := range map[string]string{
		`{"onyl":1}`:   `share_context constrains "onyl", which is a parameter of no endpoint of company acme`,
		`{"only":"x"}`: `only must be an integer`,
	} {
		refused := s.Send("PUT", path, admin, body(context, "true"), "If-None-Match", "*").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
		var problem struct {
			Errors []struct{ Parameter, Detail string }
		}
		if refused.Decode(&problem); len(problem.Errors) != 1 || problem.Errors[0].Parameter != "share_context" ||
			!strings.Contains(problem.Errors[0].Detail, want) {
			t.Errorf("%s: %s", context, refused.Body)
		}
	}
	s.Send("PUT", path, admin, body(`{"only":1}`, "true"), "If-None-Match", "*").Want(http.StatusCreated)
	s.WriteCatalog(endpoint, "/*---\nsource: main\n---*/\nSELECT 1 AS n")
	s.Reload()
	admin = s.Login("acme", "admin").Access
	got := s.Get(path, admin).Want(http.StatusOK)
	if user := decode[object](got); user["faulty"] != true || user["active"] != true {
		t.Errorf("%s", got.Body)
	}
	status := s.Get("/api/v1/status", admin).Want(http.StatusOK)
	found := decode[struct {
		Faults []struct{ Path, Message string }
	}](status).Faults
	if len(found) != 1 || found[0].Path != "console:acme/users/erp" || !strings.Contains(found[0].Message, `constrains "only"`) {
		t.Errorf("%s", status.Body)
	}
	// Switching off succeeds, whatever else is wrong.
	off := decode[object](s.Send("PUT", path, admin, body(`{"only":1}`, "false"), "If-Match", "*").Want(http.StatusOK))
	if off["active"] != false || off["faulty"] != false {
		t.Errorf("%v", off)
	}
}

// A user of company.yaml whom a slip of the pen keeps out is shown as one, and as the file describes it.
func TestUserOfAFileWhoseContextHidesNothing(t *testing.T) {
	t.Parallel()
	catalog := files(engines[0])
	catalog["acme/company.yaml"] = `users:
  admin: { policies: [CompanyAdministrator] }
  erp: { policies: [DataAPIConsumer], share_context: { region: Sul } }
  off: { policies: [DataAPIConsumer], active: false }
`
	s := newServer(t, servertest.Config{Database: engines[0].Source(t, t.TempDir(), sales), Files: catalog})
	admin := s.Login("acme", "admin").Access
	for name, faulty := range map[string]bool{"erp": true, "off": false, "admin": false} {
		got := s.Get("/api/v1/users/"+name, admin).Want(http.StatusOK)
		if user := decode[object](got); user["faulty"] != faulty || user["active"] != (name != "off") || user["origin"] != "file" || user["path"] != "acme/company.yaml" {
			t.Errorf("%s", got.Body)
		}
	}
	catalog["acme/company.yaml"] = strings.Replace(catalog["acme/company.yaml"], "region", "regiao", 1)
	s.WriteCatalog("acme/company.yaml", catalog["acme/company.yaml"])
	s.Reload()
	if user := decode[object](s.Get("/api/v1/users/erp", admin).Want(http.StatusOK)); user["faulty"] != false || user["active"] != true {
		t.Errorf("%v", user)
	}
}

// A policy is read, edited and sent back in the same way.
func TestManagedPolicyIsSentBackAsItCame(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	admin := s.Login("acme", "admin").Access
	const path = "/api/v1/policies/Reports"
	s.Send("PUT", path, admin, `{"description":"Reports","grants":[{"actions":["data_api:execute"]}]}`, "If-None-Match", "*").Want(http.StatusCreated)
	got := s.Get(path, admin).Want(http.StatusOK)
	after := s.Send("PUT", path, admin, string(got.Body), "If-Match", got.Header.Get("ETag")).Want(http.StatusOK)
	if before, again := withoutStamp(t, got), withoutStamp(t, after); before != again {
		t.Errorf("sent back was\n%s\nwhich became\n%s", before, again)
	}
	s.Send("PUT", path, admin, `{"name":"Others","grants":[{"actions":["data_api:execute"]}]}`, "If-Match", "*").
		Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
}

// withoutStamp is a document without what any save changes.
func withoutStamp(t *testing.T, got answer) string {
	t.Helper()
	members := decode[map[string]json.RawMessage](got)
	delete(members, "revision")
	delete(members, "updated_at")
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
