package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// tenants is a database of two companies, with the roles that docs/postgresql.md advises.
type tenants struct {
	*pgtest.DB
	login, running string // roles
	dsn            string // of login
}

const rowsOfATenant = 40

func newTenants(t testing.TB) *tenants {
	t.Helper()
	return newTenantsOn(t, pgtest.New(t))
}

func newTenantsOn(t testing.TB, db *pgtest.DB) *tenants {
	t.Helper()
	b := &tenants{DB: db, login: "login_" + db.Name, running: "running_" + db.Name}
	b.dsn = strings.Replace(db.ReaderDSN, "user='"+pgtest.ReaderRole+"'", "user='"+b.login+"'", 1)
	b.Exec(fmt.Sprintf(`CREATE ROLE %[1]s LOGIN NOINHERIT PASSWORD 'data-api-test'; CREATE ROLE %[2]s; GRANT %[2]s TO %[1]s;
		REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC;
		GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO %[1]s;
		CREATE TABLE sales (id int, company text, region text);
		INSERT INTO sales SELECT i, c, CASE WHEN i %% 2 = 0 THEN 'Sul' ELSE 'Norte' END
			FROM generate_series(1, %[3]d) AS i, unnest(ARRAY['acme', 'globex']) AS c;
		ALTER TABLE sales ENABLE ROW LEVEL SECURITY;
		CREATE POLICY tenant ON sales USING (company = current_setting('data_api.company', true));
		GRANT SELECT ON sales TO %[2]s`, b.login, b.running, rowsOfATenant))
	t.Cleanup(func() {
		b.Exec(fmt.Sprintf("DROP OWNED BY %[1]s, %[2]s; DROP ROLE %[1]s, %[2]s", b.login, b.running))
	})
	return b
}

func (b *tenants) open(t testing.TB, changes ...func(*postgres.Config)) *postgres.Source {
	t.Helper()
	return open(t, b.DB, append([]func(*postgres.Config){func(c *postgres.Config) {
		c.DSN, c.Role, c.Claims = b.dsn, b.running, true
	}}, changes...)...)
}

func as(company string) source.Call {
	return source.Call{Claims: source.Claims{Company: company, User: "erp"}}
}

// values runs a query and returns its rows as JSON.
func values(t testing.TB, query source.Query, call source.Call) string {
	t.Helper()
	var out strings.Builder
	encoder := result.NewJSON(&out, result.JSONOptions{OmitLimits: true})
	defer encoder.Close()
	if err := query.Run(t.Context(), call, encoder); err != nil {
		t.Fatal(err)
	}
	if err := encoder.End(result.Summary{}); err != nil {
		t.Fatal(err)
	}
	var document struct{ Rows json.RawMessage }
	if err := json.Unmarshal([]byte(out.String()), &document); err != nil {
		t.Fatal(err)
	}
	return string(document.Rows)
}

func TestClaimsAreWhatPoliciesSee(t *testing.T) {
	t.Parallel()
	b := newTenants(t)
	s := b.open(t, oneConnection)
	const seen = `SELECT current_user::text = '%s' AS role, current_setting('data_api.company') AS company,
		current_setting('data_api.user') AS "user", current_setting('data_api.share_context')::jsonb AS context,
		current_setting('transaction_read_only') AS read_only, (SELECT string_agg(DISTINCT company, ',') FROM sales) AS rows`
	query := compile(t, s, fmt.Sprintf(seen, b.running))
	columns, err := query.Check(t.Context())
	if err != nil || len(columns) != 6 {
		t.Fatalf("%v, %v", columns, err)
	}
	for range 3 {
		call := as("acme")
		call.Claims.ShareContext = []byte(`{"n":{"minimum":1},"r":{"allowed":["Sul's \\ \"x\""]}}`)
		want := `[{"role":true,"company":"acme","user":"erp","context":{"n": {"minimum": 1}, "r": {"allowed": ["Sul's \\ \"x\""]}},"read_only":"on","rows":"acme"}]`
		if got := values(t, query, call); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		want = `[{"role":true,"company":"globex","user":"a '\\\"b","context":{},"read_only":"on","rows":"globex"}]`
		if got := values(t, query, source.Call{Claims: source.Claims{Company: "globex", User: `a '\"b`}}); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got := values(t, query, source.Call{}); !strings.Contains(got, `"company":"","user":"","context":{},"read_only":"on","rows":null`) {
			t.Errorf("for nobody: %s", got)
		}
	}
}

