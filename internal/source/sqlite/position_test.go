package sqlite

import (
	"errors"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

// A fault points at what is wrong wherever SQLite says where, and where the text itself tells.
func TestFaultsHaveTheirPlace(t *testing.T) {
	s := openSource(t, create(t, "CREATE TABLE sales(region, total)"), 1)
	for _, test := range []struct {
		sql, message string
		offset       int
	}{
		{"SELECT region FROM salles", "no such table: salles", strings.Index("SELECT region FROM salles", "salles")},
		{"SELECT 'salles' AS a FROM main.Salles", "no such table: main.Salles", -1}, // twice: a text counts as a name
		{"SELECT 1 AS a -- salles\nFROM \"salles\"", "no such table: salles", 29},
		{"SELECT salles.region FROM salles", "no such table: salles", -1},
		{"SELECT region FROM", "incomplete input", 18},
		{"SELECT region FROM ;", "incomplete input", 18},
		{"SELECT (region FROM sales", `near "FROM": syntax error`, 15},
		{"SELECT region, nosuch FROM sales", "no such column: nosuch", 15},
		{"SELECT region, nosuch(total) AS n FROM sales", "no such function: nosuch", 15},
		{"SELECT region FROM sales ORDER BY region COLLATE german", "no such collation sequence: german", 49},
	} {
		query, err := s.Compile(source.Statement{SQL: test.sql, MaxRows: 1})
		if err != nil {
			t.Fatalf("%s: %v", test.sql, err)
		}
		_, err = query.Check(t.Context())
		fault, ok := errors.AsType[*source.StatementError](err)
		if !ok || fault.Message != test.message || fault.Offset != test.offset {
			t.Errorf("%s\n got  %v\n want %q at byte %d", test.sql, err, test.message, test.offset)
		}
	}
}
