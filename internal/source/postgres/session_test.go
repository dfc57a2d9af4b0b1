package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

const running = `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`

// sleeping counts the sessions that are in pg_sleep: what is active may also be a connection that is only made, or a statement that is
// only prepared.
const sleeping = `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`

func oneConnection(c *postgres.Config) { c.MaxConns = 1 }

// A cancel that comes while the statement is still being prepared may cost the connection, hence several rounds.
func TestCancelReachesTheDatabaseAndKeepsTheConnection(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := open(t, db, oneConnection)
	pid := compile(t, s, "SELECT pg_backend_pid() AS pid")
	slow := compile(t, s, "SELECT pg_sleep(3600)::text AS v")
	kept := 0
	for range 5 {
		before := rows(t, pid)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- slow.Run(ctx, source.Call{}, &count{}) }()
		eventually(t, "the query runs", func() bool { return scalar[int](t, db, sleeping) == 1 })
		cancelled := time.Now()
		cancel()
		awaitIdle(t, db, cancelled, time.Second)
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if rows(t, pid) == before {
			kept++
		}
	}
	if kept == 0 {
		t.Error("no connection was kept")
	}
}

func TestDeadlineKeepsTheConnection(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := open(t, db, oneConnection)
	pid := compile(t, s, "SELECT pg_backend_pid() AS pid")
	var before, after string
	// A limit that ends while a busy machine still prepares the statement may cost the connection.
	for limit := 100 * time.Millisecond; limit <= 10*time.Second; limit *= 10 {
		before = rows(t, pid)
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		err := compile(t, s, "SELECT pg_sleep(60)::text AS v").Run(ctx, source.Call{}, &count{})
		cancel()
		if !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
			t.Errorf("got %v", err)
		}
		if after = rows(t, pid); after == before {
			return
		}
	}
	t.Errorf("the connection was %s and is %s", before, after)
}