func TestClaimsNeedRolesOnWhichTheyHold(t *testing.T) {
	t.Parallel()
	b := newTenants(t)
	const set = "FUNCTION pg_catalog.set_config(text, text, boolean)"
	for _, c := range []struct{ name, change, undo, want string }{
		{"set_config of PUBLIC", "GRANT EXECUTE ON " + set + " TO PUBLIC", "REVOKE EXECUTE ON " + set + " FROM PUBLIC", "REVOKE EXECUTE ON " + set},
		{"set_config of the role", "GRANT EXECUTE ON " + set + " TO " + b.running, "REVOKE EXECUTE ON " + set + " FROM " + b.running, "REVOKE EXECUTE ON " + set},
		{"no set_config", "REVOKE EXECUTE ON " + set + " FROM " + b.login, "GRANT EXECUTE ON " + set + " TO " + b.login, "GRANT EXECUTE ON " + set},
		{"BYPASSRLS", "ALTER ROLE " + b.running + " BYPASSRLS", "ALTER ROLE " + b.running + " NOBYPASSRLS", "NOBYPASSRLS"},
		{"BYPASSRLS of the login", "ALTER ROLE " + b.login + " BYPASSRLS", "ALTER ROLE " + b.login + " NOBYPASSRLS", "NOBYPASSRLS"},
		{"REPLICATION", "ALTER ROLE " + b.running + " REPLICATION", "ALTER ROLE " + b.running + " NOREPLICATION", "allow_superuser"},
		{"CREATEROLE", "ALTER ROLE " + b.login + " CREATEROLE", "ALTER ROLE " + b.login + " NOCREATEROLE", "allow_superuser"},
		{"pg_signal_backend", "GRANT pg_signal_backend TO " + b.running, "REVOKE pg_signal_backend FROM " + b.running, "allow_superuser"},
		{"owner", "ALTER TABLE sales OWNER TO " + b.running, "ALTER TABLE sales OWNER TO CURRENT_USER; GRANT SELECT ON sales TO " + b.running, "FORCE ROW LEVEL SECURITY"},
		{"not a member", "REVOKE " + b.running + " FROM " + b.login, "GRANT " + b.running + " TO " + b.login, "permission denied to set role"},
		{"xpath_table", "CREATE EXTENSION xml2", "DROP EXTENSION xml2", "REVOKE EXECUTE ON FUNCTION xpath_table"},
	} {
		b.Exec(c.change)
		s := b.open(t)
		_, err := compile(t, s, "SELECT 1 AS v").Check(t.Context())
		if !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		b.Exec(c.undo)
		if _, err := compile(t, b.open(t), "SELECT 1 AS v").Check(t.Context()); err != nil {
			t.Errorf("%s, undone: %v", c.name, err)
		}
	}
	nobody := b.open(t, func(c *postgres.Config) { c.Role = "nobody_" + b.Name })
	if _, err := compile(t, nobody, "SELECT 1 AS v").Check(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no role") {
		t.Errorf("a role that is not there: %v", err)
	}
	// FORCE makes the policies hold for the owner, and the operator may trust the authors.
	b.Exec("ALTER TABLE sales OWNER TO " + b.running + "; ALTER TABLE sales FORCE ROW LEVEL SECURITY; GRANT EXECUTE ON " + set + " TO PUBLIC")
	trusting := b.open(t, func(c *postgres.Config) { c.AllowSetConfig = true })
	if got := values(t, compile(t, trusting, "SELECT DISTINCT company FROM sales"), as("acme")); got != `[{"company":"acme"}]` {
		t.Errorf("an owner under FORCE sees %s", got)
	}
	b.Exec("ALTER TABLE sales OWNER TO CURRENT_USER; GRANT SELECT ON sales TO " + b.login)
	roleless := b.open(t, func(c *postgres.Config) { c.Role, c.AllowSetConfig = "", true })
	if got := values(t, compile(t, roleless, "SELECT DISTINCT company FROM sales"), as("acme")); got != `[{"company":"acme"}]` {
		t.Errorf("the role of the connection sees %s", got)
	}
	for _, config := range []postgres.Config{{DSN: b.dsn, Claims: true}, {DSN: b.dsn, AllowSetConfig: true}} {
		if _, err := postgres.New(config); err == nil {
			t.Errorf("%+v was accepted", config)
		}
	}
}

// TestRoleWithoutClaims runs statements as a role that the connection is only a member of.
func TestRoleWithoutClaims(t *testing.T) {
	t.Parallel()
	b := newTenants(t)
	b.Exec("CREATE TABLE plain (a int); GRANT SELECT ON plain TO " + b.login)
	s := open(t, b.DB, func(c *postgres.Config) { c.DSN, c.Role = b.dsn, b.running })
	if got := rows(t, compile(t, s, "SELECT current_user = '"+b.running+"' AS v")); got != `[{"v":true}]` {
		t.Error(got)
	}
	query, err := s.Compile(source.Statement{SQL: "SELECT a FROM plain", MaxRows: 1})
	if err == nil {
		_, err = query.Check(t.Context())
	}
	if _, ok := errors.AsType[*source.StatementError](err); !ok {
		t.Errorf("a table of the connection's role: got %v, want a refusal", err)
	}
}

