package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// TestTheDatabaseSeesWhoseAStatementIs: however a statement is run, pg_stat_activity shows its name at the beginning. A name
// that could be read as SQL is left out.
func TestTheDatabaseSeesWhoseAStatementIs(t *testing.T) {
	db := pgtest.New(t)
	const sql = "SELECT query AS q FROM pg_stat_activity WHERE pid = pg_backend_pid() AND @p = 'x'"
	for way, change := range map[string]func(*postgres.Config){
		"prepared": func(*postgres.Config) {}, "unprepared": func(c *postgres.Config) { c.NoStatementCache = true },
		"as a role": func(c *postgres.Config) { c.Role = "data_api_reader" }, "with claims": func(c *postgres.Config) { c.Claims, c.AllowSetConfig = true, true },
	} {
		s := open(t, db, change)
		for name, shown := range map[string]bool{
			"acme/default/sales-by-region": true, "": false, "acme */ SELECT 1; /*": false, "acme/default/é": false, "a\n": false,
		} {
			query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 1, Name: name, Params: []source.Param{{Name: "p", Type: source.ParamString}}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := query.Check(t.Context()); err != nil {
				t.Fatalf("%s: %v", way, err)
			}
			want := `[{"q":"SELECT `
			if shown {
				want = `[{"q":"/* ` + name + ` */ SELECT `
			}
			for range 2 {
				if got := rows(t, query, text("x")); !strings.HasPrefix(got, want) {
					t.Errorf("%s, %q: the database sees %s", way, name, got)
				}
			}
		}
	}
}

// TestANameMovesNoFault: where a statement is at fault does not depend on what it is called.
func TestANameMovesNoFault(t *testing.T) {
	s := open(t, pgtest.New(t))
	for _, sql := range []string{"SELECT 1 AS a,\n  nosuch AS b", "SELECT 'é' AS a, @p + 1 AS b", "UPDATE t SET a = 1"} {
		var faults [2]source.StatementError
		for i, name := range []string{"", "acme/default/a-long-name"} {
			query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 1, Name: name, Params: []source.Param{{Name: "p", Type: source.ParamString}}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = query.Check(t.Context())
			fault, ok := errors.AsType[*source.StatementError](err)
			if !ok || fault.Offset < 0 {
				t.Fatalf("%s: %v", sql, err)
			}
			faults[i] = source.StatementError{Offset: fault.Offset, Message: fault.Message}
		}
		if faults[0].Offset != faults[1].Offset || faults[0].Message != faults[1].Message {
			t.Errorf("%s: %+v, with a name %+v", sql, faults[0], faults[1])
		}
	}
}

// BenchmarkNamedPoint is BenchmarkPoint for a statement with a name.
func BenchmarkNamedPoint(b *testing.B) {
	db := pgtest.New(b)
	for _, named := range []string{"", "acme/default/sales-by-region"} {
		for way, change := range map[string]func(*postgres.Config){
			"prepared": func(*postgres.Config) {}, "unprepared": func(c *postgres.Config) { c.NoStatementCache = true },
		} {
			b.Run(way+"/named="+named, func(b *testing.B) {
				query, err := open(b, db, change).Compile(source.Statement{SQL: "SELECT 1 AS one", MaxRows: 1, Name: named})
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if err := query.Run(b.Context(), source.Call{}, new(count)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
