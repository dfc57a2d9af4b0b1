package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Commands print what they have done, or fail and say why.
func TestCommands(t *testing.T) {
	t.Parallel()
	t.Run("openapi", openAPICommandNeedsNoServer)
	t.Run("keys and cache", keysAndCache)
}

func keysAndCache(t *testing.T) {
	e := engines[0]
	catalog := files(e)
	catalog["acme/default/cached.sql"] = "/*---\nsource: main\nlimits: { cache: 1h }\n---*/\nSELECT regiao FROM vendas"
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: catalog})
	key, token := s.CreateKeyAndLogin("acme", "integration")
	if out := s.mustCLI(s.admin("keys", "list", "--company", "acme")...); !strings.Contains(out, key.Key) || strings.Contains(out, key.Secret) {
		t.Errorf("keys list printed %s", out)
	}
	s.Execute("cached", token, `{}`).Want(http.StatusOK)
	for _, test := range []struct{ options, want string }{
		{"--company globex", "0 results were forgotten.\n"},
		{"--company acme --endpoint default/few", "0 results were forgotten.\n"},
		{"--company acme --endpoint default/cached", "1 results were forgotten.\n"},
	} {
		if out := s.mustCLI(s.admin(append([]string{"cache", "purge"}, strings.Fields(test.options)...)...)...); out != test.want {
			t.Errorf("cache purge %s: %s", test.options, out)
		}
	}
	s.mustCLI(s.admin("cache", "purge")...)
	for line, want := range map[string]string{
		"keys create --company acme --user nobody": "nobody",
		"cache purge --company globax":             `did you mean "globex"?`,
		"cache purge --endpoint default/cached":    "company",
	} {
		if _, stderr, err := s.cli(s.admin(strings.Fields(line)...)...); !isExit(err) || !strings.Contains(stderr, want) {
			t.Errorf("%s: %v %s", line, err, stderr)
		}
	}
}

// The command prints what the server gives, and without its databases all but the columns.
func openAPICommandNeedsNoServer(t *testing.T) {
	s := demoServer(t)
	token := s.Login("globex", "austin-office").Access
	served := string(s.Get("/api/v1/data-api/openapi.json", token).Want(http.StatusOK).Body)
	if printed := s.mustCLI("data-api", "openapi", "--company", "globex", "--user", "austin-office", "--config", s.caddyfile); printed != served {
		t.Errorf("printed: %s\nserved: %s", printed, served)
	}
	catalog := filepath.Join(s.Dir, "catalog")
	printed := s.mustCLI("data-api", "openapi", "--company", "acme", "--catalog", catalog, "--server", "https://api.example.com")
	document, err := openapi3.NewLoader().LoadFromData([]byte(printed))
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Fatalf("the document is no OpenAPI 3.1: %v", err)
	}
	if document.Servers[0].URL != "https://api.example.com" || document.Paths.Value("/api/v1/data-api/default/vendas-por-regiao/execute") == nil {
		t.Errorf("%s", printed)
	}
	for want, args := range map[string][]string{
		`has no user "nobody"; there is ana, housing-reader and integration`: {"--company", "acme", "--user", "nobody", "--catalog", catalog},
		`There is no company "nothing"`:                                      {"--company", "nothing", "--catalog", catalog},
		`no data_api app is configured`:                                      {"--company", "acme", "--config", emptyConfig(t)},
	} {
		if _, stderr, err := s.cli(append([]string{"data-api", "openapi"}, args...)...); err == nil || !strings.Contains(stderr, want) {
			t.Errorf("%q: %v, %s", args, err, stderr)
		}
	}
}

func emptyConfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(path, []byte(":0 {\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
