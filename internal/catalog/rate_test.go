package catalog_test

import (
	"testing"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

func TestRates(t *testing.T) {
	snapshot, err := catalog.Load(build(t, files{
		"acme/company.yaml": `rate: 100/1m burst 20
users:
  default: {}
  own: { rate: 5/1s }
  free: { rate: unlimited }
`,
		"acme/default/limited.sql": "/*---\nsource: main\nrate: 10/1h\n---*/\nSELECT 1 AS one",
		"acme/default/free.sql":    "/*---\nsource: main\n---*/\nSELECT 1 AS one",
		"globex/company.yaml":      "users: { default: {} }\n",
	}), catalog.Dialects...)
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{"default": "100/1m burst 20", "own": "5/1s", "free": "unlimited"} {
		if got := snapshot.Companies()["acme"].Users[user].Rate.String(); got != want {
			t.Errorf("%s: %s, want %s", user, got, want)
		}
	}
	if got := snapshot.Companies()["globex"].Users["default"].Rate; got.Limits() {
		t.Errorf("without a rate: %s", got)
	}
	for slug, want := range map[string]string{"limited": "10/1h", "free": "unlimited"} {
		endpoint, _, _ := snapshot.Find("acme", "default", slug)
		if got := endpoint.Rate.String(); got != want {
			t.Errorf("%s: %s, want %s", slug, got, want)
		}
	}
}
