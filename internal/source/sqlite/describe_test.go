package sqlite

import (
	"reflect"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	s := openSource(t, create(t, `CREATE TABLE sales (month DATE NOT NULL, total DECIMAL(12,2), "a ""b" TEXT);
		CREATE VIEW sums AS SELECT month, sum(total) AS total FROM sales GROUP BY month;
		CREATE VIRTUAL TABLE notes USING fts5(body); CREATE INDEX i ON sales (month); CREATE TABLE sqlitex (a INTEGER)`), 1)
	schema, err := s.Describe(t.Context(), 100, 100)
	if err != nil {
		t.Fatal(err)
	}
	want := source.Schema{Tables: []source.Table{
		{Name: "notes", Kind: source.KindTable, Plain: true, Columns: []source.TableColumn{{Name: "body", Nullable: true}}},
		{Name: "sales", Kind: source.KindTable, Plain: true, Columns: []source.TableColumn{
			{Name: "month", Type: "DATE"}, {Name: "total", Type: "DECIMAL(12,2)", Nullable: true}, {Name: `a "b`, Type: "TEXT", Nullable: true},
		}},
		{Name: "sqlitex", Kind: source.KindTable, Plain: true, Columns: []source.TableColumn{{Name: "a", Type: "INTEGER", Nullable: true}}},
		{Name: "sums", Kind: source.KindView, Plain: true, Columns: []source.TableColumn{
			{Name: "month", Type: "DATE", Nullable: true}, {Name: "total", Nullable: true},
		}},
	}}
	if !reflect.DeepEqual(schema, want) {
		t.Errorf("got  %+v\nwant %+v", schema, want)
	}
	// The door is closed again.
	for _, sql := range []string{"SELECT name FROM pragma_table_list", "SELECT name FROM pragma_table_xinfo('sales')", "PRAGMA table_list"} {
		query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 1})
		if err == nil {
			_, err = query.Check(t.Context())
		}
		if err == nil {
			t.Errorf("%s is accepted", sql)
		}
	}
}
