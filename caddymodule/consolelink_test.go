package caddymodule_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// The console is served with its files, an operator's link signs a browser in once, and the session reaches the routes of
// management, of which the key that the link has made is one.
func TestConsoleLink(t *testing.T) {
	e := servertest.Engines[0]
	catalog := servertest.Files(e)
	catalog["acme/company.yaml"] = servertest.CompanyFile + "  ana: { policies: [CompanyAdministrator] }\n"
	s := serveProgram(t, programConfig{sources: e.Source(t, t.TempDir(), servertest.Sales).Directive(), files: catalog})
	for _, path := range []string{"/console/", "/console/endpoints/default/few", "/docs/"} {
		got := s.Get(path, "").Want(http.StatusOK)
		if policy := got.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(string(got.Body), "__NONCE__") {
			t.Errorf("%s: %q", path, policy)
		}
	}
	var link struct {
		Key  string `json:"api_key"`
		Path string `json:"path"`
	}
	s.cliJSON(&link, "console-link", "--company", "acme", "--user", "ana")
	shown := s.mustCLI("console-link", "--company", "acme", "--user", "ana", "--url", "https://api.example.com/")
	if !strings.HasPrefix(shown, "https://api.example.com/console/#/sign-in?code=") {
		t.Errorf("the command prints %s", shown)
	}
	s.mustRefuse(map[string]string{"console-link --company acme --user anna": `did you mean "ana"?`})
	_, query, _ := strings.Cut(link.Path, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"link_code":"` + values.Get("code") + `"}`
	signedIn := s.Post("/api/v1/auth/session", "", body).Want(http.StatusOK)
	if cookie := signedIn.Header.Get("Set-Cookie"); !strings.Contains(cookie, "Path=/api/v1/auth/session; ") || !strings.Contains(cookie, "HttpOnly; SameSite=Strict") {
		t.Errorf("the cookie is %s", cookie)
	}
	var session struct {
		Access string `json:"access_token"`
	}
	signedIn.Decode(&session)
	if got := s.Get("/api/v1/keys?user=ana", session.Access).Want(http.StatusOK); !strings.Contains(string(got.Body), link.Key) {
		t.Errorf("the keys are %s", got.Body)
	}
	s.mustCLI("keys", "revoke", link.Key)
	s.Get("/api/v1/keys", session.Access).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Post("/api/v1/auth/session", "", body).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
}
