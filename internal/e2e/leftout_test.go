package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// Pipelines check the catalog of a configuration against its databases, and strict configurations refuse a fault. A second server on
// the same store is told that another one holds it.
func TestCheckAndStrict(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	db.Exec(servertest.TwoCompaniesTable)
	s := newServer(t, serverConfig{sources: `source main postgres "` + db.ReaderDSN + `"`, files: servertest.TwoCompanies()})
	check := func() (string, error) {
		out, stderr, err := s.cli("data-api", "check", "--config", s.caddyfile)
		return out + stderr, err
	}
	if out, err := check(); err != nil || !strings.Contains(out, "2 companies, 4 endpoints, no faults") {
		t.Fatalf("%v\n%s", err, out)
	}
	s.WriteCatalog("acme/default/totals.sql", "/*---\nsource: main\ncolumns: { totl: { type: decimal, scale: 1 } }\n---*/\nSELECT total FROM orders")
	s.WriteCatalog("acme/default/ids.sql", "/*---\nsource: main\n---*/\nSELECT nosuch FROM orders")
	out, err := check()
	if !isExit(err) || !strings.Contains(out, `ids.sql:4:8: column "nosuch" does not exist`) || !strings.Contains(out, ": 2 faults") ||
		!strings.Contains(out, `totals.sql:3:12: columns: the result has no column "totl"; did you mean total? Allowed are total`) {
		t.Errorf("%v\n%s", err, out)
	}
	if out, stderr, err := s.cli("data-api", "check", filepath.Join(s.Dir, "catalog")); err != nil {
		t.Errorf("without a database there is no fault: %v\n%s%s", err, out, stderr)
	}
	if err := s.reload(); err != nil {
		t.Errorf("a configuration that is not strict is refused: %v", err)
	}

	content, err := os.ReadFile(s.caddyfile)
	if err != nil {
		t.Fatal(err)
	}
	strict := filepath.Join(s.Dir, "Caddyfile.strict")
	if err := os.WriteFile(strict, []byte(strings.Replace(string(content), "\t\tstore ", "\t\tstrict\n\t\tstore ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, err := s.cli("reload", "--force", "--config", strict, "--address", "unix/"+s.adminSocket())
	if err == nil || !strings.Contains(stderr, "ids.sql:4:8:") {
		t.Errorf("a strict configuration is accepted: %v\n%s", err, stderr)
	}
	if _, stderr, err := s.cli("validate", "--config", strict); err != nil { // it asks no database
		t.Errorf("%v\n%s", err, stderr)
	}
	s.WriteCatalog("acme/default/bad.sql", "/*---\nsource: elsewhere\nlimits: { max_rows: 0 }\n---*/\nSELECT 1 AS one")
	if _, stderr, err := s.cli("validate", "--config", strict); err == nil || !strings.Contains(stderr, "bad.sql:3:") {
		t.Errorf("validate accepts a bad catalog: %v\n%s", err, stderr)
	}
	if out, stderr, err := s.cli("data-api", "check", filepath.Join(s.Dir, "catalog")); !isExit(err) || !strings.Contains(out+stderr, "bad.sql:3:") {
		t.Errorf("check: %v\n%s%s", err, out, stderr)
	}
	other := filepath.Join(s.Dir, "Caddyfile.second")
	second := strings.NewReplacer("admin.sock", "admin2.sock", fmt.Sprint(":", s.port), fmt.Sprint(":", servertest.FreePort(t))).Replace(string(content))
	if err := os.WriteFile(other, []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, err := s.cli("run", "--config", other); err == nil || !strings.Contains(stderr, "another process holds") {
		t.Errorf("a second server on one store: %v\n%s", err, stderr)
	}

	for path, text := range servertest.TwoCompanies() {
		s.WriteCatalog(path, text)
	}
	if err := os.Remove(filepath.Join(s.Dir, "catalog/acme/default/bad.sql")); err != nil {
		t.Fatal(err)
	}
	if out := s.mustCLI("data-api", "check", filepath.Join(s.Dir, "catalog")); !strings.Contains(out, "no faults") {
		t.Errorf("check of a good catalog printed %q", out)
	}
	if _, stderr, err := s.cli("reload", "--force", "--config", strict, "--address", "unix/"+s.adminSocket()); err != nil {
		t.Errorf("a strict configuration without a fault is refused: %v\n%s", err, stderr)
	}

	cluster.Stop(t)
	defer cluster.Start(t)
	out, err = check()
	if !isExit(err) || !strings.Contains(out, "4 endpoints could not be checked") || !strings.Contains(out, "source main cannot be asked about the statement") {
		t.Errorf("a check that could not check: %v\n%s", err, out)
	}
}
