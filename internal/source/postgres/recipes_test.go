package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// These tests hold what docs/postgresql.md says of PostgreSQL itself.

func TestTextIsComparedAsText(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE EXTENSION citext;
		CREATE TABLE people (email citext, code char(5));
		INSERT INTO people SELECT 'Person' || i || '@example.com', 'a' || i FROM generate_series(1, 500) AS i;
		INSERT INTO people VALUES ('Ana@Example.com', 'ab');
		CREATE INDEX emails ON people (email); CREATE INDEX codes ON people (code); ANALYZE people`)
	s := open(t, db)
	for _, c := range []struct {
		where, value string
		rows         int
		index        bool
	}{
		{"email = @v", "ana@example.com", 0, false},
		{"email = @v", "Ana@Example.com", 1, false},
		{"email = @v::citext", "ana@example.com", 1, true},
		{"code = @v", "ab", 1, false},
		{"code = @v", "ab   ", 0, false},
		{"code = @v::bpchar", "ab", 1, true},
		{"code = @v::bpchar", "ab   ", 1, true},
		{"code = @v::bpchar", "abcdefgh", 0, true},
		{"code = @v::char(2)", "abcdefgh", 1, true}, // which cuts the value
	} {
		sink := &count{}
		query := compile(t, s, "SELECT 1 AS one FROM people WHERE "+c.where, source.Param{Name: "v", Type: source.ParamString})
		if err := query.Run(t.Context(), source.Call{Args: []source.Argument{text(c.value)}}, sink); err != nil || sink.rows != c.rows {
			t.Errorf("%s with %q: %d rows, %v", c.where, c.value, sink.rows, err)
		}
		plan := explain(t, db, "SELECT 1 FROM people WHERE "+strings.Replace(c.where, "@v", "$1", 1), c.value)
		if index := strings.Contains(plan, "Index Cond"); index != c.index {
			t.Errorf("%s: the index is used: %t\n%s", c.where, index, plan)
		}
	}
}

// explain shows the plan of a statement with one text, where an index is used if it can be.
func explain(t *testing.T, db *pgtest.DB, sql, value string) string {
	t.Helper()
	conn := db.Conn()
	for _, statement := range []string{"SET enable_seqscan = off", "PREPARE explained (text) AS " + sql} {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
	answer, err := conn.Query(context.Background(), "EXPLAIN EXECUTE explained ('"+value+"')")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	var plan strings.Builder
	for answer.Next() {
		var line string
		if err := answer.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := answer.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

func TestPlanCacheMode(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE TABLE events (kind text); INSERT INTO events SELECT CASE WHEN i = 1 THEN 'rare' ELSE 'usual' END FROM generate_series(1, 1000) AS i;
		ANALYZE events`)
	login, dsn := limitedLogin(t, db)
	db.Exec("GRANT SELECT ON events TO " + login)
	t.Cleanup(func() { db.Exec("DROP OWNED BY " + login) })
	generic := func(dsn string) string {
		s := open(t, db, oneConnection, func(c *postgres.Config) { c.DSN = dsn })
		query := compile(t, s, "SELECT count(*) AS n FROM events WHERE kind = @v", source.Param{Name: "v", Type: source.ParamString})
		for range 8 {
			rows(t, query, text("rare"))
		}
		return rows(t, compile(t, s, "SELECT sum(generic_plans) > 0 AS v FROM pg_prepared_statements WHERE parameter_types <> '{}'"))
	}
	if got := generic(dsn); got != `[{"v":true}]` {
		t.Errorf("by itself PostgreSQL makes a generic plan: %s", got)
	}
	if got := generic(dsn + " options=-cplan_cache_mode=force_custom_plan"); got != `[{"v":false}]` {
		t.Errorf("with options: %s", got)
	}
	db.Exec("ALTER ROLE " + login + " SET plan_cache_mode = force_custom_plan")
	if got := generic(dsn); got != `[{"v":false}]` {
		t.Errorf("with ALTER ROLE: %s", got)
	}
}

// A second source of the same login, without role and claims, must not be able to do what the first one's statements may.
func TestSecondSourceOfOneLogin(t *testing.T) {
	t.Parallel()
	b := newTenants(t)
	b.Exec(`CREATE TABLE prices (n int); INSERT INTO prices VALUES (1); GRANT SELECT ON prices TO ` + b.running + `;
		CREATE FUNCTION claim(company text) RETURNS text LANGUAGE plpgsql AS $$
			BEGIN RETURN set_config('data_api.company', company, false); END $$`)
	second := open(t, b.DB, func(c *postgres.Config) { c.DSN = b.dsn })
	for _, sql := range []string{
		"SELECT n FROM prices",
		"SELECT s.id FROM (SELECT claim('acme') OFFSET 0) AS c, sales AS s",
	} {
		sink := &count{}
		err := compile(t, second, sql).Run(t.Context(), source.Call{}, sink)
		if sink.rows > 0 || !dataapi.HasCode(err, dataapi.CodeInternal) || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %d rows, %v", sql, sink.rows, err)
		}
	}
	first := compile(t, b.open(t), "SELECT id FROM sales")
	sink := &count{}
	if err := first.Run(t.Context(), source.Call{Claims: source.Claims{Company: "acme"}}, sink); err != nil || sink.rows != rowsOfATenant {
		t.Errorf("the first source: %d rows, %v", sink.rows, err)
	}

	// What NOINHERIT is for. From PostgreSQL 16 on it is the membership that decides, as it was granted.
	b.Exec("ALTER ROLE " + b.login + " INHERIT; REVOKE " + b.running + " FROM " + b.login + "; GRANT " + b.running + " TO " + b.login)
	sink = &count{}
	if err := compile(t, second, "SELECT n FROM prices").Run(t.Context(), source.Call{}, sink); err != nil || sink.rows != 1 {
		t.Errorf("a login that inherits: %d rows, %v", sink.rows, err)
	}
}
