package postgres_test

import (
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

func versionOf(t *testing.T, s *postgres.Source) string {
	t.Helper()
	version, err := s.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// TestVersionTellsWhetherTheSchemaIsTheSame: whatever can change what a check says gives another version, and what happens all day gives
// none.
func TestVersionTellsWhetherTheSchemaIsTheSame(t *testing.T) {
	t.Parallel()
	db := pgtest.NewCluster(t).New(t) // roles are those of a whole cluster
	db.Exec(`CREATE TABLE sales (id int PRIMARY KEY, total numeric(12,2)); CREATE VIEW sums AS SELECT sum(total) AS total FROM sales;
		CREATE TYPE mood AS ENUM ('ok'); CREATE SCHEMA side; CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
		CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
		GRANT SELECT ON ALL TABLES IN SCHEMA public TO ` + pgtest.ReaderRole)
	s := open(t, db)
	before := versionOf(t, s)
	for _, busy := range []string{
		"INSERT INTO sales SELECT i, i FROM generate_series(1, 1000) AS i", "UPDATE sales SET total = total + 1", "ANALYZE sales",
		"VACUUM FREEZE sales", "VACUUM FREEZE pg_class", "VACUUM FREEZE pg_attribute", "TRUNCATE sales", "REFRESH MATERIALIZED VIEW kept",
		"CREATE TEMPORARY TABLE passing (LIKE sales)", "CREATE TEMPORARY VIEW passed AS SELECT 1 AS one",
	} {
		db.Exec(busy)
		if now := versionOf(t, s); now != before {
			t.Errorf("after %s it is another one:\n%s\n%s", busy, before, now)
			before = now
		}
	}
	for _, change := range []string{
		"ALTER TABLE sales RENAME COLUMN total TO amount", "ALTER TABLE sales RENAME TO sold",
		"CREATE OR REPLACE VIEW sums AS SELECT max(amount)::numeric AS total FROM sold", "DROP VIEW sums", "ALTER TABLE sold ALTER amount TYPE numeric(14,3)",
		"ALTER TABLE sold ADD note text", "ALTER TABLE sold DROP note", "ALTER TABLE sold DROP CONSTRAINT sales_pkey",
		"REVOKE SELECT ON sold FROM " + pgtest.ReaderRole, "GRANT SELECT (id) ON sold TO " + pgtest.ReaderRole,
		"ALTER TYPE mood ADD VALUE 'well'", "CREATE OR REPLACE FUNCTION double(n int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 3 * n'",
		"REVOKE EXECUTE ON FUNCTION double(int) FROM PUBLIC", "DROP FUNCTION double", "REVOKE USAGE ON SCHEMA public FROM PUBLIC",
		"CREATE TABLE side.sold (id int)", "ALTER ROLE " + pgtest.ReaderRole + " SET search_path = side",
		"CREATE ROLE others; GRANT others TO " + pgtest.ReaderRole, "ALTER TABLE sold ENABLE ROW LEVEL SECURITY",
		"CREATE POLICY own ON sold USING (id = 1)", "CREATE CAST (mood AS int) WITH INOUT AS IMPLICIT",
	} {
		db.Exec(change)
		now := versionOf(t, s)
		if now == before {
			t.Errorf("after %s it is the same", change)
		}
		before = now
	}
	claims := open(t, db, func(c *postgres.Config) { c.Claims, c.AllowSetConfig = true, true })
	if versionOf(t, claims) == before {
		t.Error("a source with claims has the version of one without")
	}
}

// TestChecksByTheVersion: with what the version has told, a check finds what it finds by itself.
func TestChecksByTheVersion(t *testing.T) {
	t.Parallel()
	tenants := newTenants(t)
	db := tenants.DB
	db.Exec(`CREATE TABLE sold (id int, total numeric(12,2)); CREATE TYPE mood AS ENUM ('ok');
		CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n'; CREATE VIEW doubled AS SELECT double(id) AS id FROM sold;
		CREATE FUNCTION forge(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE ''SELECT 1''; RETURN n; END';
		CREATE OPERATOR ### (RIGHTARG = int, FUNCTION = forge);
		GRANT SELECT ON ALL TABLES IN SCHEMA public TO ` + pgtest.ReaderRole + ", " + tenants.running)
	plain := open(t, db)
	claims := tenants.open(t)
	for _, sql := range []string{
		"SELECT id, total FROM sold WHERE id = @p", "SELECT 'ok'::mood AS m", "SELECT double(id) AS id FROM sold", "SELECT id FROM doubled",
		"SELECT forge(1) AS n", "SELECT ### 1 AS n", "SELECT clock_timestamp() AS n", "SELECT random() AS r", "SELECT id FROM nosuch", "SELECT 1",
		"SELECT 1 AS a; SELECT 2 AS a", "SELECT id FROM sold FOR UPDATE", "SELECT @p / 0 AS n", `SELECT "do""uble" AS x FROM sold`,
	} {
		for name, s := range map[string]*postgres.Source{"plain": plain, "claims": claims} {
			query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 1, Params: []source.Param{{Name: "p", Type: source.ParamInteger}}})
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			columns, err := query.Check(t.Context())
			began := time.Now()
			versionOf(t, s)
			again, errAgain := query.Check(source.WithVersionSince(t.Context(), began))
			switch {
			case (err == nil) != (errAgain == nil), err != nil && err.Error() != errAgain.Error():
				t.Errorf("%s, %s: %v, and with the version %v", name, sql, err, errAgain)
			case len(columns) != len(again):
				t.Errorf("%s, %s: %v, and with the version %v", name, sql, columns, again)
			}
		}
	}
}
