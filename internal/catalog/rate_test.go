package catalog_test

import (
	"fmt"
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
	}), dialects...)
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

func TestQuotas(t *testing.T) {
	snapshot, err := catalog.Load(build(t, files{
		"acme/company.yaml": `quota: [100000 calls/1d, 5000000 rows/1mo]
key_quota: 1000 calls/1h
users:
  default: {}
  own: { quota: 7 rows/1d, key_quota: [5 calls/1h, 50 calls/1d] }
  free: { quota: unlimited, key_quota: unlimited }
`,
		"globex/company.yaml": "users: { default: {} }\n",
	}), dialects...)
	if err != nil {
		t.Fatal(err)
	}
	acme, globex := snapshot.Companies()["acme"], snapshot.Companies()["globex"]
	for what, got := range map[string]any{
		"[100000 calls/1d 5000000 rows/1mo]":   acme.Quota,
		"[] [1000 calls/1h]":                   []any{acme.Users["default"].Quota, acme.Users["default"].KeyQuota},
		"[7 rows/1d] [5 calls/1h 50 calls/1d]": []any{acme.Users["own"].Quota, acme.Users["own"].KeyQuota},
		"[] []":                                []any{acme.Users["free"].Quota, acme.Users["free"].KeyQuota},
		"[] [] []":                             []any{globex.Quota, globex.Users["default"].Quota, globex.Users["default"].KeyQuota},
	} {
		text := fmt.Sprint(got)
		if parts, ok := got.([]any); ok {
			text = fmt.Sprint(parts...)
		}
		if text != what {
			t.Errorf("got %s, want %s", text, what)
		}
	}
}
