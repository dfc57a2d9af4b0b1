package docs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/solucao42/caddy-data-api/caddymodule"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/internal/source/sqlite"
)

// example is a fenced block of the documentation.
type example struct {
	place    string // file:line
	language string
	text     string
}

// languages are those that blocks may have. Each has one, so that none of those that are loaded can be missed.
var languages = []string{"caddyfile", "sql", "yaml", "json", "http", "text", "nginx", "mermaid", "sh", "js", "ts", "go"}

// loaders load an example of a language.
var loaders = map[string]func(*testing.T, string) error{
	"caddyfile": loadCaddyfile,
	"yaml":      loadYAML,
	"go":        findExcerpt,
	"sql":       func(t *testing.T, text string) error { return loadCatalog(t, files{"acme/default/example.sql": text}) },
	"json": func(_ *testing.T, text string) error {
		if !json.Valid([]byte(text)) {
			return errors.New("it is no JSON")
		}
		return nil
	},
}

// documents are the files whose examples are loaded.
func documents(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.md")
	if err != nil || len(found) < 10 {
		t.Fatal(found, err)
	}
	return append(found, "../README.md", "../CONTRIBUTING.md")
}

func examplesOf(t *testing.T, document string) []example {
	t.Helper()
	var found []example
	var open *example
	for i, line := range strings.SplitAfter(read(t, document), "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &example{place: fmt.Sprintf("%s:%d", document, i+1), language: fence}
			if !slices.Contains(languages, fence) {
				t.Errorf("%s: the block's language is %q; allowed are %q", open.place, fence, languages)
			}
		case isFence:
			found, open = append(found, *open), nil
		case open != nil:
			open.text += line
		}
	}
	if open != nil {
		t.Errorf("%s: the block is not closed", open.place)
	}
	return found
}

// An example that is copied from the documentation loads: endpoint files and their parts, company files,
// Caddyfiles and their parts.
func TestEveryExampleLoads(t *testing.T) {
	loaded := make(map[string]int)
	for _, document := range documents(t) {
		for _, e := range examplesOf(t, document) {
			load, whole := loaders[e.language], document != "guide.md" // which leaves out what is long
			if load == nil || e.language == "sql" && !strings.HasPrefix(e.text, "/*---") || e.language == "json" && !whole {
				continue
			}
			loaded[e.language]++
			t.Run(e.place, func(t *testing.T) {
				if err := load(t, e.text); err != nil {
					t.Errorf("%v\n%s", err, e.text)
				}
			})
		}
	}
	for language, least := range map[string]int{"caddyfile": 9, "yaml": 6, "sql": 3, "json": 5, "go": 5} {
		if loaded[language] < least {
			t.Errorf("%d blocks of %s were loaded, not %d: the test has lost some", loaded[language], language, least)
		}
	}
}

