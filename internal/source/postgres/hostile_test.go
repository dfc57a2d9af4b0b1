package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// verdict is what becomes of a hostile statement. None of them has an effect.
type verdict string

const (
	refused verdict = "refused when it is published"
	fails   verdict = "fails when it runs"
	runs    verdict = "runs without effect"
	ends    verdict = "is ended at its deadline"
)

// hostile are statements of an author who means harm. The company that runs them is acme; globex's rows are forbidden.
// Functions whose names begin with dba_ are the database owner's own, and among the worst that an owner could leave
// behind; a source with claims refuses those that run SQL from text.
var hostile = []struct {
	sql    string
	want   verdict
	claims verdict // on a source with claims, when it differs
}{
	// Statements that are not one query.
	{sql: "INSERT INTO sales VALUES (1, 'acme', 'x')", want: refused},
	{sql: "UPDATE sales SET company = 'acme'", want: refused},
	{sql: "DELETE FROM sales RETURNING id", want: refused},
	{sql: "TRUNCATE sales", want: refused},
	{sql: "MERGE INTO sales USING (VALUES (1)) AS v(i) ON id = i WHEN MATCHED THEN DELETE", want: refused},
	{sql: "COPY sales TO STDOUT", want: refused},
	{sql: "COPY sales FROM '/etc/passwd'", want: refused},
	{sql: "COPY (SELECT 1) TO PROGRAM 'id > /tmp/owned'", want: refused},
	{sql: "SET data_api.company = 'globex'", want: refused},
	{sql: "SET LOCAL data_api.company = 'globex'", want: refused},
	{sql: "SET ROLE NONE", want: refused},
	{sql: "SET SESSION AUTHORIZATION DEFAULT", want: refused},
	{sql: "RESET ROLE", want: refused},
	{sql: "RESET ALL", want: refused},
	{sql: "DISCARD ALL", want: refused},
	{sql: "COMMIT", want: refused},
	{sql: "COMMIT AND CHAIN", want: refused},
	{sql: "ROLLBACK", want: refused},
	{sql: "BEGIN READ WRITE", want: refused},
	{sql: "SAVEPOINT a", want: refused},
	{sql: "PREPARE TRANSACTION 'a'", want: refused},
	{sql: "CALL dba_procedure()", want: refused},
	{sql: "DO $$ BEGIN PERFORM 1; END $$", want: refused},
	{sql: "EXPLAIN ANALYZE DELETE FROM sales", want: refused},
	{sql: "EXPLAIN (ANALYZE) SELECT dba_write()", want: refused},
	{sql: "PREPARE p AS DELETE FROM sales", want: refused},
	{sql: "EXECUTE data_api_rollback", want: refused},
	{sql: "DEALLOCATE ALL", want: refused},
	{sql: "DECLARE c CURSOR WITH HOLD FOR SELECT 1 AS a", want: refused},
	{sql: "FETCH ALL FROM c", want: refused},
	{sql: "LOCK TABLE sales", want: refused},
	{sql: "NOTIFY owned", want: refused},
	{sql: "LISTEN owned", want: refused},
	{sql: "CREATE TEMP TABLE t (a int)", want: refused},
	{sql: "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", want: refused},
	{sql: "ALTER ROLE CURRENT_USER SET search_path = evil", want: refused},
	{sql: "GRANT SELECT ON sales TO PUBLIC", want: refused},
	{sql: "VACUUM", want: refused},
	{sql: "CHECKPOINT", want: refused},
	{sql: "LOAD 'auto_explain'", want: refused},
	{sql: "SELECT id INTO owned FROM sales", want: refused},

	// More than one statement, and texts that two readers could divide differently.
	{sql: "SELECT 1 AS a; DELETE FROM sales", want: refused},
	{sql: "SELECT 1 AS a; COMMIT; DELETE FROM sales", want: refused},
	{sql: "SELECT 1 AS a) AS q; COMMIT; --", want: refused},
	{sql: "SELECT 1 AS a\n) AS q; DELETE FROM sales; SELECT * FROM (SELECT 1 AS a", want: refused},
	{sql: "/* /* */ SELECT 1 AS a; */ DELETE FROM sales", want: refused},
	{sql: "SELECT E'\\'' AS a; DELETE FROM sales; --'", want: refused},
	{sql: "SELECT $a$ $b$ $a$ AS a; DELETE FROM sales; --$b$", want: refused},
	{sql: "SELECT '\\' AS a; DELETE FROM sales; --'", want: refused},
	{sql: "SELECT U&\"set_confi\\0067\"('data_api.company', 'globex', true) AS a", want: refused},

	// Queries that write.
	{sql: "WITH gone AS (DELETE FROM sales RETURNING id) SELECT id FROM gone", want: refused},
	{sql: "WITH new AS (INSERT INTO sales VALUES (1, 'acme', 'x') RETURNING id) SELECT id FROM new", want: refused},
	{sql: "SELECT * FROM (WITH new AS (UPDATE sales SET region = 'x' RETURNING id) SELECT id FROM new) AS q", want: refused},
	{sql: "WITH s AS (UPDATE pg_settings SET setting = 'globex' WHERE name = 'data_api.company' RETURNING name) SELECT name FROM s", want: refused},
	{sql: "SELECT id FROM sales FOR UPDATE", want: refused},
	{sql: "SELECT id FROM sales FOR KEY SHARE SKIP LOCKED", want: refused},
	{sql: "SELECT * FROM (SELECT id FROM sales FOR UPDATE) AS q", want: refused},
	{sql: "SELECT nextval('numbers') AS a", want: refused},
	{sql: "SELECT setval('numbers', 99) AS a", want: refused},
	{sql: "SELECT dba_write() AS a", want: fails},
	{sql: "SELECT dba_write_as_owner() AS a", want: fails},
	{sql: "SELECT dba_sequence() AS a", want: fails},
	{sql: "SELECT (s).dba_write_row FROM (SELECT ROW(1, 'a', 'b')::sales AS s) AS q", want: fails},
	{sql: "SELECT dba_exec('COMMIT') AS a", want: fails, claims: refused},
	{sql: "SELECT dba_exec('ROLLBACK; DELETE FROM sales') AS a", want: fails, claims: refused},
	{sql: "SELECT dba_exec('SET TRANSACTION READ WRITE') AS a", want: fails, claims: refused},
	{sql: "SELECT dba_exec('CREATE TABLE owned (a int)') AS a", want: fails, claims: refused},
	{sql: "SELECT dba_exec('CREATE TEMP TABLE owned (a int)') AS a", want: fails, claims: refused},
	{sql: "SELECT dba_exec('COPY (SELECT 1) TO ''/tmp/owned''') AS a", want: fails, claims: refused},

	// Functions that act although the transaction is read-only.
	{sql: "SELECT lo_create(0) AS a", want: refused},
	{sql: "SELECT lo_from_bytea(4711, 'x') AS a", want: refused},
	{sql: "SELECT lo_import('/etc/passwd') AS a", want: refused},
	{sql: "SELECT lo_unlink(oid) AS a FROM pg_largeobject_metadata", want: refused},
	{sql: "SELECT dba_exec('SELECT lo_cre' || 'ate(0)') AS a", want: fails, claims: refused},
	{sql: "SELECT pg_notify('owned', 'x') AS a", want: refused},
	{sql: "SELECT pg_catalog . \"pg_notify\" /* */ ('owned', 'x') AS a", want: refused},
	{sql: "SELECT dba_exec('NOTIFY owned') AS a", want: runs, claims: refused},
	{sql: "SELECT dba_exec('LISTEN owned') AS a", want: runs, claims: refused},
	{sql: "SELECT pg_advisory_lock(1) AS a", want: refused},
	{sql: "SELECT pg_try_advisory_xact_lock(1) AS a", want: refused},
	{sql: "SELECT dba_exec('SELECT pg_adv' || 'isory_lock(1)') AS a", want: fails, claims: refused},
	{sql: "SELECT pg_cancel_backend(pid) AS a FROM pg_stat_activity", want: refused},
	{sql: "SELECT PG_TERMINATE_BACKEND(pid) AS a FROM pg_stat_activity", want: refused},
	{sql: "SELECT (SELECT pg_terminate_backend\n(pid) FROM pg_stat_activity LIMIT 1) AS a", want: refused},
	{sql: "SELECT * FROM crosstab('SELECT pg_terminate_' || 'backend(pid)::text, ''a'', ''b'' FROM pg_stat_activity') AS t(a text, b text)", want: fails},
	{sql: "SELECT pg_read_file('/etc/passwd') AS a", want: refused},
	{sql: "SELECT pg_ls_dir('.') AS a", want: refused},
	{sql: "SELECT pg_create_logical_replication_slot('owned', 'test_decoding') AS a", want: refused},
	{sql: "SELECT pg_export_snapshot() AS a", want: refused},
	{sql: "SELECT pg_reload_conf() AS a", want: refused},
	{sql: "SELECT pg_stat_reset() AS a", want: refused},
	{sql: "SELECT dblink_exec('dbname=postgres', 'DROP TABLE sales') AS a", want: refused},
	{sql: "SELECT * FROM dblink('user=postgres', 'DELETE FROM sales RETURNING id') AS t(a int)", want: refused},
	{sql: "SELECT * FROM crosstab('SELECT dblink_' || 'connect(''x'', ''user=postgres'')::text, ''a'', ''b''') AS t(a text, b text)", want: fails},

	// Claims, roles and settings.
	{sql: "SELECT set_config('data_api.company', 'globex', true) AS a, company FROM sales", want: refused},
	{sql: "SELECT company, \"set_config\"('data_api.company', 'globex', true) AS a FROM sales", want: refused},
	{sql: "SELECT company FROM sales WHERE pg_catalog.set_config('data_api.company', 'globex', true) <> ''", want: refused},
	{sql: "SELECT set_config('role', 'none', true) AS a", want: refused},
	{sql: "SELECT set_config('row_security', 'off', true) AS a", want: refused},
	{sql: "SELECT set_config('session_authorization', 'postgres', false) AS a", want: refused},
	{sql: "SELECT query_to_xml('SELECT set_'||'config(''data_api.company'', ''globex'', true)', true, false, '') AS a, company FROM sales", want: refused},
	{sql: "SELECT query_to_xml('UPDATE pg_settings SET setting = ''globex'' WHERE name = ''data_api.company''', true, false, '') AS a", want: refused},
	{sql: "SELECT database_to_xml(true, false, '') AS a", want: refused},
	{sql: "SELECT ts_stat('SELECT set_'||'config(''data_api.company'', ''globex'', true)::tsvector') AS a", want: refused},
	{sql: "SELECT * FROM crosstab('SELECT set_'||'config(''data_api.company'', ''globex'', true), company, region FROM sales ORDER BY 1, 2') " +
		"AS t(a text, b text, c text)", want: runs, claims: fails},
	{sql: "SELECT * FROM crosstab('UPDATE pg_settings SET setting = ''globex'' WHERE name = ''data_api.company''') AS t(a text)", want: fails},
	{sql: "SELECT * FROM crosstab('SET data_api.company = ''globex''') AS t(a text)", want: fails},
	{sql: "SELECT dba_exec('SET data_api.company = ''globex''') AS a, company FROM sales", want: runs, claims: refused},
	{sql: "SELECT dba_exec('SET LOCAL data_api.company = ''globex''') AS a, s.company FROM sales AS s", want: runs, claims: refused},
	{sql: "SELECT dba_exec('RESET ROLE') AS a", want: runs, claims: refused},
	{sql: "SELECT dba_exec('SET SESSION AUTHORIZATION DEFAULT') AS a", want: runs, claims: refused},
	{sql: "SELECT dba_exec('SET search_path = pg_temp') AS a", want: runs, claims: refused},
	{sql: "SELECT dba_set('data_api.company', 'globex') AS a, company FROM sales", want: runs, claims: refused},
	{sql: "SELECT \"dba_set\"('statement_timeout', '0') AS a", want: runs, claims: refused},
	// Functions that the statement does not call by name.
	{sql: "SELECT s.dba_row, (SELECT string_agg(company, ',') FROM sales) AS seen FROM sales AS s", want: runs, claims: refused},
	{sql: "SELECT 'data_api.company' ### 'globex' AS a, company FROM sales", want: runs, claims: refused},
	{sql: "SELECT 'data_api.company' OPERATOR(public.###) 'globex' AS a", want: runs, claims: refused},
	{sql: "SELECT a, (SELECT string_agg(company, ',') FROM sales) AS seen FROM dba_view", want: runs, claims: refused},
	{sql: "SELECT a FROM dba_view_of_view", want: runs, claims: refused},
	{sql: "SELECT ROW('a', 'globex')::dba_pair::dba_cast::text AS a, company FROM sales", want: runs, claims: refused},
	{sql: "SELECT dba_aggregate(company) AS a FROM sales", want: runs, claims: refused},
	{sql: "SELECT dba_as_another() AS a", want: runs, claims: refused},
	{sql: "SELECT company FROM sales UNION ALL SELECT company FROM dba_all_sales", want: refused},
	{sql: "SELECT company FROM sales TABLESAMPLE SYSTEM (100)", want: runs},
	{sql: "SELECT company FROM sales WHERE dba_leak(company)", want: runs},
	{sql: "SELECT (SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'sales' AND attname = 'company') AS a", want: runs},
	{sql: "SELECT rolpassword FROM pg_authid", want: refused},
	{sql: "SELECT query FROM pg_stat_activity WHERE query LIKE '%glob' || 'ex%' AND usename <> current_user", want: runs},

	// Time and memory.
	{sql: "SELECT pg_sleep(3600)::text AS a", want: ends},
	{sql: "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) AS a FROM r", want: ends},
	{sql: "SELECT count(*) AS a FROM generate_series(1, 1000000) AS a, generate_series(1, 1000000) AS b", want: ends},
	{sql: "SELECT dba_stubborn() AS a", want: ends},
	{sql: "SELECT repeat(repeat('x', 1000000), 2000) AS a", want: fails},
	{sql: "SELECT length(regexp_replace(repeat('a', 2000), '(a*)*b', '')) AS a, pg_sleep(3600)::text AS s", want: ends},
}

