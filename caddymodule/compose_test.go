package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// composedRoutes put the modules together by hand, with Caddy's own authentication handler and error routes.
const composedRoutes = `[
	{"match": [{"path": ["/api/v1/auth/api-key", "/api/v1/auth/refresh"]}], "handle": [{"handler": "data_api_token"}]},
	{"match": [{"path": ["/api/v1/auth/permissions", "/api/v1/data-api/*"]}], "handle": [{"handler": "subroute",
		"routes": [{"handle": [{"handler": "authentication", "providers": {"data_api_jwt": {}}}, {"handler": "data_api_execute"}]}],
		"errors": {"routes": [{"handle": [{"handler": "data_api_problem"}]}]}}]}
]`

// Whether the execute handler authenticates callers, as the directive has it, or Caddy's authentication handler does in
// routes that are written by hand: every answer is the same, and the access log names the user.
func TestModulesComposeByHand(t *testing.T) {
	s := serveSales(t)
	s.reconfigure("\n\tdata_api\n}", "\n\tdata_api\n\tlog\n}")
	key, token := s.CreateKeyAndLogin("acme", "integration")
	revoked, ended := s.CreateKeyAndLogin("acme", "integration")
	s.mustCLI("keys", "revoke", revoked.Key)

	const execute = servertest.Endpoints + "few/execute"
	answers := func() []servertest.Answer {
		var all []servertest.Answer
		for _, bearer := range []string{"", "nonsense", ended, token} {
			all = append(all, s.Post(execute, bearer, `{}`), s.Get("/api/v1/auth/permissions", bearer))
		}
		return append(all, s.Post("/api/v1/auth/api-key", "", `{"company_slug": "acme", "api_key": "`+key.Key+`", "api_secret": "wrong"}`))
	}
	directive := answers()
	names := func() int { return strings.Count(s.log(), `"user_id":"acme/integration"`) }
	eventually(t, "with the directive the access log names the user", func() bool { return names() >= 2 }) // once a request has been answered
	if n := names(); n != 2 {
		t.Errorf("with the directive the access log names the user %d times\n%s", n, s.log())
	}

	var adapted map[string]any
	if err := json.Unmarshal(s.adapt(s.content()), &adapted); err != nil {
		t.Fatal(err)
	}
	server := adapted["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any)["srv0"].(map[string]any)
	server["routes"] = json.RawMessage(composedRoutes)
	text, err := json.Marshal(adapted)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.load(text); err != nil {
		t.Fatal(err)
	}

	for i, byHand := range answers() {
		want := directive[i]
		for _, name := range []string{"Content-Type", "WWW-Authenticate", "Cache-Control"} {
			if byHand.Header.Get(name) != want.Header.Get(name) {
				t.Errorf("answer %d: %s is %q by hand, %q with the directive", i, name, byHand.Header.Get(name), want.Header.Get(name))
			}
		}
		same := byHand.Text() == want.Text()
		if want.Status == http.StatusOK && i == 6 { // the rows, but not the time
			same = strings.Contains(string(byHand.Body), `"row_count":`)
		}
		if byHand.Status != want.Status || !same {
			t.Errorf("answer %d: by hand %d %s\nwith the directive %d %s", i, byHand.Status, byHand.Body, want.Status, want.Body)
		}
	}
	if s.Post(execute, "", `{}`).Header.Get("X-Request-Id") == "" {
		t.Error("a refusal has no request id")
	}
}