// A plpgsql block can swallow the cancellation; then the connection must be closed.
func TestDeadlineEndsAQueryThatSwallowsIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
		LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$`)
	s := open(t, db, oneConnection)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	started := time.Now()
	err := compile(t, s, "SELECT stubborn() AS v").Run(ctx, source.Call{}, &count{})
	if !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
		t.Errorf("got %v", err)
	}
	within(t, db, "the answer", time.Since(started), 12*time.Second)
	db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%stubborn%' AND pid <> pg_backend_pid() AND datname = current_database()")
}

// The backstop is what ends a query whose client died silently.
func TestSessionHasAStatementTimeout(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := open(t, db, oneConnection)
	query := compile(t, s, "SELECT current_setting('statement_timeout') AS v")
	for timeout, want := range map[time.Duration]string{5 * time.Second: "64s", 60 * time.Second: "64s", 10 * time.Minute: "1024s", 0: "0"} {
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
}

func TestOutageAndRecovery(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	var log syncBuffer
	s := open(t, db, func(c *postgres.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	query := compile(t, s, "SELECT 1 AS v")
	rows(t, query)

	slow := make(chan error, 1)
	go func() {
		slow <- compile(t, s, "SELECT pg_sleep(60)::text AS v").Run(t.Context(), source.Call{}, &count{})
	}()
	eventually(t, "the slow query runs", func() bool { return scalar[int](t, db, sleeping) == 1 })
	cluster.Stop(t)
	if err := <-slow; !dataapi.HasCode(err, dataapi.CodeExecutionInterrupted) {
		t.Errorf("the query that ran: %v", err)
	}
	if err := query.Run(t.Context(), source.Call{}, &count{}); !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
		t.Errorf("at the beginning of the outage, which may be short: %v", err)
	}
	var failing time.Duration
	for range 3 {
		started := time.Now()
		if err := query.Run(t.Context(), source.Call{}, &count{}); !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
			t.Errorf("while it is down: %v", err)
		}
		failing = max(failing, time.Since(started))
	}
	cluster.Start(t)
	within(t, db, "the failure", failing, time.Second)
	eventually(t, "the source has recovered", func() bool { return query.Run(t.Context(), source.Call{}, &count{}) == nil })

	// Restarted between two requests: the idle connections are dead, and nobody should notice.
	cluster.Stop(t)
	cluster.Start(t)
	if err := query.Run(t.Context(), source.Call{}, &count{}); err != nil {
		t.Errorf("after a restart between two requests: %v", err)
	}
	if text := log.String(); strings.Count(text, "is unavailable") != 1 || strings.Count(text, "available again") != 1 {
		t.Errorf("the log should tell of one outage and one recovery:\n%s", text)
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestPowerfulRolesAreRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	role := "reads_files_" + db.Name
	db.Exec("CREATE ROLE " + role + " LOGIN; GRANT pg_read_server_files TO " + role)
	t.Cleanup(func() { db.Exec("DROP ROLE " + role) })
	reader := strings.Replace(db.ReaderDSN, "user='"+pgtest.ReaderRole+"'", "user='"+role+"'", 1)
	if reader == db.ReaderDSN {
		t.Fatal("the DSN has another form")
	}
	for _, dsn := range []string{db.AdminDSN, db.AdminDSN + " role=" + pgtest.ReaderRole, reader} {
		var log syncBuffer
		refused := open(t, db, func(c *postgres.Config) { c.DSN, c.Logger = dsn, slog.New(slog.NewTextHandler(&log, nil)) })
		_, err := compile(t, refused, "SELECT 1 AS v").Check(t.Context())
		wantRefusal(t, &log)
		if !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) || !strings.Contains(err.Error(), "allow_superuser") {
			t.Errorf("got %v", err)
		}
		allowed := open(t, db, func(c *postgres.Config) { c.DSN, c.AllowSuperuser = dsn, true })
		if _, err := compile(t, allowed, "SELECT 1 AS v").Check(t.Context()); err != nil {
			t.Errorf("although it is allowed: %v", err)
		}
	}
}

func wantRefusal(t *testing.T, log *syncBuffer) {
	t.Helper()
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "the connection to the database is refused") {
		t.Errorf("the log should tell once of a refusal:\n%s", text)
	}
}

// A server that turns the source away is not down, and each reason is told once, on one line.
func TestRefusedConnections(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for name, dsn := range map[string]string{
		"role":     strings.Replace(db.ReaderDSN, "user='"+pgtest.ReaderRole+"'", "user='nobody_here'", 1),
		"database": strings.Replace(db.ReaderDSN, db.Name, "nothing_here", 1),
	} {
		var log syncBuffer
		s := open(t, db, func(c *postgres.Config) { c.DSN, c.Logger = dsn, slog.New(slog.NewTextHandler(&log, nil)) })
		query := compile(t, s, "SELECT 1 AS v")
		for range 3 {
			_, err := query.Check(t.Context())
			if !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) || strings.Count(err.Error(), "_here") != 1 {
				t.Errorf("%s: %v", name, err)
			}
			time.Sleep(60 * time.Millisecond) // so that the database is asked again
		}
		wantRefusal(t, &log)
	}

	var log syncBuffer
	s := open(t, db, func(c *postgres.Config) { // nobody listens at port 1, as somebody may at one that was free a moment ago
		c.DSN, c.Logger = "postgres://reader@127.0.0.1:1/db?sslmode=prefer", slog.New(slog.NewTextHandler(&log, nil))
	})
	_, err := compile(t, s, "SELECT 1 AS v").Check(t.Context())
	if !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) || strings.Count(err.Error(), "connection refused") != 1 || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "the database is unavailable") {
		t.Errorf("the log is\n%s", log.String())
	}
}

// What functions of the database do to the session is undone, and costs no connection.
func TestStatementsCannotChangeTheSession(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE TABLE kept (a int);
		GRANT ALL ON kept TO data_api_reader;
		GRANT TEMP ON DATABASE ` + db.Name + ` TO data_api_reader;
		CREATE FUNCTION quietly(name text, value text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN set_config(name, value, false); END $$;
		CREATE FUNCTION anything(sql text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; RETURN 1; END $$;
		CREATE FUNCTION failing(sql text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; RETURN 1 / 0; END $$;
		CREATE FUNCTION write() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kept VALUES (1); RETURN 1; END $$;`)
	s := open(t, db, oneConnection)
	session := compile(t, s, `SELECT pg_backend_pid() AS pid, (SELECT json_agg(format('%s=%s', name, setting) ORDER BY name) FROM pg_settings
			WHERE source NOT IN ('default', 'override', 'configuration file') OR name IN ('search_path', 'role')) AS settings,
		(SELECT json_agg(name ORDER BY name) FROM pg_prepared_statements WHERE name NOT LIKE 'data\_api\_%') AS prepared,
		(SELECT count(*) FROM pg_cursors WHERE name <> '') AS cursors, (SELECT count(*) FROM pg_listening_channels()) AS channels,
		(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
		current_user AS role, to_regclass('pg_temp.t') IS NULL AS clean`)
	write := compile(t, s, "SELECT write() AS v")
	before := rows(t, session)
	for _, attack := range []string{
		"SELECT quietly('default_transaction_read_only', 'off') AS v",
		"SELECT quietly('TimeZone', 'Asia/Tokyo') AS v",
		"SELECT quietly('DateStyle', 'German') AS v",
		"SELECT quietly('client_encoding', 'LATIN1') AS v",
		"SELECT quietly('search_path', 'pg_temp') AS v",
		"SELECT quietly('statement_timeout', '1') AS v",
		"SELECT quietly('data_api.company', 'globex') AS v",
		"SELECT anything('SELECT pg_' || 'advisory_lock(42)') AS v",
		"SELECT anything('SELECT pg_' || 'advisory_xact_lock(42)') AS v",
		"SELECT anything('SET search_path = pg_temp') AS v",
		"SELECT anything('SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE') AS v",
		"SELECT anything('RESET ALL') AS v",
		"SELECT anything('DECLARE c CURSOR WITH HOLD FOR SELECT 1') AS v",
		"SELECT anything('CREATE TEMP TABLE t (a int)') AS v",
		"SELECT failing('SELECT pg_' || 'advisory_lock(42)') AS v",
		"SELECT failing('SET search_path = pg_temp') AS v",
	} {
		_ = compile(t, s, attack).Run(t.Context(), source.Call{}, &count{}) // some of it PostgreSQL itself refuses
		if after := rows(t, session); after != before {
			t.Errorf("after %s the session is\n%s\nand was\n%s", attack, after, before)
		}
		if err := write.Run(t.Context(), source.Call{}, &count{}); !dataapi.HasCode(err, dataapi.CodeInternal) {
			t.Errorf("a write after %s: %v", attack, err)
		}
	}
	err := compile(t, s, "SELECT quietly('transaction_read_only', 'off') AS v, write() AS w").Run(t.Context(), source.Call{}, &count{})
	if !dataapi.HasCode(err, dataapi.CodeInternal) {
		t.Errorf("a write in the same statement: %v", err)
	}
	if n := scalar[int](t, db, "SELECT count(*)::int FROM kept"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

func TestSchemaChangesBetweenRuns(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("CREATE TABLE things (a int); INSERT INTO things VALUES (1)")
	s := open(t, db, func(c *postgres.Config) { c.MaxConns = 2 })
	query := compile(t, s, "SELECT * FROM things")
	both := func(want string) { // both connections of the pool
		t.Helper()
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if got := rows(t, query); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		}
		wait.Wait()
	}
	both(`[{"a":1}]`)
	db.Exec("ALTER TABLE things ADD b text DEFAULT 'x'")
	both(`[{"a":1,"b":"x"}]`)
	db.Exec("ALTER TABLE things ALTER a TYPE numeric(10,2)")
	both(`[{"a":1.00,"b":"x"}]`)
	db.Exec("CREATE TYPE pair AS (x int, y int); ALTER TABLE things ALTER b DROP DEFAULT, ALTER b TYPE pair USING ROW(1, 2)::pair")
	both(`[{"a":1.00,"b":{"x":1,"y":2}}]`)
	db.Exec("DROP TABLE things")
	if err := query.Run(t.Context(), source.Call{}, &count{}); !dataapi.HasCode(err, dataapi.CodeInternal) || !strings.Contains(err.Error(), `"things" does not exist`) {
		t.Errorf("without the table: %v", err)
	}
	db.Exec("CREATE TABLE things (c bool); INSERT INTO things VALUES (true)")
	both(`[{"c":true}]`)
}