// owner prepares what a careless owner of the database has left behind.
const owner = `CREATE EXTENSION dblink; CREATE EXTENSION tablefunc; CREATE SEQUENCE numbers; GRANT ALL ON SEQUENCE numbers TO %[1]s;
	GRANT ALL ON sales TO %[1]s; GRANT TEMP ON DATABASE %[2]s TO %[1]s; GRANT CREATE ON SCHEMA public TO %[1]s;
	SELECT lo_create(4712);
	CREATE TABLE unshared AS TABLE sales;
	CREATE VIEW dba_all_sales AS SELECT company FROM unshared; REVOKE ALL ON unshared, dba_all_sales FROM PUBLIC;
	CREATE PROCEDURE dba_procedure() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM sales; COMMIT; END $$;
	CREATE FUNCTION dba_write() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM sales; RETURN 1; END $$;
	CREATE FUNCTION dba_write_row(sales) RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM sales; RETURN 1; END $$;
	CREATE FUNCTION dba_write_as_owner() RETURNS int SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN DELETE FROM sales; RETURN 1; END $$;
	CREATE FUNCTION dba_sequence() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS $$ SELECT nextval('numbers') $$;
	CREATE FUNCTION dba_exec(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE $1; RETURN 1; END $$;
	CREATE FUNCTION dba_set(text, text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN set_config($1, $2, false); END $$;
	CREATE FUNCTION dba_row(sales) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SET data_api.company = globex'; RETURN 'a'; END $$;
	CREATE FUNCTION dba_operator(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('SET %%s = %%s', $1, $2); RETURN 'a'; END $$;
	CREATE OPERATOR ### (FUNCTION = dba_operator, LEFTARG = text, RIGHTARG = text);
	CREATE VIEW dba_view WITH (security_invoker) AS SELECT 'data_api.company' ### 'globex' AS a;
	CREATE VIEW dba_view_of_view WITH (security_invoker) AS SELECT a FROM dba_view;
	GRANT SELECT ON dba_view, dba_view_of_view TO %[1]s;
	CREATE TYPE dba_pair AS (a text, b text); CREATE TYPE dba_cast AS (a text, b text);
	CREATE FUNCTION dba_to_cast(dba_pair) RETURNS dba_cast LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SET data_api.company = globex'; RETURN ROW('a', 'b')::dba_cast; END $$;
	CREATE CAST (dba_pair AS dba_cast) WITH FUNCTION dba_to_cast(dba_pair);
	CREATE AGGREGATE dba_aggregate(text) (SFUNC = dba_operator, STYPE = text, INITCOND = 'data_api.company');
	CREATE FUNCTION dba_as_another() RETURNS text LANGUAGE plpgsql SET data_api.company = 'globex' AS $$ BEGIN RETURN (SELECT string_agg(company, ',') FROM sales); END $$;
	CREATE FUNCTION dba_leak(text) RETURNS bool COST 0.0001 LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%%', $1; RETURN true; END $$;
	CREATE FUNCTION dba_stubborn() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
		LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;
	REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea), lo_put(oid, bigint, bytea), lo_unlink(oid),
		pg_notify(text, text), pg_advisory_lock(bigint), pg_advisory_lock(integer, integer),
		pg_cancel_backend(integer), pg_terminate_backend(integer, bigint) FROM PUBLIC`

