package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/solucao42/caddy-data-api/caddymodule"
)

// validate provisions a JSON configuration and cleans it up again, as `caddy validate` does.
func validate(t *testing.T, apps string) error {
	t.Helper()
	var config caddy.Config
	text := fmt.Sprintf(`{"admin":{"disabled":true},"apps":{%s}}`, apps)
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	return caddy.Validate(&config)
}

// catalog writes a catalog with one endpoint on the source main and returns its directory.
func catalog(t *testing.T, endpoint string) string {
	t.Helper()
	directory := t.TempDir()
	for path, content := range map[string]string{
		"acme/company.yaml":     "name: Acme\n",
		"acme/default/test.sql": endpoint,
	} {
		full := filepath.Join(directory, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

const good = "/*---\nsource: main\n---*/\nSELECT 1 AS one"

// The three modules compose apart from the directive, each in a route of its own.
const composed = `"http": {"servers": {"api": {"listen": ["127.0.0.1:0"], "routes": [
	{"match": [{"path": ["/api/v1/auth/api-key"]}], "handle": [{"handler": "data_api_token"}]},
	{"handle": [{"handler": "authentication", "providers": {"data_api_jwt": {}}}, {"handler": "data_api_execute", "max_body": 1024}]}
]}}}`

func TestValidateOpensNothing(t *testing.T) {
	store := filepath.Join(t.TempDir(), "made", "only", "when", "started.db")
	err := validate(t, fmt.Sprintf(`"data_api": {"catalog": %q, "store": {"store": "bbolt", "path": %q}, "sources": {
		"main": {"source": "postgres", "dsn": "postgres://nobody@127.0.0.1:1/none"}, "file": {"source": "sqlite", "path": "/does/not/exist.db"}}}, %s`,
		catalog(t, good), store, composed))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(store)); err == nil {
		t.Error("validation made the store's directory")
	}
}

func TestFaultyConfigurations(t *testing.T) {
	const sources, strict = `"sources": {"main": {"source": "sqlite", "path": "x.db"}}`, `, "strict": true`
	app := func(directory, rest string) string {
		return fmt.Sprintf(`"data_api": {"catalog": %q, %s}`, directory, rest)
	}
	t.Setenv("EMPTY_SECRET", "")
	for name, test := range map[string]struct{ apps, want string }{
		"no app":              {composed, "the data_api app is not configured"},
		"no source":           {app(catalog(t, good), `"store": {"store": "bbolt", "path": "x"}`), "sources are missing"},
		"store without dsn":   {app(catalog(t, good), `"store": {"store": "postgres"}, `+sources), "data_api.stores.postgres: dsn is missing"},
		"store's schema":      {app(catalog(t, good), `"store": {"store": "postgres", "dsn": "host=x", "schema": "Data API"}, `+sources), `schema is "Data API"`},
		"store's connections": {app(catalog(t, good), `"store": {"store": "postgres", "dsn": "host=x", "max_conns": 1}, `+sources), "max_conns is 1: it must lie between 2 and 1000"},
		"unknown field":       {app(catalog(t, good), sources+`, "catalogue": "x"`), "unknown field"},
		"no catalog there":    {app(filepath.Join(t.TempDir(), "nowhere"), sources), "nowhere"},
		"faulty endpoint":     {app(catalog(t, "/*---\nsource: main\nmode: later\n---*/\nSELECT 1 AS one"), sources+strict), "test.sql:3:7: mode must be sync or async"},
		"unknown source":      {app(catalog(t, "/*---\nsource: warehouse\n---*/\nSELECT 1 AS one"), sources+strict), `test.sql:2:9: source "warehouse" is not configured; configured are main`},
		"unused parameter":    {app(catalog(t, "/*---\nsource: main\n---*/\nSELECT @x AS one"), sources+strict), "test.sql:4:8:"},
		"near source":         {app(catalog(t, "/*---\nsource: mian\n---*/\nSELECT 1 AS one"), sources+strict), `source "mian" is not configured; configured are main; did you mean main?`},
		"missing variable":    {app(catalog(t, good), `"sources": {"main": {"source": "postgres", "dsn": "postgres://u:{env.NOT_SET_ANYWHERE}@db/x"}}`), "placeholder has no value"},
		"empty variable":      {app(catalog(t, good), sources+`, "tokens": {"hs256_secret": "{env.EMPTY_SECRET}"}`), "placeholder has no value"},
		"short secret":        {app(catalog(t, good), sources+`, "tokens": {"hs256_secret": "short"}`), "HS256 needs at least 32"},
		"sqlite, no path":     {app(catalog(t, good), `"sources": {"main": {"source": "sqlite"}}`), "path is missing"},
		"too many conns":      {app(catalog(t, good), `"sources": {"main": {"source": "sqlite", "path": "x", "max_conns": 1000000}}`), "max_conns is 1000000"},
		"negative max_body":   {app(catalog(t, good), sources) + `,` + strings.Replace(composed, "1024", "-1", 1), "max_body is -1"},
	} {
		t.Run(name, func(t *testing.T) {
			err := validate(t, test.apps)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			// What is at fault in the catalog is left out unless the configuration is strict.
			if lenient := strings.Replace(test.apps, strict, "", 1); lenient != test.apps {
				if err := validate(t, lenient); err != nil {
					t.Errorf("a configuration that is not strict is refused: %v", err)
				}
			}
		})
	}
}
