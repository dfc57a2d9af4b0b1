package sourcetest

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

// plainName matches names that need no quotes in any dialect.
var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// testDescribe looks at what a source says of its tables, which has to be true: a statement can read them by these names.
func testDescribe(t *testing.T, db Database) {
	s := open(t, db, 2)
	describer, ok := s.(source.Describer)
	if !ok {
		return // it is optional
	}
	const many = 1000
	schema, err := describer.Describe(t.Context(), many, many)
	if err != nil {
		t.Fatal(err)
	}
	seen, columns := make(map[string]bool), 0
	for _, table := range schema.Tables {
		name := table.Schema + "." + table.Name
		if seen[name] || table.Name == "" || table.Kind == "" || len(table.Columns) == 0 {
			t.Errorf("the table %s is said twice, or something of it is missing: %+v", name, table)
		}
		seen[name] = true
		columns += len(table.Columns)
		testReadable(t, s, &table)
	}
	if len(seen) < 2 {
		t.Fatalf("there are %d tables: the database of this test needs two at least", len(seen))
	}
	if len(seen) >= many || columns >= many {
		t.Fatalf("the database has %d tables with %d columns: this test is for a smaller one", len(seen), columns)
	}
	if schema.Truncated {
		t.Error("it is truncated, though nothing is left out")
	}
	for _, limits := range [][2]int{{1, many}, {many, columns - 1}} {
		cut, err := describer.Describe(t.Context(), limits[0], limits[1])
		if err != nil || !cut.Truncated || len(cut.Tables) != min(limits[0], len(seen)-1) {
			t.Errorf("at most %d tables and %d columns, of %d and %d: got %d tables, truncated %t, %v; "+
				"want %d that are truncated: one that does not fit in whole is left out",
				limits[0], limits[1], len(seen), columns, len(cut.Tables), cut.Truncated, err, min(limits[0], len(seen)-1))
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := describer.Describe(ended, many, many); err == nil {
		t.Error("it does not obey its context")
	}
}

// testReadable reads a table by the names that were said.
func testReadable(t *testing.T, s source.Source, table *source.Table) {
	t.Helper()
	name := table.Name
	if table.Schema != "" {
		name = table.Schema + "." + name
	}
	var columns []string
	for _, column := range table.Columns {
		if column.Name == "" {
			t.Errorf("the table %s has a column without a name", name)
		}
		if plainName.MatchString(column.Name) {
			columns = append(columns, column.Name)
		}
	}
	if len(columns) == 0 || !plainName.MatchString(table.Name) || table.Schema != "" && !plainName.MatchString(table.Schema) {
		return
	}
	froms := []string{name}
	if table.Plain {
		froms = append(froms, table.Name)
	}
	for _, from := range froms {
		query, err := s.Compile(source.Statement{SQL: "SELECT " + strings.Join(columns, ", ") + " FROM " + from, MaxRows: 1})
		if err == nil {
			_, err = query.Check(t.Context())
		}
		if err != nil {
			t.Errorf("reading %s by its names: %v", from, err)
		}
	}
}
