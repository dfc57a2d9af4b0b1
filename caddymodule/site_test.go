package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// site is a site that is written as a Caddyfile, in a Caddy inside this process. It serves HTTP.
type site struct{ *running }

// serveSite serves what a site block holds, with these endpoints, and logs in.
func serveSite(t *testing.T, block string, endpoints map[string]string) *site {
	t.Helper()
	s := &site{run(t)}
	s.mustServe(block, catalogOf(t, endpoints))
	return s
}

func (s *site) mustServe(block, catalog string) {
	s.t.Helper()
	text := fmt.Sprintf("{\n\tadmin 127.0.0.1:%d\n\tpersist_config off\n\tstorage file_system %s\n\tdata_api {\n\t\tcatalog %s\n\t\tstore bbolt %s\n\t\tsource main sqlite %s\n\t}\n}\nhttp://127.0.0.1:%d {\n%s\n}\n",
		s.admin, filepath.Join(s.dir, "caddy"), catalog, filepath.Join(s.dir, "store.db"), s.database, s.port, block)
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := caddy.Load(adapted, true); err != nil {
		s.t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	for _, port := range []int{s.port, s.admin} {
		servertest.AwaitOneListener(port)
	}
}

// send sends a request with header fields, each a name and a value, and returns the answer and its body.
func (s *site) send(method, path, body string, headers ...string) (reply, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.url(path), strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{response}, string(answer)
}

// reply is an answer whose body was read and closed.
type reply struct{ *http.Response }

// url returns where a path of the site is; a whole URL stays.
func (s *site) url(path string) string {
	if strings.HasPrefix(path, "http") {
		return path
	}
	return fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path)
}

// tokenAt makes a key and exchanges it for an access token, below a prefix.
func (s *site) tokenAt(prefix string) string {
	s.t.Helper()
	company, key, secret := s.newKey()
	answer, body := s.send(http.MethodPost, prefix+"/api/v1/auth/api-key", fmt.Sprintf(`{"company_slug": %q, "api_key": %q, "api_secret": %q}`, company, key, secret))
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &tokens); err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("the token: %d %s", answer.StatusCode, body)
	}
	return tokens.Access
}
