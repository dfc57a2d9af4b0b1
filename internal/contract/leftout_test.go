package contract

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// status is what the operator is told of the catalog: its faults, and what is doubtful.
func (s *server) status() string {
	var told strings.Builder
	catalog := s.Configuration().Catalog()
	if len(catalog.Diagnostics()) > 0 {
		told.WriteString("FAULTS\n")
	}
	for _, fault := range append(catalog.Diagnostics(), catalog.Warnings()...) {
		told.WriteString(fault.WithEffect() + "\n")
	}
	return told.String()
}

// soon waits for what a server does in its own time.
func (s *server) soon(what string, holds func() bool) {
	s.T.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.T.Fatalf("%s: not within %s\n%s", what, patience, s.Log)
		}
	}
}

// A column that is renamed under one endpoint stops that endpoint and nothing else: not the reload, not a restart, no other
// endpoint and no other site.
func TestAFaultOfOneEndpointStopsNoOther(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(servertest.TwoCompaniesTable)
	s := newServer(t, servertest.Config{Database: servertest.PostgresOf(db), Files: servertest.TwoCompanies()})
	acme, globex := s.Login("acme", "integration").Access, s.Login("globex", "erp").Access
	s.Execute("totals", acme, `{}`).Want(http.StatusOK)
	status := s.status
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
	s.Reload()
	others()
	s.Restart()
	others()

	db.Exec("ALTER TABLE orders RENAME COLUMN amount TO total")
	s.Reload()
	s.Execute("totals", acme, `{}`).Want(http.StatusOK)
	if got := status(); strings.Contains(got, "FAULTS") {
		t.Error(got)
	}
}

// A fault that a run has met goes when a run succeeds.
func TestAFaultOfARunGoesWithIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(servertest.TwoCompaniesTable + `; CREATE FUNCTION inside() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM orders); END $$`)
	files := servertest.TwoCompanies()
	files["acme/default/inside.sql"] = "/*---\nsource: main\n---*/\nSELECT inside() AS n"
	s := newServer(t, servertest.Config{Database: servertest.PostgresOf(db), Files: files})
	token := s.Login("acme", "integration").Access
	status := s.status

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
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(servertest.TwoCompaniesTable)
	files := servertest.TwoCompanies()
	s := newServer(t, servertest.Config{Database: servertest.PostgresOf(db), Files: files})
	key, bi := s.CreateKeyAndLogin("globex", "bi")
	erp := s.Login("globex", "erp").Access
	s.Execute("shared", bi, `{"city":"Recife"}`).Want(http.StatusOK)

	s.WriteCatalog("acme/default/shared.sql", strings.Replace(files["acme/default/shared.sql"], "share: { globex: {} }\n", "", 1))
	s.soon("the share is gone", func() bool { return s.Execute("shared", erp, `{"city":"Recife"}`).Status == http.StatusNotFound })
	s.Execute("whole", bi, `{}`).Want(http.StatusOK) // a running server takes nothing back for another company's change

	for _, again := range []func(){
		func() {
			s.Reload()
		},
		s.Restart,
	} {
		again()
		s.Execute("whole", erp, `{}`).Want(http.StatusOK)
		s.Execute("ids", s.Login("acme", "integration").Access, `{}`).Want(http.StatusOK)
		body := fmt.Sprintf(`{"company_slug":"globex","api_key":%q,"api_secret":%q}`, key.Key, key.Secret)
		s.Post("/api/v1/auth/api-key", "", body).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		const want = `globex/company.yaml:2:55: users.bi.share_context constrains "city", which is a parameter of no endpoint of company globex, nor of one shared with it; the user is refused, and the rest of the file is live`
		if status := s.status(); !strings.Contains(status, want) {
			t.Errorf("status:\n%s", status)
		}
	}
}

// Columns that change are told in the list, in OpenAPI and as a warning as soon as a call has met them.
func TestColumnsThatChangeAreTold(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(servertest.TwoCompaniesTable)
	s := newServer(t, servertest.Config{Database: servertest.PostgresOf(db), Files: servertest.TwoCompanies()})
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
	s.soon("status warns", func() bool { return strings.Contains(s.status(), want) })
	s.soon("the log warns", func() bool { return strings.Contains(s.Log.String(), want) })
}
