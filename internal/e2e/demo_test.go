package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// The quick build that the demo uses registers the same modules as the one of xcaddy.sh.
func TestQuickBuildHasTheSameModules(t *testing.T) {
	t.Parallel()
	quick := filepath.Join(t.TempDir(), "caddy")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", quick, "../cmd/caddy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	list := func(binary string) string {
		t.Helper()
		out, err := exec.Command(binary, "list-modules").Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	got, want := list(quick), list(builtBinary(t))
	if got != want {
		t.Errorf("the quick build has\n%s\nxcaddy's has\n%s", got, want)
	}
	for _, module := range []string{
		"data_api", "data_api.stores.bbolt", "data_api.sources.sqlite", "data_api.sources.postgres", "admin.api.data_api",
		"http.handlers.data_api_token", "http.handlers.data_api_execute", "http.authentication.providers.data_api_jwt",
	} {
		if !strings.Contains("\n"+want, fmt.Sprintf("\n%s\n", module)) {
			t.Errorf("%s is not registered", module)
		}
	}
}