// traces is everything that a statement could have changed, as the superuser sees it.
const traces = `SELECT json_build_object(
	'sales', (SELECT md5(string_agg(s::text, ',' ORDER BY s::text)) FROM sales AS s),
	'numbers', (SELECT last_value::text || is_called FROM numbers),
	'objects', (SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'v', 'S') AND relname NOT LIKE 'pg\_%'),
	'functions', (SELECT count(*) FROM pg_proc),
	'privileges', (SELECT relacl::text FROM pg_class WHERE relname = 'sales'),
	'large objects', (SELECT string_agg(oid::text, ',') FROM pg_largeobject_metadata),
	'locks', (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' OR mode IN ('RowShareLock', 'RowExclusiveLock') AND relation = 'sales'::regclass),
	'role settings', (SELECT count(*) FROM pg_db_role_setting), 'slots', (SELECT count(*) FROM pg_replication_slots),
	'prepared transactions', (SELECT count(*) FROM pg_prepared_xacts),
	'busy', (SELECT string_agg(query, ',') FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'))::text`

func TestHostileStatementsHaveNoEffect(t *testing.T) {
	t.Parallel()
	if len(hostile) < 60 {
		t.Fatalf("%d statements are too few", len(hostile))
	}
	for name, change := range map[string]func(*postgres.Config){
		"claims": func(*postgres.Config) {}, "no claims": func(c *postgres.Config) { c.Claims = false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testHostile(t, name == "claims", change)
		})
	}
}