func TestManyRevisionsDoNotPileUp(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := open(t, db, oneConnection)
	for i := range 300 { // 256 are kept
		if got := rows(t, compile(t, s, fmt.Sprintf("SELECT %d AS v", i))); got != fmt.Sprintf(`[{"v":%d}]`, i) {
			t.Fatal(got)
		}
	}
	var got first
	if err := compile(t, s, "SELECT count(*) AS v FROM pg_prepared_statements").Run(t.Context(), source.Call{}, &got); err != nil {
		t.Fatal(err)
	}
	if n, err := strconv.Atoi(got.json[0]); err != nil || n > 256 {
		t.Errorf("%d statements are prepared, %v", n, err)
	}
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://someone:hunter2@localhost:notaport/secretdb", "host='unclosed password=hunter2", "postgres://someone:hunter2@[::1/secretdb",
		"host=localhost password=hunter2 sslmode=nonsense", "password=hunter2 nonsense",
	} {
		if _, err := postgres.New(postgres.Config{DSN: dsn}); err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "secretdb") {
			t.Errorf("New: %v", err)
		}
	}
	var log syncBuffer
	s, err := postgres.New(postgres.Config{
		DSN:    "postgres://someone:hunter2@127.0.0.1:1/secretdb?sslmode=disable",
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = compile(t, s, "SELECT 1 AS v").Check(t.Context())
	if !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{err.Error(), log.String()} {
		for _, secret := range []string{"hunter2", "someone", "secretdb"} {
			if text == "" || strings.Contains(text, secret) {
				t.Errorf("%q holds %q", text, secret)
			}
		}
	}
}

func TestSinkThatPanicsFreesItsConnection(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := open(t, db, oneConnection)
	query := compile(t, s, "SELECT i FROM generate_series(1, 10000) AS i, generate_series(1, 10000) AS j")
	for range 3 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic did not come through")
				}
			}()
			_ = query.Run(t.Context(), source.Call{}, &count{each: func(int) error { panic("a handler's panic") }})
		}()
	}
	panicked := time.Now()
	rows(t, compile(t, s, "SELECT 1 AS v"))
	awaitIdle(t, db, panicked, 2*time.Second)
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	db := pgtest.New(t)
	before := goleak.IgnoreCurrent()
	s, err := postgres.New(postgres.Config{DSN: db.ReaderDSN})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	for range 3 {
		go func() {
			ended <- compile(t, s, "SELECT pg_sleep(3600)::text AS v").Run(context.Background(), source.Call{}, &count{})
		}()
	}
	conn := db.Conn()
	eventually(t, "the queries run", func() bool {
		var n int
		return conn.QueryRow(context.Background(), sleeping).Scan(&n) == nil && n == 3
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	closed := time.Now()
	for range 3 {
		if err := <-ended; !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
			t.Errorf("a query that Close ended: %v", err)
		}
	}
	if err := compile(t, s, "SELECT 1 AS v").Run(t.Context(), source.Call{}, &count{}); !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
		t.Errorf("after Close: %v", err)
	}
	_ = conn.Close(context.Background())
	eventually(t, "no goroutine is left", func() bool { return goleak.Find(before) == nil })
	left := "SELECT count(*)::int FROM pg_stat_activity WHERE usename = '" + pgtest.ReaderRole + "' AND datname = current_database()"
	eventually(t, "no connection is left", func() bool { return scalar[int](t, db, left) == 0 })
	within(t, db, "the end of the last connection", time.Since(closed), 2*time.Second)
}

func TestConfigurationIsChecked(t *testing.T) {
	for _, n := range []int{-1, 10_001} {
		if _, err := postgres.New(postgres.Config{DSN: "host=localhost", MaxConns: n}); err == nil {
			t.Errorf("max_conns %d was accepted", n)
		}
	}
}
