package document

import (
	"fmt"
	"slices"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sqltext"
)

// builtIn are the dialects of the built-in sources.
var builtIn = []source.Dialect{
	sqltext.Rules{NestedComments: true, DollarQuotes: true, EscapeStrings: true}, sqltext.Rules{Backticks: true, Brackets: true},
}

func TestStatementFaults(t *testing.T) {
	const begin, second = "a statement must begin with SELECT, VALUES or WITH; this one begins with ", "only one statement is allowed: remove what follows its semicolon"
	style := func(offset int, placeholder string) string {
		return fmt.Sprintf("%d: write a parameter as @name, not as %s", offset, placeholder)
	}
	for _, test := range []struct {
		sql  string
		want []string
	}{
		{"SELECT 1", nil},
		{"-- c\n/* c */ select 1; -- end ; \n /* ; */ ", nil},
		{"VALUES (1)", nil},
		{"with x AS (SELECT 1) SELECT * FROM x ;", nil},
		{"(SELECT 1) UNION (SELECT 2)", nil}, // PostgreSQL takes it
		{"/* SELECT */ DELETE FROM t", []string{"13: " + begin + "DELETE"}},
		{"SELECTED", []string{"0: " + begin + "SELECTED"}},
		{"TABLE t", []string{"0: " + begin + "TABLE"}},
		{"SELECT 1; SELECT 2; SELECT 3", []string{"10: " + second}},
		{"DROP TABLE t;x", []string{"0: " + begin + "DROP", "13: " + second}},
		{"SELECT ';', \";\", 'it'';s' -- ; x", nil},
		{"SELECT $$; $1 :x$$, $t$ ; $t$", nil}, // text in PostgreSQL
		{"SELECT [a;b], `a;b` FROM t", nil},    // names in SQLite
		{"SELECT E'\\'; x'", nil},
		{"SELECT $1, a$1, x=$2", []string{style(7, "$1"), style(18, "$2")}},
		{"SELECT ?1, x ? 'a', x ?| y", []string{style(7, "?1")}},
		{"SELECT ?", nil}, // an operator's beginning in PostgreSQL
		{"SELECT :days, @x::date, @x :: date, a[1:n], ':x', \":x\"", []string{"7: write a parameter as @days, not as :days"}},
		{"SELECT {{ dataInicio }}, ${n}, #{n}, {n}, '{{n}}', ARRAY[1]", []string{
			"7: write a parameter as @data_inicio, not as {{ dataInicio }}", "25: write a parameter as @n, not as ${n}",
			"31: write a parameter as @n, not as #{n}", "37: write a parameter as @n, not as {n}",
		}},
		{"SELECT {{}}, {", []string{style(7, "{{}}")}},
		{"SELECT a /* :x /* $1 */ :y */", nil}, // :y is a comment in PostgreSQL
		{"SELECT $name", []string{style(7, "$name")}},
		{"SELECT 'open ; :x", nil},
	} {
		var got []string
		for _, fault := range readStatement(test.sql, builtIn).faults {
			got = append(got, fmt.Sprintf("%d: %s", fault.Offset, fault.Message))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s\n got  %q\n want %q", test.sql, got, test.want)
		}
	}
}

// A use that one dialect sees is enough: what may be used is not called unused.
func TestMentions(t *testing.T) {
	for sql, want := range map[string]bool{
		"SELECT @a": true, "SELECT x@a": true, "SELECT x<@a": true, "SELECT x @@a": true, "SELECT @a::int": true,
		"SELECT /* /* */ @a": true, "SELECT `it's` = @a": true, "SELECT [it's], @a, [it's]": true, "SELECT ARRAY[@a]": true,
		"SELECT @ab": false, "SELECT '@a'": false, "SELECT 1 -- @a": false, "SELECT /* @a */ 1": false, `SELECT "@a"`: false,
		"SELECT @A": false, "SELECT a": false, "SELECT 'it''s @a'": false,
	} {
		if got := readStatement(sql, builtIn).mentioned["a"]; got != want {
			t.Errorf("%s: %t", sql, got)
		}
	}
}

// FuzzStatement looks for panics and for places outside of the text.
func FuzzStatement(f *testing.F) {
	for _, sql := range []string{"SELECT $a$ @a $a$ /* /* */ E'\\''", "SELECT [a] :b ?1 $1 @@c; x", "'", "$", "@", "/*", "e'\\", "a$"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		read := readStatement(sql, builtIn)
		for _, fault := range read.faults {
			if fault.Offset < 0 || fault.Offset >= len(sql) {
				t.Errorf("offset %d", fault.Offset)
			}
		}
		for _, use := range read.uses {
			if sql[use.Offset:use.Offset+1+len(use.Name)] != "@"+use.Name || !read.mentioned[use.Name] {
				t.Errorf("%+v", use)
			}
		}
	})
}

// TestStatementsAreReadInTheDialectOfTheirSource: what one source takes for two statements is a name to another.
func TestStatementsAreReadInTheDialectOfTheirSource(t *testing.T) {
	const sql = "SELECT [a;b] FROM t"
	known := Dialects{BySource: map[string]source.Dialect{"pg": builtIn[0], "lite": builtIn[1]}, Others: builtIn}
	for name, want := range map[string]int{"pg": 1, "lite": 0, "another": 0} {
		if got := readStatement(sql, known.of(name)).faults; len(got) != want {
			t.Errorf("for %s: %v", name, got)
		}
	}
}
