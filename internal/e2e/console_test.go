package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The console is served with its files, an operator's link signs a browser in once, and the session reaches the routes of
// management, of which the key that the link has made is one.
func TestConsoleLink(t *testing.T) {
	t.Parallel()
	e := engines[0]
	catalog := files(e)
	catalog["acme/company.yaml"] = companyFile + "  ana: { policies: [CompanyAdministrator] }\n"
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: catalog})
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
	if err := json.Unmarshal([]byte(s.mustCLI(s.admin("console-link", "--company", "acme", "--user", "ana", "--json")...)), &link); err != nil {
		t.Fatal(err)
	}
	shown := s.mustCLI(s.admin("console-link", "--company", "acme", "--user", "ana", "--url", "https://api.example.com/")...)
	if !strings.HasPrefix(shown, "https://api.example.com/console/#/sign-in?code=") {
		t.Errorf("the command prints %s", shown)
	}
	if _, stderr, err := s.cli(s.admin("console-link", "--company", "acme", "--user", "anna")...); err == nil || !strings.Contains(stderr, "did you mean \"ana\"?") {
		t.Errorf("an unknown user: %v, %s", err, stderr)
	}
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
	s.mustCLI(s.admin("keys", "revoke", link.Key)...)
	s.Get("/api/v1/keys", session.Access).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Post("/api/v1/auth/session", "", body).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
}
