package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// Commands about keys and the cache print what they have done, or fail and say why.
func TestCommandsOfKeysAndCache(t *testing.T) {
	e := servertest.Engines[0]
	catalog := servertest.Files(e)
	catalog["acme/default/cached.sql"] = "/*---\nsource: main\nlimits: { cache: 1h }\n---*/\nSELECT regiao FROM vendas"
	s := serveProgram(t, programConfig{sources: e.Source(t, t.TempDir(), servertest.Sales).Directive(), files: catalog})
	key, token := s.CreateKeyAndLogin("acme", "integration")
	if out := s.mustCLI("keys", "list", "--company", "acme"); !strings.Contains(out, key.Key) || strings.Contains(out, key.Secret) {
		t.Errorf("keys list printed %s", out)
	}
	s.Execute("cached", token, `{}`).Want(http.StatusOK)
	for _, test := range []struct{ options, want string }{
		{"--company globex", "0 results were forgotten.\n"},
		{"--company acme --endpoint default/few", "0 results were forgotten.\n"},
		{"--company acme --endpoint default/cached", "1 results were forgotten.\n"},
	} {
		if out := s.mustCLI(append([]string{"cache", "purge"}, strings.Fields(test.options)...)...); out != test.want {
			t.Errorf("cache purge %s: %s", test.options, out)
		}
	}
	s.mustCLI("cache", "purge")
	s.mustRefuse(map[string]string{
		"keys create --company acme --user nobody": "nobody",
		"cache purge --company globax":             `did you mean "globex"?`,
		"cache purge --endpoint default/cached":    "company",
	})
}
