package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

func proxied(c *postgres.Config) { c.NoStatementCache = true }

// A source that relies on its session must not run behind a proxy that changes it.
func TestPgBouncerNeedsStatementCacheOff(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ignored := "ignore_startup_parameters = default_transaction_read_only,IntervalStyle,bytea_output,extra_float_digits," +
		"idle_in_transaction_session_timeout,statement_timeout"
	for _, configuration := range [][]string{nil, {ignored}} {
		proxy := db.NewPgBouncer(2, nil, configuration...)
		var log syncBuffer
		s := open(t, db, func(c *postgres.Config) {
			c.DSN, c.Logger = proxy.DSN(pgtest.ReaderRole), slog.New(slog.NewTextHandler(&log, nil))
		})
		_, err := compile(t, s, "SELECT 1 AS v").Check(t.Context())
		if !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) || !strings.Contains(err.Error(), "statement_cache off") {
			t.Errorf("%v: got %v", configuration, err)
		}
		wantRefusal(t, &log)
		s = open(t, db, proxied, func(c *postgres.Config) { c.DSN = proxy.DSN(pgtest.ReaderRole) })
		if got := rows(t, compile(t, s, "SELECT 1 AS v")); got != `[{"v":1}]` {
			t.Errorf("%v: with statement_cache off: %s", configuration, got)
		}
	}
}

