package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// soon waits for what a server does in its own time.
func (s *server) soon(what string, holds func() bool) {
	s.T.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.T.Fatalf("%s: not within 30 s\n%s", what, s.Log)
		}
	}
}

// twoCompanies are a table of which acme's endpoints read different columns, and a company with whom one of them is shared.
const twoCompaniesTable = `CREATE TABLE orders (id int, city text, total numeric(10,2)); INSERT INTO orders VALUES (1, 'Recife', 10.50);
	GRANT SELECT ON orders TO data_api_reader`

func twoCompanies() map[string]string {
	endpoint := func(header, statement string) string { return "/*---\nsource: main\n" + header + "---*/\n" + statement }
	return map[string]string{
		"acme/company.yaml":        companyFile,
		"acme/default/ids.sql":     endpoint("", "SELECT id FROM orders"),
		"acme/default/totals.sql":  endpoint("", "SELECT id, total FROM orders"),
		"acme/default/shared.sql":  endpoint("params: { city: { type: string } }\nshare: { globex: {} }\n", "SELECT id FROM orders WHERE city = @city"),
		"globex/company.yaml":      "users:\n  bi: { policies: [DataAPIConsumer], share_context: { city: Recife } }\n  erp: { policies: [DataAPIConsumer] }\n",
		"globex/default/whole.sql": endpoint("", "SELECT * FROM orders"),
	}
}

// A column that is renamed under one endpoint stops that endpoint and nothing else: not the reload, not a restart, no other
// endpoint and no other site.
func TestAFaultOfOneEndpointStopsNoOther(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(twoCompaniesTable)
	s := newServer(t, serverConfig{sources: `source main postgres "` + db.ReaderDSN + `"`, files: twoCompanies()})
	acme, globex := s.Login("acme", "integration").Access, s.Login("globex", "erp").Access
	s.Execute("totals", acme, `{}`).Want(http.StatusOK)
	status := func() string { return s.mustCLI(s.admin("status")...) }
	if got := status(); strings.Contains(got, "FAULTS") {
		t.Fatal(got)
	}

	db.Exec("ALTER TABLE orders RENAME COLUMN total TO amount")
	s.Execute("totals", acme, `{}`).Problem(http.StatusInternalServerError, "INTERNAL_ERROR")
	const fault = `totals.sql:4:12: column "total" does not exist`
	s.soon("status shows that a run was refused", func() bool { return strings.Contains(status(), fault) })
	if got := status(); !strings.Contains(got, "; it stays live as it is\n") {
		t.Errorf("status does not say what is live:\n%s", got)
	}

	others := func() {
		t.Helper()
		s.Execute("ids", acme, `{}`).Want(http.StatusOK)
		s.Execute("whole", globex, `{}`).Want(http.StatusOK)
		s.Execute("shared", globex, `{"city":"Recife"}`).Want(http.StatusOK)
		s.Execute("totals", acme, `{}`).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
		if got := status(); !strings.Contains(got, fault) || !strings.Contains(got, "; the endpoint is not published\n") {
			t.Errorf("status does not show what is left out:\n%s", got)
		}
		if log := s.Log.String(); !strings.Contains(log, "what is at fault is left out, and everything else is served") || !strings.Contains(log, "totals.sql:4:12") {
			t.Errorf("the log does not name what is left out:\n%s", log)
		}
	}
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	others()
	s.stop()
	s.start()
	others()

	db.Exec("ALTER TABLE orders RENAME COLUMN amount TO total")
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	s.Execute("totals", acme, `{}`).Want(http.StatusOK)
	if got := status(); strings.Contains(got, "FAULTS") {
		t.Error(got)
	}
}

// A fault that a run has met goes when a run succeeds.
func TestAFaultOfARunGoesWithIt(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(twoCompaniesTable + `; CREATE FUNCTION inside() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM orders); END $$`)
	files := twoCompanies()
	files["acme/default/inside.sql"] = "/*---\nsource: main\n---*/\nSELECT inside() AS n"
	s := newServer(t, serverConfig{sources: `source main postgres "` + db.ReaderDSN + `"`, files: files})
	token := s.Login("acme", "integration").Access
	status := func() string { return s.mustCLI(s.admin("status")...) }

	db.Exec("ALTER TABLE orders RENAME TO moved")
	for _, slug := range []string{"totals", "inside"} {
		s.Execute(slug, token, `{}`).Problem(http.StatusInternalServerError, "INTERNAL_ERROR")
	}
	s.soon("both are in status", func() bool {
		return strings.Contains(status(), `totals.sql:4:23: relation "orders" does not exist`) && strings.Contains(status(),
			`inside.sql:4:1: the source accepts the statement, and it fails when it runs: relation "orders" does not exist (SQLSTATE 42P01); it stays live as it is`)
	})
	db.Exec("ALTER TABLE moved RENAME TO orders")
	for _, slug := range []string{"totals", "inside"} {
		s.Execute(slug, token, `{}`).Want(http.StatusOK)
	}
	s.soon("neither is any more", func() bool { return !strings.Contains(status(), "FAULTS") })
}

