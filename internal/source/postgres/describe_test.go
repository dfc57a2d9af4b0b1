package postgres_test

import (
	"reflect"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/source"
)

// What the role cannot read is not told: a table, a column, a schema.
func TestDescribeTellsWhatTheRoleReads(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE TABLE sales (month date NOT NULL, total numeric(12,2), secret text);
		COMMENT ON TABLE sales IS 'Homes sold'; COMMENT ON COLUMN sales.total IS 'in dollars';
		CREATE TABLE hidden (a int8);
		CREATE SCHEMA side; CREATE TABLE side."Odd name" ("A b" text[], "quote""d" jsonb); CREATE MATERIALIZED VIEW side.sums AS SELECT 1 AS one;
		CREATE SCHEMA closed; CREATE TABLE closed.sales (a int8);
		CREATE TABLE parts (a int8) PARTITION BY RANGE (a); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (2)`)
	db.Exec("REVOKE ALL ON sales, hidden FROM " + pgtest.ReaderRole + "; GRANT SELECT (month, total) ON sales TO " + pgtest.ReaderRole + "; GRANT SELECT ON parts, parts_1, closed.sales TO " + pgtest.ReaderRole +
		"; GRANT USAGE ON SCHEMA side TO " + pgtest.ReaderRole + "; GRANT SELECT ON ALL TABLES IN SCHEMA side TO " + pgtest.ReaderRole)
	schema, err := open(t, db).Describe(t.Context(), 100, 100)
	if err != nil {
		t.Fatal(err)
	}
	want := source.Schema{Tables: []source.Table{
		{Schema: "public", Name: "parts", Kind: source.KindTable, Plain: true, Columns: []source.TableColumn{{Name: "a", Type: "bigint", Nullable: true}}},
		{Schema: "public", Name: "sales", Kind: source.KindTable, Comment: "Homes sold", Plain: true, Columns: []source.TableColumn{
			{Name: "month", Type: "date"}, {Name: "total", Type: "numeric(12,2)", Nullable: true, Comment: "in dollars"},
		}},
		{Schema: "side", Name: "Odd name", Kind: source.KindTable, Columns: []source.TableColumn{
			{Name: "A b", Type: "text[]", Nullable: true}, {Name: `quote"d`, Type: "jsonb", Nullable: true},
		}},
		{Schema: "side", Name: "sums", Kind: source.KindMaterializedView, Columns: []source.TableColumn{{Name: "one", Type: "integer", Nullable: true}}},
	}}
	if !reflect.DeepEqual(schema, want) {
		t.Errorf("got  %+v\nwant %+v", schema, want)
	}
}