func testHostile(t *testing.T, claims bool, change func(*postgres.Config)) {
	b := newTenantsOn(t, pgtest.NewCluster(t).New(t)) // whose traces no other test's work is among
	b.Exec(fmt.Sprintf(owner, b.running, b.Name))
	b.Exec("ANALYZE sales")
	if !claims { // then nothing prevents set_config; it is only undone
		b.Exec("GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO PUBLIC")
	}
	s := b.open(t, change, oneConnection)
	victim := connectAs(t, b.dsn)
	if _, err := victim.Exec(t.Context(), "LISTEN owned"); err != nil {
		t.Fatal(err)
	}
	session := compile(t, s, `SELECT (SELECT json_agg(name || '=' || setting ORDER BY name) FROM pg_settings
			WHERE name IN ('search_path', 'role', 'session_authorization', 'row_security', 'statement_timeout', 'transaction_read_only', 'TimeZone', 'work_mem')) AS settings,
		NULLIF(current_setting('data_api.company', true), '') AS company, (SELECT count(*) FROM pg_cursors WHERE name <> '') AS cursors,
		(SELECT count(*) FROM pg_prepared_statements WHERE name NOT LIKE 'data\_api\_%') AS prepared, (SELECT count(*) FROM pg_listening_channels()) AS channels`)
	super := b.Conn()
	trace := func() (seen string) {
		t.Helper()
		if err := super.QueryRow(t.Context(), traces).Scan(&seen); err != nil {
			t.Fatal(err)
		}
		return seen
	}
	ofSession := func() string { return values(t, session, as("acme")) }
	before, sessionBefore := trace(), ofSession()

	for _, attack := range hostile {
		want := attack.want
		if claims && attack.claims != "" {
			want = attack.claims
		}
		limit := patience
		if want == ends {
			limit = 300 * time.Millisecond
		}
		got, cells := attempt(s, attack.sql, limit)
		if got != want {
			t.Errorf("%s\n got  %s (%s)\n want %s", attack.sql, got, cells, want)
		}
		if claims && slices.ContainsFunc(cells, func(cell string) bool { return strings.Contains(cell, "globex") }) {
			t.Errorf("%s\nshowed acme %s", attack.sql, cells)
		}
		if strings.Contains(attack.sql, "dba_stubborn") {
			b.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%dba_stubborn%' AND pid <> pg_backend_pid()")
		}
		settled := ""
		for end := time.Now().Add(patience); time.Now().Before(end) && settled != before; time.Sleep(5 * time.Millisecond) {
			settled = trace()
		}
		if settled != before {
			t.Fatalf("%s\nchanged the database from\n%s\nto\n%s", attack.sql, before, settled)
		}
		if now := ofSession(); now != sessionBefore {
			t.Fatalf("%s\nchanged the session from\n%s\nto\n%s", attack.sql, sessionBefore, now)
		}
		if _, err := victim.Exec(t.Context(), "SELECT 1"); err != nil {
			t.Fatalf("%s\nkilled another session: %v", attack.sql, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if heard, err := victim.WaitForNotification(ctx); err == nil {
		t.Errorf("another session was notified: %v", heard)
	}
}

func connectAs(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// attempt publishes and runs a statement, also when publishing refuses it, and returns what it showed, or why it failed. The
// run has a time limit.
func attempt(s *postgres.Source, sql string, limit time.Duration) (verdict, []string) {
	query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 100})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err = query.Check(ctx)
		cancel()
	}
	fault, isFault := errors.AsType[*source.StatementError](err)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	shown := &texts{}
	switch {
	case query == nil && isFault:
		return refused, []string{fault.Message}
	case isFault:
		if err := query.Run(ctx, as("acme"), shown); err == nil {
			return "was refused, and runs", shown.cells
		}
		return refused, append(shown.cells, fault.Message)
	case err != nil:
		return verdict("cannot be checked: " + err.Error()), nil
	}
	switch err := query.Run(ctx, as("acme"), shown); {
	case err == nil:
		return runs, shown.cells
	case ctx.Err() != nil:
		return ends, append(shown.cells, err.Error())
	default:
		return fails, append(shown.cells, err.Error())
	}
}

// texts is a sink that keeps every text.
type texts struct{ cells []string }

func (s *texts) Columns([]source.Column) error { return nil }

func (s *texts) Row(values []source.Value) error {
	for _, value := range values {
		s.cells = append(s.cells, string(value.Bytes))
	}
	return nil
}