// TestPgBouncerSessionsAreShared has another client change everything about the one session that both use.
func TestPgBouncerSessionsAreShared(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE TABLE kept (a int); GRANT ALL ON kept TO data_api_reader; CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO data_api_reader;
		CREATE TABLE other.kept (b int);
		CREATE FUNCTION quietly(name text, value text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN set_config(name, value, false); END $$;
		CREATE FUNCTION write() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kept VALUES (1); RETURN 1; END $$`)
	proxy := db.NewPgBouncer(1, nil)
	dsn := proxy.DSN(pgtest.ReaderRole)
	other, err := pgconn.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	say := func(sql string) string {
		t.Helper()
		answers, err := other.Exec(t.Context(), sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		last := answers[len(answers)-1]
		if len(last.Rows) == 0 {
			return ""
		}
		return string(last.Rows[0][0])
	}
	s := open(t, db, proxied, func(c *postgres.Config) { c.DSN = dsn })
	const settings = `current_setting('search_path') AS path, current_setting('TimeZone') AS zone, current_setting('DateStyle') AS dates,
		current_setting('IntervalStyle') AS intervals, current_setting('bytea_output') AS bytea, current_setting('transaction_read_only') AS read_only,
		current_setting('statement_timeout') AS timeout, timestamptz '2026-01-01 12:00+00' AS at, interval '1 day' AS i, '\x01'::bytea AS bytes, 0.1::float8 AS f`
	query := compile(t, s, "SELECT "+settings)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var first, now first
	if err := query.Run(ctx, source.Call{}, &first); err != nil {
		t.Fatal(err)
	}
	pid := say("SELECT pg_backend_pid()")
	for _, change := range []string{
		"SET search_path = other", "SET default_transaction_read_only = off", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
		"SET statement_timeout = 1500", "SET IntervalStyle = iso_8601", "SET bytea_output = escape", "SET extra_float_digits = -10",
		"SELECT set_config('TimeZone', 'Asia/Tokyo', false), set_config('DateStyle', 'German', false)", "SET row_security = off",
	} {
		say(change)
		now.json = nil
		if err := query.Run(ctx, source.Call{}, &now); err != nil || strings.Join(now.json, ",") != strings.Join(first.json, ",") {
			t.Errorf("after %s\n got  %s, %v\n want %s", change, now.json, err, first.json)
		}
		err := compile(t, s, "SELECT write() AS v").Run(ctx, source.Call{}, &count{})
		if !dataapi.HasCode(err, dataapi.CodeInternal) || !strings.Contains(err.Error(), "read-only") {
			t.Errorf("a write after %s: %v", change, err)
		}
		if _, err := compile(t, s, "SELECT a FROM kept").Check(ctx); err != nil {
			t.Errorf("the schema after %s: %v", change, err)
		}
	}
	say("RESET ALL")
	state := "SELECT string_agg(name || '=' || setting, ',' ORDER BY name) FROM pg_settings WHERE (source = 'session' OR name IN ('search_path', 'role')) " +
		"AND name NOT IN ('TimeZone', 'DateStyle', 'client_encoding', 'standard_conforming_strings', 'application_name')" // the proxy sets these for each client
	before := say(state)
	for _, sql := range []string{
		"SELECT quietly('search_path', 'other') AS v", "SELECT quietly('statement_timeout', '1') AS v", "SELECT quietly('role', 'none') AS v",
		"SELECT 1 / (a - a) AS v FROM (VALUES (random())) AS x(a)", "SELECT quietly('work_mem', '64kB') || (1 / (random() * 0)::int)::text AS v",
	} {
		_ = compile(t, s, sql).Run(ctx, source.Call{}, &count{})
		if after := say(state); after != before {
			t.Errorf("%s left the session with\n%s, which had\n%s", sql, after, before)
		}
	}
	if now := say("SELECT pg_backend_pid()"); now != pid {
		t.Errorf("the session was %s and is %s: the proxy had to give it up", pid, now)
	}
	if n := scalar[int](t, db, "SELECT count(*)::int FROM kept"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

// A cancelled query ends inside the database, and others go on through the proxy, whose one session it had. The proxy may
// give up a session that was cancelled and make another.
func TestCancelThroughPgBouncer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	proxy := db.NewPgBouncer(1, nil)
	s := open(t, db, proxied, func(c *postgres.Config) { c.DSN = proxy.DSN(pgtest.ReaderRole) })
	another := compile(t, s, "SELECT 1 AS v")
	slow := compile(t, s, "SELECT pg_sleep(3600)::text AS v")
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- slow.Run(ctx, source.Call{}, &count{}) }()
		eventually(t, "the query runs", func() bool { return scalar[int](t, db, sleeping) == 1 })
		cancelled := time.Now()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		awaitIdle(t, db, cancelled, time.Second)
		if after := rows(t, another); after != `[{"v":1}]` {
			t.Errorf("after the cancel: %s", after)
		}
	}
}

func TestTimeoutsThroughPgBouncer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	proxy := db.NewPgBouncer(2, nil)
	s := open(t, db, proxied, func(c *postgres.Config) { c.DSN = proxy.DSN(pgtest.ReaderRole) })
	query := compile(t, s, "SELECT current_setting('statement_timeout') AS v")
	for timeout, want := range map[time.Duration]string{5 * time.Second: "64s", 10 * time.Minute: "1024s", 0: "0"} {
		ctx, cancel := t.Context(), func() {}
		if timeout > 0 {
			ctx, cancel = context.WithTimeout(ctx, timeout)
		}
		var got first
		err := query.Run(ctx, source.Call{}, &got)
		cancel()
		if err != nil || len(got.json) != 1 || got.json[0] != `"`+want+`"` {
			t.Errorf("with %s left: got %v, %v, want %s", timeout, got.json, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := compile(t, s, "SELECT pg_sleep(3600)::text AS v").Run(ctx, source.Call{}, &count{}); !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
		t.Errorf("got %v", err)
	}
	awaitIdle(t, db, time.Now(), time.Second)
}

// The columns of a statement are looked at in every run, since nothing is prepared that could say that they changed.
func TestSchemaChangesBehindPgBouncer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("CREATE TABLE things (a int); INSERT INTO things VALUES (1)")
	proxy := db.NewPgBouncer(2, nil)
	s := open(t, db, proxied, func(c *postgres.Config) { c.DSN = proxy.DSN(pgtest.ReaderRole) })
	query := compile(t, s, "SELECT * FROM things")
	for _, step := range []struct{ change, want string }{
		{"SELECT", `[{"a":1}]`}, {"ALTER TABLE things ADD b text DEFAULT 'x'", `[{"a":1,"b":"x"}]`},
		{"ALTER TABLE things ALTER a TYPE numeric(10,2)", `[{"a":1.00,"b":"x"}]`},
		{"ALTER TABLE things DROP b", `[{"a":1.00}]`},
	} {
		db.Exec(step.change)
		if got := rows(t, query); got != step.want {
			t.Errorf("after %s: got %s, want %s", step.change, got, step.want)
		}
	}
}
