package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// The command prints what the server gives, and without its databases all but the columns.
func TestOpenAPICommandNeedsNoServer(t *testing.T) {
	t.Parallel()
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
