package postgres_test

import (
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/source"
)

// TestColumnsTellTheirDigits: what the table declares, or the endpoint; nothing for a sum, whose digits nobody bounds.
func TestColumnsTellTheirDigits(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE TABLE digits (price numeric(12,2), hundreds numeric(3,-2), tiny numeric(2,5), free numeric, list numeric(9,3)[], n int);
		INSERT INTO digits VALUES (1.5, 12345, 0.00012, 1.23, '{1,2.5}', 7); GRANT SELECT ON digits TO PUBLIC`)
	s := open(t, db, oneConnection)
	scale := 4
	query, err := s.Compile(source.Statement{
		SQL: "SELECT price, hundreds, tiny, free, list, n, sum(price) AS total, sum(price) AS rounded FROM digits GROUP BY 1, 2, 3, 4, 5, 6", MaxRows: 10,
		Columns: map[string]source.ColumnSpec{"rounded": {Scale: &scale}},
	})
	if err != nil {
		t.Fatal(err)
	}
	look := func() map[string]source.Digits {
		var sink count
		if err := query.Run(t.Context(), source.Call{}, &sink); err != nil {
			t.Fatal(err)
		}
		found := map[string]source.Digits{}
		for _, column := range sink.columns {
			found[column.Name] = column.Digits
		}
		return found
	}
	want := map[string]source.Digits{
		"price": {Fixed: true, Scale: 2, Precision: 12}, "hundreds": {Fixed: true, Precision: 5}, "tiny": {Fixed: true, Scale: 5, Precision: 5},
		"free": {}, "list": {Fixed: true, Scale: 3, Precision: 9}, "n": {}, "total": {}, "rounded": {Fixed: true, Scale: 4},
	}
	for name, got := range look() {
		if got != want[name] {
			t.Errorf("%s: %+v, want %+v", name, got, want[name])
		}
	}
	db.Exec("ALTER TABLE digits ALTER price TYPE numeric(14,4)")
	if got := look()["price"]; got != (source.Digits{Fixed: true, Scale: 4, Precision: 14}) {
		t.Errorf("after the change of the table: %+v", got)
	}
}
