package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/examples/demo/demodata"
)

// demoServer serves the demo's catalog and data.
func demoServer(t *testing.T) *server {
	t.Helper()
	s := unstarted(t)
	database := filepath.Join(s.Dir, "demo.db")
	if _, err := demodata.Ensure(database, "../../examples/data/txhousing.csv.gz"); err != nil {
		t.Fatal(err)
	}
	catalog, err := filepath.Abs("../../examples/catalog")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(catalog, filepath.Join(s.Dir, "catalog")); err != nil {
		t.Fatal(err)
	}
	s.caddyfile = filepath.Join(s.Dir, "Caddyfile")
	s.writeCaddyfile("source demo sqlite "+database, "")
	s.start()
	t.Cleanup(s.stop)
	return s
}

// The quick build that the demo uses registers the same modules as the one of xcaddy.sh: those of the packages that it is made of, and it is made
// of the same. That is known without linking it.
func TestQuickBuildHasTheSameModules(t *testing.T) {
	t.Parallel()
	run := func(program string, args ...string) []string {
		t.Helper()
		command := exec.Command(program, args...)
		command.Dir = "../.."
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))
	}
	list := []string{"list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}"}
	quick := run("go", append(list, "./internal/cmd/caddy")...)
	quick = slices.DeleteFunc(quick, func(path string) bool { return strings.HasSuffix(path, "/internal/cmd/caddy") })
	// xcaddy makes a program of Caddy's command, its standard modules, and the plug-ins that it is given: this module's root.
	full := run("go", append(list, "github.com/caddyserver/caddy/v2/cmd", "github.com/caddyserver/caddy/v2/modules/standard", ".")...)
	full = slices.DeleteFunc(full, func(path string) bool { return strings.HasSuffix(path, "/caddy-data-api") })
	slices.Sort(quick)
	slices.Sort(full)
	if !slices.Equal(quick, full) {
		t.Errorf("the quick build is made of\n%s\nxcaddy's of\n%s", quick, full)
	}
	registered := run(builtBinary(t), "list-modules")
	for _, module := range []string{
		"data_api", "data_api.stores.bbolt", "data_api.sources.sqlite", "data_api.sources.postgres", "admin.api.data_api",
		"http.handlers.data_api_token", "http.handlers.data_api_execute", "http.authentication.providers.data_api_jwt",
	} {
		if !slices.Contains(registered, module) {
			t.Errorf("%s is not registered", module)
		}
	}
}
