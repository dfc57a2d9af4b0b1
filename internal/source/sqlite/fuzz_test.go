package sqlite

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/source"
)

// FuzzCompile compares what Compile lets pass with what SQLite itself makes of the text.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"SELECT @a AS a", "SELECT '@b' AS a;", "SELECT \"a;b\" FROM (SELECT 1 AS \"a;b\") -- ;@b\n;", "VALUES (@a, @b)",
		"WITH x AS (SELECT @a) SELECT * FROM x; SELECT 2", "SELECT /* ; */ 1 AS [a;] ;/**/ -- x", "SELECT `;` FROM t",
		"SELECT @a::text", "SELECT @a(b)", "SELECT ?1, :a, $b", "SELECT x'3b', 1e5@a", "SELECT 1 /*/ ; /*/", "SELECT 'it''s;'", "SELECT @é",
		"SELECT 1 --\r; SELECT 2", "SELECT 1;\ufeffSELECT 2", "SELECT @a$b", "SELECT 1 /*", "SELECT 'open",
	} {
		f.Add(seed)
	}
	db, err := sqlite3.Open(":memory:")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	if err := db.Exec("CREATE TABLE t(a, b)"); err != nil {
		f.Fatal(err)
	}
	s := newSource(f, "unused.db", 1)
	declared := []source.Param{{Name: "a", Type: source.ParamString}, {Name: "b", Type: source.ParamString}}

	f.Fuzz(func(t *testing.T, sql string) {
		compiled, err := s.Compile(source.Statement{SQL: sql, Params: declared, MaxRows: 1})
		if err != nil {
			if fault, ok := errors.AsType[*source.StatementError](err); !ok || fault.Offset < -1 || fault.Offset > len(sql) {
				t.Fatalf("%q: %v", sql, err)
			}
			return
		}
		q := compiled.(*query)
		if !strings.HasPrefix(sql, q.sql) {
			t.Fatalf("%q became %q", sql, q.sql)
		}
		// What follows the statement that Compile found must be nothing to SQLite either.
		if rest := strings.TrimPrefix(sql[len(q.sql):], ";"); rest != "" {
			if stmt, _, err := db.Prepare(rest); err != nil || stmt != nil {
				t.Fatalf("%q: behind the statement is %q (%v)", sql, rest, err)
			}
		}
		stmt, tail, err := db.Prepare(q.sql)
		if err != nil {
			return // not SQL: for Check to refuse
		}
		defer stmt.Close()
		if tail != "" {
			t.Fatalf("%q: SQLite sees the further statement %q", sql, tail)
		}
		for i := range stmt.BindCount() {
			if name := stmt.BindName(i + 1); name != "@a" && name != "@b" {
				t.Fatalf("%q: SQLite sees the parameter %q", sql, name)
			}
		}
	})
}

// FuzzText reads any text as every type: nothing may panic, and what passes must be what it claims to be.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"2024-02-29", "2026-01-31 10:00:00.123456+02:00", "23:59", "150000.00", "-1", "[1]", "507f1f77-bcf8-6cd7-9943-9011aabbccdd", "\xff", "",
	} {
		f.Add(seed)
	}
	s := newSource(f, create(f, "CREATE TABLE t(a)"), 1)
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		b := []byte(text)
		if _, rest, ok := readDate(b); ok && len(rest) == 0 && !sqliteReads(t, s, "date(@p)", text) {
			t.Errorf("%q was read as a date", text)
		}
		if _, rest, ok := readTime(b); ok && len(rest) == 0 && !sqliteReads(t, s, "time(@p)", text) {
			t.Errorf("%q was read as a time", text)
		}
		if _, _, ok := readTimestamp(b); ok && !sqliteReads(t, s, "datetime(@p)", text) {
			t.Errorf("%q was read as a timestamp", text)
		}
		if isPlainNumber(b) && !sqliteReads(t, s, "CASE WHEN json_valid(@p) THEN @p END", text) {
			t.Errorf("%q was read as a number", text)
		}
	})
}

// sqliteReads reports whether the expression over the text is not NULL.
func sqliteReads(t *testing.T, s *Source, expression, text string) bool {
	t.Helper()
	query, err := s.Compile(source.Statement{
		SQL: "SELECT " + expression + " IS NOT NULL AS a", MaxRows: 1, Params: []source.Param{{Name: "p", Type: source.ParamString}},
	})
	if err != nil {
		t.Fatal(err)
	}
	sink := &rowSink{}
	if err := query.Run(context.Background(), source.Call{Args: []source.Argument{{Type: source.ParamString, Text: text}}}, sink); err != nil {
		t.Fatal(err)
	}
	return sink.rows[0] == "int 1"
}