// What a company takes back stops of another company no more than it must, also at a reload and a restart.
func TestAShareThatIsTakenBackStopsOneUser(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(twoCompaniesTable)
	files := twoCompanies()
	s := newServer(t, serverConfig{sources: `source main postgres "` + db.ReaderDSN + `"`, files: files})
	key, bi := s.CreateKeyAndLogin("globex", "bi")
	erp := s.Login("globex", "erp").Access
	s.Execute("shared", bi, `{"city":"Recife"}`).Want(http.StatusOK)

	s.WriteCatalog("acme/default/shared.sql", strings.Replace(files["acme/default/shared.sql"], "share: { globex: {} }\n", "", 1))
	s.soon("the share is gone", func() bool { return s.Execute("shared", erp, `{"city":"Recife"}`).Status == http.StatusNotFound })
	s.Execute("whole", bi, `{}`).Want(http.StatusOK) // a running server takes nothing back for another company's change

	for _, again := range []func(){
		func() {
			if err := s.reload(); err != nil {
				t.Fatal(err)
			}
		},
		func() { s.stop(); s.start() },
	} {
		again()
		s.Execute("whole", erp, `{}`).Want(http.StatusOK)
		s.Execute("ids", s.Login("acme", "integration").Access, `{}`).Want(http.StatusOK)
		body := fmt.Sprintf(`{"company_slug":"globex","api_key":%q,"api_secret":%q}`, key.Key, key.Secret)
		s.Post("/api/v1/auth/api-key", "", body).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		const want = `globex/company.yaml:2:55: users.bi.share_context constrains "city", which is a parameter of no endpoint of company globex, nor of one shared with it; the user is refused, and the rest of the file is live`
		if status := s.mustCLI(s.admin("status")...); !strings.Contains(status, want) {
			t.Errorf("status:\n%s", status)
		}
	}
}

// Columns that change are told in the list, in OpenAPI and as a warning as soon as a call has met them.
func TestColumnsThatChangeAreTold(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(twoCompaniesTable)
	s := newServer(t, serverConfig{sources: `source main postgres "` + db.ReaderDSN + `"`, files: twoCompanies()})
	token := s.Login("globex", "erp").Access
	list := func() string { return string(s.Get("/api/v1/data-api", token).Want(http.StatusOK).Body) }
	document := func() answer { return s.Get("/api/v1/data-api/openapi.json", token).Want(http.StatusOK) }
	before := document()
	if strings.Contains(list(), "note") {
		t.Fatal(list())
	}
	db.Exec("ALTER TABLE orders ADD COLUMN note text, ALTER COLUMN id TYPE bigint, DROP COLUMN total")
	s.Execute("whole", token, `{}`).Want(http.StatusOK)
	s.soon("the list tells", func() bool { return strings.Contains(list(), `"name":"note"`) })
	if strings.Contains(list(), `"name":"total"`) {
		t.Error(list())
	}
	after := document()
	if after.Header.Get("ETag") == before.Header.Get("ETag") || !strings.Contains(string(after.Body), `"note"`) {
		t.Errorf("the document is the same: %s", after.Header.Get("ETag"))
	}
	const want = "whole.sql:4:1: the result has other columns than when the endpoint was published: id is bigint and was integer, total is gone, note (varchar) is new"
	s.soon("status warns", func() bool { return strings.Contains(s.mustCLI(s.admin("status")...), want) })
	if !strings.Contains(s.Log.String(), want) {
		t.Error("the log does not warn")
	}
}

// Pipelines check the catalog of a configuration against its databases, and strict configurations refuse a fault.
func TestCheckAndStrict(t *testing.T) {
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	db.Exec(twoCompaniesTable)
	s := newServer(t, serverConfig{sources: `source main postgres "` + db.ReaderDSN + `"`, files: twoCompanies()})
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
	s.WriteCatalog("acme/default/bad.sql", "SELECT 1")
	if _, stderr, err := s.cli("validate", "--config", strict); err == nil || !strings.Contains(stderr, "bad.sql:1:1:") {
		t.Errorf("%v\n%s", err, stderr)
	}

	cluster.Stop(t)
	defer cluster.Start(t)
	for path, text := range twoCompanies() {
		s.WriteCatalog(path, text)
	}
	if err := os.Remove(filepath.Join(s.Dir, "catalog/acme/default/bad.sql")); err != nil {
		t.Fatal(err)
	}
	out, err = check()
	if !isExit(err) || !strings.Contains(out, "4 endpoints could not be checked") || !strings.Contains(out, "source main cannot be asked about the statement") {
		t.Errorf("a check that could not check: %v\n%s", err, out)
	}
}
