package contract

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// TestRowLevelSecurityOverHTTP: one endpoint, shared by its owner, shows each company its own rows, to those who wait and to
// jobs, directly and through PgBouncer.
func TestRowLevelSecurityOverHTTP(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	login, running := "login_"+db.Name, "running_"+db.Name
	db.Exec(fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD 'data-api-test'; CREATE ROLE %[2]s; GRANT %[2]s TO %[1]s;
		REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC;
		GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO %[1]s;
		CREATE TABLE sales AS SELECT i, c AS company FROM generate_series(1, 3) AS i, unnest(ARRAY['acme', 'globex']) AS c;
		ALTER TABLE sales ENABLE ROW LEVEL SECURITY;
		CREATE POLICY tenant ON sales USING (company = current_setting('data_api.company', true));
		GRANT SELECT ON sales TO %[2]s`, login, running))
	t.Cleanup(func() { db.Exec(fmt.Sprintf("DROP OWNED BY %[1]s, %[2]s; DROP ROLE %[1]s, %[2]s", login, running)) })
	direct := strings.Replace(db.ReaderDSN, "user='"+pgtest.ReaderRole+"'", "user='"+login+"'", 1)
	const statement = "SELECT company, count(*) AS n, current_setting('data_api.user') AS asked FROM sales GROUP BY company"
	for name, config := range map[string]postgres.Config{
		"direct":    {DSN: direct, Role: running, Claims: true},
		"PgBouncer": {DSN: db.NewPgBouncer(2, []string{login}).DSN(login), Role: running, Claims: true, NoStatementCache: true},
	} {
		t.Run(name, func(t *testing.T) {
			sources := map[string]*servertest.Source{
				"main": servertest.PostgresSource(t, config), "open": servertest.PostgresSource(t, postgres.Config{DSN: db.ReaderDSN}),
			}
			s := newServer(t, servertest.Config{Sources: sources, Files: map[string]string{
				"acme/company.yaml":      companyFile + "  colleague: { policies: [DataAPIConsumer] }\n",
				"globex/company.yaml":    "name: Globex\nusers:\n  reader: { policies: [DataAPIConsumer] }\n",
				"acme/default/sales.sql": "/*---\nsource: main\nshare: { globex: {} }\n---*/\n" + statement,
			}})
			personal := map[string]string{} // where a job can be polled, by company
			for company, user := range map[string]string{"acme": "integration", "globex": "reader"} {
				token := s.Login(company, user).Access
				want := fmt.Sprintf(`"rows":[{"company":%q,"n":3,"asked":%q}]`, company, user)
				if got := s.Execute("sales", token, `{}`).Want(http.StatusOK); !strings.Contains(string(got.Body), want) {
					t.Errorf("%s got %s, want %s", company, got.Body, want)
				}
				polling := s.Call("sales", token, `{}`, "Prefer", "respond-async").Job()
				eventually(t, "the job's rows", patience, func() bool {
					return strings.Contains(string(s.Get(polling, token).Want(http.StatusOK).Body), want)
				})
				personal[company] = polling
				if company == "acme" {
					colleague := s.Login("acme", "colleague").Access
					s.Get(polling, colleague).Problem(http.StatusNotFound, "JOB_NOT_FOUND")
					// Nor does a key that a colleague has used give the rows that it gave the colleague.
					s.Call("sales", token, `{}`, "Idempotency-Key", "monday").Want(http.StatusOK)
					s.Call("sales", colleague, `{}`, "Idempotency-Key", "monday").Problem(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")
				}
			}
			// An endpoint that leaves the source takes nothing along: what was had under claims stays with who had it.
			s.publish("default/sales", s.Login("acme", "integration").Access, "open", "/*---\nsource: open\n---*/\nSELECT 'open' AS version")
			s.Get(personal["acme"], s.Login("acme", "integration").Access).Want(http.StatusOK)
			s.Get(personal["acme"], s.Login("acme", "colleague").Access).Problem(http.StatusNotFound, "JOB_NOT_FOUND")
		})
	}
}
