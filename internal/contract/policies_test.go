package contract

import (
	"net/http"
	"strings"
	"testing"

	core "github.com/solucao42/caddy-data-api/internal/server"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// A policy of the company's own is made, given, changed and taken away over the API, and is in force when the answer leaves.
func TestManagedPolicies(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	admin := s.Login("acme", "admin").Access
	const path = "/api/v1/policies/Few"
	few := `{"description":"A few","grants":[{"actions":["data_api:execute"],"endpoints":["default/few"]}]}`
	s.Send("PUT", path, admin, few).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	s.Send("PUT", path, admin, few, "If-Match", "*").Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	made := s.Send("PUT", path, admin, few, "If-None-Match", "*").Want(http.StatusCreated)
	if policy := decode[object](made); policy["origin"] != "store" || policy["updated_by"] != "admin" || policy["description"] != "A few" ||
		policy["faulty"] != false || policy["users"] != 0.0 || made.Header.Get("Location") != path {
		t.Errorf("%v %s", made.Header, made.Body)
	}
	s.Send("PUT", path, admin, few, "If-None-Match", "*").Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	s.Send("PUT", "/api/v1/users/erp", admin, `{"policies":["Few"],"share_context":{"regiao":"Sul"}}`, "If-None-Match", "*").Want(http.StatusCreated)
	key := decode[object](s.Send("POST", "/api/v1/keys", admin, `{"user":"erp"}`).Want(http.StatusCreated))
	erp := s.Exchange("acme", credentials{Key: key["api_key"].(string), Secret: key["api_secret"].(string)}).Access
	s.Execute("few", erp, `{}`).Want(http.StatusOK)
	s.Execute("types", erp, `{}`).Problem(http.StatusForbidden, "FORBIDDEN")

	wider := strings.Replace(few, "default/few", "default/*", 1)
	changed := s.Send("PUT", path, admin, wider, "If-Match", made.Header.Get("ETag")).Want(http.StatusOK)
	s.Execute("types", erp, `{}`).Want(http.StatusOK)
	s.Send("PUT", path, admin, few, "If-Match", made.Header.Get("ETag")).Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	s.Send("PUT", path, admin, few, "If-Match", `"9", `+changed.Header.Get("ETag")).Want(http.StatusOK)
	s.Execute("types", erp, `{}`).Problem(http.StatusForbidden, "FORBIDDEN")

	// It is there after a restart, and listed behind the managed ones.
	s.Restart()
	admin = s.Login("acme", "admin").Access
	list := decode[struct{ Policies []object }](s.Get("/api/v1/policies", admin).Want(http.StatusOK)).Policies
	if len(list) != 6 || list[4]["name"] != "Few" || list[4]["users"] != 1.0 || list[4]["revision"] != "3" || list[5]["origin"] != "file" || list[0]["origin"] != "managed" {
		t.Errorf("%v", list)
	}
	// A user with a policy that does not exist would be refused, so the policy is first taken from its users.
	inUse := s.Send("DELETE", path, admin, "", "If-Match", "*").Problem(http.StatusConflict, "CONFLICT")
	if !strings.Contains(string(inUse.Body), "erp") {
		t.Errorf("%s", inUse.Body)
	}
	s.Send("PUT", "/api/v1/users/erp", admin, `{"policies":[]}`, "If-Match", "*").Want(http.StatusOK)
	s.Send("DELETE", path, admin, "", "If-Match", made.Header.Get("ETag")).Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	s.Send("DELETE", path, admin, "").Problem(http.StatusBadRequest, "INVALID_REQUEST")
	s.Send("DELETE", path, admin, "", "If-None-Match", "*").Problem(http.StatusBadRequest, "INVALID_REQUEST")
	s.Send("DELETE", path, admin, "", "If-Match", "*").Want(http.StatusNoContent)
	s.Send("DELETE", path, admin, "", "If-Match", "*").Problem(http.StatusNotFound, "NOT_FOUND")
	s.Get(path, admin).Problem(http.StatusNotFound, "NOT_FOUND")

	for name, want := range map[string]string{"DataAPIConsumer": "managed", "Narrow": "acme/company.yaml"} {
		got := s.Send("PUT", "/api/v1/policies/"+name, admin, few, "If-None-Match", "*").Problem(http.StatusConflict, "CONFLICT")
		if !strings.Contains(string(got.Body), want) {
			t.Errorf("%s", got.Body)
		}
	}
	// Every fault at once.
	faulty := s.Send("PUT", path, admin, `{"grants":[{"actions":["data_api:exekute"],"endpoints":["Default/*"]},{"actions":[]}]}`, "If-None-Match", "*").
		Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	var problem struct {
		Errors []struct{ Parameter, Detail string }
	}
	faulty.Decode(&problem)
	if len(problem.Errors) != 3 || problem.Errors[0].Parameter != "grants" || !strings.Contains(problem.Errors[0].Detail, "data_api:execute") {
		t.Errorf("%s", faulty.Body)
	}
	for _, body := range []string{`{}`, `{"grants":[]}`} {
		s.Send("PUT", path, admin, body, "If-None-Match", "*").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	}
	s.Send("PUT", "/api/v1/policies/0%2F..", admin, few, "If-None-Match", "*").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	s.Send("PUT", path, admin, `{"grants":[{"actions":["data_api:execute"],"endpoint":"x"}]}`, "If-None-Match", "*").Problem(http.StatusBadRequest, "INVALID_REQUEST")
}

// Nobody gives anybody more than they have themselves: not by a policy, not by a user, not by a key, not by a preview, and not to themselves.
func TestNobodyGrantsWhatTheyLack(t *testing.T) {
	t.Parallel()
	catalog := files(engines[0])
	catalog["acme/company.yaml"] = `name: Acme
policies:
  Access: { grants: [{ actions: [access:manage] }, { actions: [data_api:execute, visualization:edit], endpoints: [default/*] }] }
users:
  clerk: { policies: [Access], share_context: { regiao: [Sul, Norte] } }
  chief: { policies: [CompanyAdministrator] }
  equal: { policies: [Access], share_context: { regiao: Sul } }
`
	s := newServer(t, servertest.Config{
		Database: engines[0].Source(t, t.TempDir(), sales), Files: catalog,
		Settings: func(s *core.Settings) { s.Authors = map[string][]string{"main": {"acme"}} },
	})
	clerk, chief := s.Login("acme", "clerk").Access, s.Login("acme", "chief").Access
	chiefKey := s.CreateKey("acme", "chief").Key
	s.Send("PUT", "/api/v1/users/mine", clerk, `{"policies":["Access"],"share_context":{"regiao":"Sul"}}`, "If-None-Match", "*").Want(http.StatusCreated)
	s.Send("PUT", "/api/v1/users/big", chief, `{"policies":["CompanyAdministrator"]}`, "If-None-Match", "*").Want(http.StatusCreated)
	draft := bodyOf(t, map[string]any{"namespace": "default", "slug": "x", "text": draftText, "as_user": "chief"})
	const put, post = http.MethodPut, http.MethodPost
	for _, attempt := range []struct {
		name, method, path, body string
		headers                  []string
		says                     string
	}{
		{"a bigger user", put, "/api/v1/users/new", `{"policies":["CompanyAdministrator"],"share_context":{"regiao":"Sul"}}`, []string{"If-None-Match", "*"}, "data_api:execute on *"},
		{"a user who sees more", put, "/api/v1/users/new", `{"policies":["Access"]}`, []string{"If-None-Match", "*"}, "regiao"},
		{"a user who sees others", put, "/api/v1/users/new", `{"policies":["Access"],"share_context":{"regiao":["Sul","Sudeste"]}}`, []string{"If-None-Match", "*"}, "regiao"},
		{"a user who grows", put, "/api/v1/users/mine", `{"policies":["Access","CompanyAdministrator"],"share_context":{"regiao":"Sul"}}`, []string{"If-Match", "*"}, "on *"},
		{"a bigger policy", put, "/api/v1/policies/Big", `{"grants":[{"actions":["data_api:get_usage"]}]}`, []string{"If-None-Match", "*"}, "data_api:get_usage on *"},
		{"a wider pattern", put, "/api/v1/policies/Big", `{"grants":[{"actions":["data_api:execute"],"endpoints":["def*/*"]}]}`, []string{"If-None-Match", "*"}, "data_api:execute on def*/*"},
		{"a pattern left out", put, "/api/v1/policies/Big", `{"grants":[{"actions":["visualization:edit"]}]}`, []string{"If-None-Match", "*"}, "visualization:edit on *"},
		{"a key of a bigger user", post, "/api/v1/keys", `{"user":"chief"}`, nil, "data_api:execute on *"},
		{"a bigger user's key again", post, "/api/v1/keys/" + chiefKey + "/rotate", `{}`, nil, "data_api:execute on *"},
		{"a preview as a bigger user", post, "/api/v1/data-api/preview", draft, nil, "chief"},
	} {
		got := s.Send(attempt.method, attempt.path, clerk, attempt.body, attempt.headers...).Problem(http.StatusForbidden, "FORBIDDEN")
		if !strings.Contains(string(got.Body), attempt.says) {
			t.Errorf("%s: %s", attempt.name, got.Body)
		}
	}
	// What one has, one gives; and what somebody else gave is no hindrance to a change that adds nothing.
	s.Send(put, "/api/v1/policies/Part", clerk, `{"grants":[{"actions":["data_api:execute"],"endpoints":["default/few"]}]}`, "If-None-Match", "*").Want(http.StatusCreated)
	s.Send(put, "/api/v1/users/part", clerk, `{"policies":["Part"],"share_context":{"regiao":"Norte"}}`, "If-None-Match", "*").Want(http.StatusCreated)
	s.Send(post, "/api/v1/keys", clerk, `{"user":"equal"}`).Want(http.StatusCreated)
	s.Send(put, "/api/v1/users/big", clerk, `{"display_name":"Big","policies":["CompanyAdministrator"]}`, "If-Match", "*").Want(http.StatusOK)
	s.Send(put, "/api/v1/users/big", clerk, `{"active":false,"policies":[],"share_context":{"regiao":"Sul"}}`, "If-Match", "*").Want(http.StatusOK)
	// Nor can administrators take their own access:manage away by a policy.
	s.Send(put, "/api/v1/policies/Admin", chief, `{"grants":[{"actions":["access:manage"]}]}`, "If-None-Match", "*").Want(http.StatusCreated)
	s.Send(put, "/api/v1/users/lone", chief, `{"policies":["Admin"]}`, "If-None-Match", "*").Want(http.StatusCreated)
	key := decode[object](s.Send(post, "/api/v1/keys", chief, `{"user":"lone"}`).Want(http.StatusCreated))
	lone := s.Exchange("acme", credentials{Key: key["api_key"].(string), Secret: key["api_secret"].(string)}).Access
	s.Send(put, "/api/v1/policies/Admin", lone, `{"grants":[{"actions":["access:manage"],"endpoints":["default/*"]}]}`, "If-Match", "*").Problem(http.StatusConflict, "CONFLICT")
}
