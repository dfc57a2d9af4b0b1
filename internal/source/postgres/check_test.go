package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

func TestCheckNamesTheFault(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE TABLE open (a int, b text); CREATE TABLE closed (a int); REVOKE ALL ON closed FROM data_api_reader`)
	s := open(t, db)
	for _, test := range []struct {
		sql, message string
		offset       int
	}{
		{"SELECT 1", "column 1 has no name: give it one with AS", -1},
		{"SELECT a, b, a FROM open", `columns 1 and 3 are both named "a"`, -1},
		{"SELECT count(*), b, count(a) FROM open GROUP BY b", `columns 1 and 3 are both named "count"`, -1},
		{"SELECT FROM open", "no columns", -1},
		{"SELECT 'é', a, @p, nosuch FROM open", `column "nosuch" does not exist`, 20},
		{"/* é */ SELEC 1", `syntax error at or near "SELEC"`, 9},
		{"SELECT a FROM closed", "permission denied for table closed", -1},
		{"SELECT 1 AS a; SELECT 2 AS a", "there must be only one statement", -1},
		{"SELECT a FROM open FOR UPDATE", "FOR UPDATE in a read-only transaction", -1},
		{"WITH gone AS (DELETE FROM open RETURNING a) SELECT a FROM gone", "an endpoint must not contain data-modifying statements in WITH", -1},
		{"SELECT b = @number AS a FROM open", "operator does not exist: text = bigint", 9},
		{"SELECT 1 AS a WHERE", "syntax error at end of input", 19},
		{"SELECT '", "unterminated quoted string", 7},
		{"SELECT a FROM open)", `syntax error at or near ")"`, 18},
		{"INSERT INTO open VALUES (1)", `syntax error at or near "INSERT". An endpoint is one SELECT, VALUES or WITH`, 0},
		{"/* why */\nUPDATE open SET a = 1", "An endpoint is one SELECT, VALUES or WITH", 10},
	} {
		query, err := s.Compile(source.Statement{SQL: test.sql, MaxRows: 1, Params: []source.Param{
			{Name: "p", Type: source.ParamString}, {Name: "number", Type: source.ParamInteger},
		}})
		if err == nil {
			_, err = query.Check(t.Context())
		}
		fault, ok := errors.AsType[*source.StatementError](err)
		if !ok || fault.Offset != test.offset || !strings.Contains(fault.Message, test.message) {
			t.Errorf("%s\n got  %v\n want %q at %d", test.sql, err, test.message, test.offset)
		}
	}
}

func TestCheckAcceptsEveryQuery(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL);
		CREATE FUNCTION must(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF $1 IS NULL THEN RAISE 'null!'; END IF; RETURN $1; END $$`)
	s := open(t, db)
	for _, test := range []struct{ sql, want string }{
		{"VALUES (1, 'x'), (2, 'y')", `[{"column1":1,"column2":"x"},{"column1":2,"column2":"y"}]`},
		{"TABLE t", `[{"a":1,"b":"x"},{"a":2,"b":null}]`},
		{"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM n", `[{"i":1},{"i":2},{"i":3}]`},
		{"(SELECT 1 AS a) UNION ALL (SELECT 2)", `[{"a":1},{"a":2}]`},
		{"SELECT a FROM t ORDER BY a DESC LIMIT 1; ; -- the end", `[{"a":2}]`},
		{"-- first\nSELECT a AS \"the \"\"A\"\"\" FROM t WHERE a = 1 -- no line end", `[{"the \"A\"":1}]`},
		{"SELECT must(@p) AS v", `[{"v":"given"}]`},
		{"SELECT 10 / length(@p) AS v", `[{"v":2}]`},
		{"SELECT @p AS v, (@p IS NULL) AS n", `[{"v":"given","n":false}]`},
	} {
		query := compile(t, s, test.sql, source.Param{Name: "p", Type: source.ParamString})
		if _, err := query.Check(t.Context()); err != nil {
			t.Errorf("%s: %v", test.sql, err)
			continue
		}
		if got := rows(t, query, text("given")); got != test.want {
			t.Errorf("%s\n got  %s\n want %s", test.sql, got, test.want)
		}
	}
}

