package demodata_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/examples/demo/demodata"
)

const housing = "../../data/txhousing.csv.gz"

func TestEnsure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "demo.db")
	if made, err := demodata.Ensure(path, housing); err != nil || !made {
		t.Fatalf("first call: made %v, %v; want a new database", made, err)
	}
	tests := map[string]struct{ query, want string }{
		"the guide's total": {
			`SELECT SUM(valor_centavos) FROM vendas WHERE data >= '2026-01-01' AND regiao = 'Sul'`, "15000000"},
		"sales":                 {`SELECT COUNT(*) FROM vendas`, "105000"},
		"first and last day":    {`SELECT MIN(data) || ' ' || MAX(data) FROM vendas`, "2025-01-01 2026-03-31"},
		"regions every month":   {`SELECT MIN(n) FROM (SELECT COUNT(DISTINCT regiao) AS n FROM vendas GROUP BY substr(data, 1, 7))`, "5"},
		"no sale for nothing":   {`SELECT COUNT(*) FROM vendas WHERE valor_centavos <= 0`, "0"},
		"the same sales always": {`SELECT SUM(valor_centavos * id % 1000003) FROM vendas`, "52508827544"},
		"housing":               {`SELECT COUNT(*) FROM txhousing`, "8602"},
		"cities":                {`SELECT COUNT(DISTINCT city) FROM txhousing`, "46"},
		"a known month":         {`SELECT volume FROM txhousing WHERE city = 'Abilene' AND year = 2000 AND month = 3`, "9285000"},
		"not reported is NULL":  {`SELECT COUNT(*) FROM txhousing WHERE sales IS NULL`, "568"},
		"decimal inventory":     {`SELECT inventory FROM txhousing WHERE city = 'Abilene' AND year = 2000 AND month = 1`, "6.3"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, path, test.query); got != test.want {
				t.Errorf("%s\n got %s\nwant %s", test.query, got, test.want)
			}
		})
	}
}

func TestEnsureKeepsACompleteDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo.db")
	ensure(t, path)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if made, err := demodata.Ensure(path, housing); err != nil || made {
		t.Fatalf("second call: made %v, %v; want the database kept", made, err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("the database was written again")
	}
}

func TestEnsureReplacesWhatIsNotCurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo.db")
	for name, content := range map[string]string{"an empty file": "", "no database": strings.Repeat("text ", 1000)} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			ensure(t, path)
			if got := ask(t, path, `SELECT COUNT(*) FROM vendas`); got != "105000" {
				t.Errorf("%s sales", got)
			}
		})
	}
}

func TestEnsureLeavesNothingHalfMade(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.csv.gz")
	if err := os.WriteFile(broken, []byte("not gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := demodata.Ensure(filepath.Join(dir, "demo.db"), broken)
	if err == nil || !strings.Contains(err.Error(), broken) {
		t.Fatalf("error %v; want one that names %s", err, broken)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func ensure(t *testing.T, path string) {
	t.Helper()
	if made, err := demodata.Ensure(path, housing); err != nil || !made {
		t.Fatalf("made %v, %v; want a new database", made, err)
	}
}

// ask returns the first column of the first row as text.
func ask(t *testing.T, path, query string) string {
	t.Helper()
	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stmt, _, err := db.Prepare(query)
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	if !stmt.Step() {
		t.Fatalf("%s: no row: %v", query, stmt.Err())
	}
	return stmt.ColumnText(0)
}
