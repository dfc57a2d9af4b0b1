package sourcetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

// oddities are texts on which a reader of statements stumbles.
var oddities = []string{
	"", " ", ";", "'", `"`, "`", "[", "(", "@", "@@", "@1", "@A", "a@b", "$1", ":x", "?", "{{x}}", "/*", "/* /* */", "--", "-- @x", "'@x", "é@ü", "\xff@x",
	"SELECT @", "SELECT $1 AS v", "SELECT :x AS v", "SELECT {{x}} AS v", "SELECT 1 AS a; SELECT 2 AS a",
}

func testDialect(t *testing.T, db Database) {
	statements := map[string]string{db.Count: "n", db.Reads: "p"}
	for _, kind := range source.ParamTypes() {
		statements[db.Echo[kind]], statements[db.EchoArray[kind]] = "p", "p"
	}
	for sql, name := range statements {
		testScan(t, db.Dialect, sql, name)
	}
	for _, sql := range []string{db.Empty, db.Endless, db.Fails} {
		testScan(t, db.Dialect, sql, "")
	}
	s := open(t, db, 1)
	for _, sql := range slices.Concat(oddities, []string{db.Misspelt, db.Duplicate}, db.Writes) {
		reading := db.Dialect.Scan(sql)
		for _, use := range reading.Params {
			if !strings.HasPrefix(sql[min(max(use.Offset, 0), len(sql)):], "@"+use.Name) {
				t.Errorf("%q: there is no @%s at byte %d", sql, use.Name, use.Offset)
			}
		}
		for _, fault := range reading.Faults {
			if fault.Offset < 0 || fault.Offset > len(sql) || fault.Message == "" {
				t.Errorf("%q: the fault %q is at byte %d of %d", sql, fault.Message, fault.Offset, len(sql))
			}
		}
		if len(reading.Faults) > 0 {
			faultOf(t, s, sql) //nolint:errcheck // it fails the test where the source takes the statement
		}
	}
}

// testScan reads a sound statement, whose only parameter is name, or which has none.
func testScan(t *testing.T, dialect source.Dialect, sql, name string) {
	t.Helper()
	reading := dialect.Scan(sql)
	if len(reading.Faults) > 0 {
		t.Errorf("the dialect finds fault with %q: %+v", sql, reading.Faults)
	}
	sure := false
	for _, use := range reading.Params {
		if use.Sure && use.Name != name {
			t.Errorf("the dialect is sure of @%s in %q", use.Name, sql)
		}
		sure = sure || use.Sure && strings.HasPrefix(sql[use.Offset:], "@"+name)
	}
	if !sure && name != "" {
		t.Errorf("the dialect is not sure of @%s in %q, or not of its place: %+v", name, sql, reading.Params)
	}
}