func TestDeclaredColumns(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := open(t, db)
	const sql = `SELECT 2.345 AS n, 7 AS i, 'x' AS t, 1.5::float8 AS f, 'NaN'::numeric AS nan, '{"a":1}'::json AS j, true AS b, NULL::int4 AS z`
	scale := func(n int) source.ColumnSpec { return source.ColumnSpec{Scale: &n} }
	typ := func(t source.Type) source.ColumnSpec { return source.ColumnSpec{Type: t} }
	query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 1, Columns: map[string]source.ColumnSpec{
		"n": scale(2), "i": scale(1), "t": typ(source.TypeDate), "f": typ(source.TypeDecimal), "nan": scale(3), "z": scale(0), "unused": typ(source.TypeJSON),
	}})
	if err != nil {
		t.Fatal(err)
	}
	columns, err := query.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const want = "[{n decimal} {i decimal} {t date} {f decimal} {nan decimal} {j json} {b boolean} {z decimal}]"
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = fmt.Sprintf("{%s %s}", column.Name, column.Type)
	}
	if got := fmt.Sprint(list); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := rows(t, query); got != `[{"n":2.35,"i":7.0,"t":"x","f":1.5,"nan":"NaN","j":{"a":1},"b":true,"z":null}]` {
		t.Error(got)
	}
	for column, spec := range map[string]source.ColumnSpec{
		"t": scale(2), "f": scale(2), "i": scale(-1), "n": scale(1001), "b": typ(source.TypeVarchar), "j": typ(source.TypeVarchar), "z": typ(source.TypeVarchar),
	} {
		query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 1, Columns: map[string]source.ColumnSpec{column: spec}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = query.Check(t.Context())
		if fault, ok := errors.AsType[*source.StatementError](err); !ok || !strings.Contains(fault.Message, "column "+column+":") {
			t.Errorf("%s as %+v: got %v", column, spec, err)
		}
	}
}

func TestMaxRowsIsChecked(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t))
	if _, err := s.Compile(source.Statement{SQL: "SELECT 1 AS a"}); err == nil {
		t.Error("max_rows 0 was accepted")
	}
}

// A database that takes longer to plan a statement than there is time is told from one that does not answer: it is known to
// be at work, and others can be asked about.
func TestAStatementThatIsSlowToPlan(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE FUNCTION slow() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN 1; END $$`)
	s := open(t, db)
	if _, err := compile(t, s, "SELECT 0 AS v").Check(t.Context()); err != nil { // the time is not for connecting
		t.Fatal(err)
	}
	var err error
	// A busy machine may not come to ask within the first limits.
	for limit := 200 * time.Millisecond; limit <= 20*time.Second && !errors.Is(err, source.ErrPlanning); limit *= 10 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		_, err = compile(t, s, "SELECT slow() AS v").Check(ctx)
		cancel()
	}
	if !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) || !errors.Is(err, source.ErrPlanning) {
		t.Errorf("got %v", err)
	}
	if _, err := compile(t, s, "SELECT 1 AS v").Check(t.Context()); err != nil {
		t.Error(err)
	}
	// Without the time even to ask, nothing is known of the database.
	over, cancelOver := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelOver()
	if _, err := compile(t, s, "SELECT 1 AS v").Check(over); !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) || errors.Is(err, source.ErrPlanning) {
		t.Errorf("got %v", err)
	}
}

// What the database refuses when the statement runs, and not when it is asked, is a fault of the statement too.
func TestAFaultInsideOfAFunction(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE FUNCTION inside() RETURNS bigint STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM nowhere); END $$`)
	query := compile(t, open(t, db), "SELECT inside() AS v")
	if _, err := query.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := query.Run(t.Context(), source.Call{}, result.NewJSON(io.Discard, result.JSONOptions{}))
	fault, ok := errors.AsType[*source.StatementError](err)
	if !ok || fault.Message != `relation "nowhere" does not exist (SQLSTATE 42P01)` || !dataapi.HasCode(err, dataapi.CodeInternal) {
		t.Errorf("got %v", err)
	}
	if _, ok := errors.AsType[*pgconn.PgError](err); !ok {
		t.Error("the database's own error is lost")
	}
}