// TestTenantsNeverSeeEachOther runs random statements of two tenants at once on few connections, some of them cut off in
// between, and looks at every row.
func TestTenantsNeverSeeEachOther(t *testing.T) {
	b := newTenants(t)
	b.Exec(`CREATE FUNCTION rows_of(region text) RETURNS SETOF sales LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT * FROM sales AS s WHERE s.region = $1; END $$;
		CREATE VIEW seen WITH (security_barrier) AS SELECT * FROM sales;
		GRANT SELECT ON seen TO ` + b.running)
	b.Exec("ALTER VIEW seen OWNER TO " + b.running)
	for name, change := range map[string]func(*postgres.Config){
		"statements kept": func(*postgres.Config) {}, "PgBouncer": func(c *postgres.Config) {
			c.NoStatementCache, c.DSN = true, b.NewPgBouncer(2, []string{b.login}).DSN(b.login)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := b.open(t, change, func(c *postgres.Config) { c.MaxConns, c.MaxWait = 3, patience })
			queries := map[string]source.Query{}
			for _, sql := range []string{
				"SELECT company FROM sales", "SELECT company FROM seen ORDER BY id", "SELECT company FROM rows_of('Sul')",
				"SELECT max(company) AS company FROM sales GROUP BY id", "WITH s AS MATERIALIZED (SELECT * FROM sales) SELECT company FROM s",
				"SELECT company || CASE WHEN id = 20 THEN repeat('', 1 / (id - id)) ELSE '' END AS company FROM sales",
				"SELECT company, pg_sleep(0.0005)::text AS s FROM sales", "SELECT company, 1 / (id - 30) AS s FROM sales ORDER BY id",
			} {
				queries[sql] = compile(t, s, sql)
			}
			keys := make([]string, 0, len(queries))
			for sql := range queries {
				keys = append(keys, sql)
			}
			slices.Sort(keys)
			fewerChecks(t)
			rapid.Check(t, func(rt *rapid.T) {
				type step struct {
					sql, company string
					stop         time.Duration
				}
				lanes := make([][]step, 6)
				for i := range lanes {
					for range rapid.IntRange(1, 6).Draw(rt, "steps") {
						lanes[i] = append(lanes[i], step{
							rapid.SampledFrom(keys).Draw(rt, "sql"), rapid.SampledFrom([]string{"acme", "globex"}).Draw(rt, "company"),
							time.Duration(rapid.SampledFrom([]int{0, 0, 1, 3, 20}).Draw(rt, "stop")) * time.Millisecond,
						})
					}
				}
				var wait sync.WaitGroup
				faults := make(chan error, 100)
				for _, steps := range lanes {
					wait.Go(func() {
						for _, step := range steps {
							ctx, cancel := t.Context(), context.CancelFunc(func() {})
							if step.stop > 0 {
								ctx, cancel = context.WithTimeout(ctx, step.stop)
							}
							seen := &companies{}
							err := queries[step.sql].Run(ctx, as(step.company), seen)
							cancel()
							if seen.others(step.company) {
								faults <- fmt.Errorf("%s saw %v by %s", step.company, seen.names, step.sql)
							}
							complete := err == nil && seen.rows == rowsOfATenant || err == nil && strings.Contains(step.sql, "Sul") && seen.rows == rowsOfATenant/2
							failed := err != nil && (step.stop > 0 || strings.Contains(step.sql, "1 / "))
							if !complete && !failed {
								faults <- fmt.Errorf("%s got %d rows and %w by %s", step.company, seen.rows, err, step.sql)
							}
						}
					})
				}
				wait.Wait()
				close(faults)
				for fault := range faults {
					rt.Error(fault)
				}
			})
		})
	}
}

// TestCutOffPreparationIsNotMetAgain ends runs at ever later moments while their connection prepares what it needs: the next run that gets the
// connection must not find it half prepared.
func TestCutOffPreparationIsNotMetAgain(t *testing.T) {
	t.Parallel()
	b := newTenants(t)
	for after := time.Duration(0); after < 4*time.Millisecond; after += 50 * time.Microsecond {
		s := b.open(t, func(c *postgres.Config) { c.MaxConns = 1 })
		query := compile(t, s, "SELECT company FROM sales")
		if _, err := query.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_ = query.Run(ctx, as("acme"), &companies{})
		cancel()
		for range 2 {
			if err := query.Run(t.Context(), as("acme"), &companies{}); err != nil {
				t.Fatalf("after a run that was cut off after %s: %v", after, err)
			}
		}
	}
}

// fewerChecks makes rapid's default number of checks suit ones that take tens of milliseconds each.
func fewerChecks(t *testing.T) {
	t.Helper()
	checks := flag.Lookup("rapid.checks").Value
	if before := checks.String(); before == "100" {
		if err := checks.Set("30"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = checks.Set(before) })
	}
}

// companies is a sink that notes what is in the first column.
type companies struct {
	names map[string]bool
	rows  int
}

func (c *companies) Columns([]source.Column) error { c.names = map[string]bool{}; return nil }

func (c *companies) Row(values []source.Value) error {
	c.names[string(values[0].Bytes)] = true
	c.rows++
	return nil
}

func (c *companies) others(own string) bool {
	for name := range c.names {
		if name != own {
			return true
		}
	}
	return false
}