// What README shows from its top on is one server: its Caddyfile, its endpoint and its company load together as they are.
func TestTheFirstExampleIsWhole(t *testing.T) {
	root := t.TempDir()
	var caddyfile string
	for _, e := range examplesOf(t, "../README.md") {
		switch e.language {
		case "caddyfile":
			caddyfile = e.text
		case "sql":
			write(t, root, "catalog/acme/default/vendas-por-regiao.sql", e.text)
		case "yaml":
			path, found := strings.CutPrefix(strings.SplitN(e.text, "\n", 2)[0], "# ")
			if !found {
				t.Fatalf("%s does not say which file it is", e.place)
			}
			write(t, root, path, e.text)
		}
	}
	snapshot, err := catalog.Load(filepath.Join(root, "catalog"), postgres.Dialect, sqlite.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, found := snapshot.Find("acme", "default", "vendas-por-regiao"); !found {
		t.Error("the endpoint is not there")
	}
	if company, found := snapshot.Company("acme"); !found || len(company.Users) == 0 {
		t.Error("the company has no user")
	}
	t.Setenv("WAREHOUSE_URL", "postgres://nobody@127.0.0.1:1/none")
	t.Setenv("STORE_URL", "postgres://nobody@127.0.0.1:1/none")
	t.Setenv("CONSOLE_CLIENT_SECRET", "a-secret-of-the-examples")
	t.Chdir(root)
	if err := provision(caddyfile); err != nil {
		t.Error(err)
	}
}

// files are those of a catalog, by their path in it.
type files map[string]string

// companies are there beside each example.
var companies = files{"acme/company.yaml": "name: Acme\n", "globex/company.yaml": "name: Globex\n"}

// loadYAML loads a company.yaml, or the front matter of an endpoint, or a part of one.
func loadYAML(t *testing.T, text string) error {
	t.Helper()
	// Users' share contexts name parameters, which some endpoint has.
	endpoint := "/*---\nsource: demo\nparams: { city: { type: string } }\n---*/\nSELECT @city AS city\n"
	asCompany := loadCatalog(t, files{"acme/company.yaml": text, "acme/default/example.sql": endpoint})
	if asCompany == nil {
		return nil
	}
	matter, statement := text, "SELECT 1 AS n\n"
	if !regexp.MustCompile(`(?m)^source:`).MatchString(text) {
		matter += "source: demo\n"
	}
	if regexp.MustCompile(`(?m)^share:`).MatchString(text) && !regexp.MustCompile(`(?m)^params:`).MatchString(text) {
		matter += "params: { regiao: { type: string }, meses: { type: integer }, moeda: { type: string } }\n"
		statement = "SELECT @regiao AS regiao, @meses AS meses, @moeda AS moeda\n"
	}
	asMatter := loadCatalog(t, files{"acme/default/example.sql": "/*---\n" + matter + "---*/\n" + statement})
	if asMatter == nil {
		return nil
	}
	return fmt.Errorf("as company.yaml: %w\nas front matter: %w", asCompany, asMatter)
}

func loadCatalog(t *testing.T, given files) error {
	t.Helper()
	root := t.TempDir()
	for _, some := range []files{companies, given} {
		for path, text := range some {
			write(t, root, path, text)
		}
	}
	_, err := catalog.Load(root, postgres.Dialect, sqlite.Dialect)
	return err
}

// findExcerpt finds Go in the files of the example that it is from.
func findExcerpt(t *testing.T, text string) error {
	t.Helper()
	for _, pattern := range []string{"../examples/source-echo/*.go", "../source/example*_test.go"} {
		sources, err := filepath.Glob(pattern)
		if err != nil || len(sources) == 0 {
			t.Fatal(pattern, sources, err)
		}
		for _, path := range sources {
			if strings.Contains(read(t, path), text) {
				return nil
			}
		}
	}
	return errors.New("it is no excerpt of examples/source-echo, nor of the examples of package source")
}

// loadCaddyfile loads a Caddyfile, or a part of one where it belongs: of a site, of the global options, or of data_api in
// them.
func loadCaddyfile(t *testing.T, text string) error {
	t.Helper()
	const needs = "catalog ./catalog\nsource other sqlite ./other.db\n"
	global := text
	if rest, ok := strings.CutPrefix(text, "data_api {\n"); ok {
		global = "data_api {\n" + needs + rest
	}
	contexts := map[string]string{
		"as a file":          text,
		"in a site":          "{\ndata_api {\n" + needs + "}\n}\nhttp://localhost:8080 {\n" + text + "}\n",
		"as global options":  "{\n" + global + "}\n",
		"in global data_api": "{\ndata_api {\n" + needs + text + "}\n}\n",
	}
	if strings.Contains(text, "\n\tdata_api\n") { // a site, whose global options are elsewhere
		contexts["as a file"] = "{\ndata_api {\n" + needs + "}\n}\n" + text
		if strings.HasPrefix(text, "{") {
			contexts["as a file"] = text
		}
	}
	root := t.TempDir()
	for path, text := range companies {
		write(t, root, "catalog/"+path, text)
	}
	t.Setenv("WAREHOUSE_URL", "postgres://nobody@127.0.0.1:1/none")
	t.Setenv("STORE_URL", "postgres://nobody@127.0.0.1:1/none")
	t.Setenv("CONSOLE_CLIENT_SECRET", "a-secret-of-the-examples")
	t.Chdir(root)
	var refusals []string
	for context, whole := range contexts {
		err := provision(strings.ReplaceAll(whole, "/var/log/", root+"/"))
		if err == nil {
			return nil
		}
		refusals = append(refusals, context+": "+err.Error())
	}
	return fmt.Errorf("it loads nowhere:\n%s", strings.Join(refusals, "\n"))
}

// provision adapts a Caddyfile and loads it without starting anything, as `caddy validate` does.
func provision(caddyfile string) error {
	config, err := adapt(caddyfile)
	if err != nil {
		return err
	}
	return caddy.Validate(config)
}

func adapt(caddyfile string) (*caddy.Config, error) {
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return nil, err
	}
	config := new(caddy.Config)
	if err := json.Unmarshal(adapted, config); err != nil {
		return nil, err
	}
	config.Admin = &caddy.AdminConfig{Disabled: true}
	return config, nil
}

func write(t *testing.T, root, path, text string) {
	t.Helper()
	full := filepath.Join(root, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
