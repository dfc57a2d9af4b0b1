package sourcetest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/source/sqlite"
	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sourcetest"
)

// childVar names the suite that this process runs for another one, which expects it to fail.
const childVar = "DATA_API_SOURCETEST_CHILD"

// deaf is a source that ignores what an endpoint declares of its columns.
type deaf struct{ source.Source }

func (d deaf) Compile(statement source.Statement) (source.Query, error) {
	statement.Columns = nil
	return d.Source.Compile(statement)
}

// suites are those that must fail, each for one reason.
var suites = map[string]func(*testing.T){
	"deaf": func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "empty.db")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		db := complete()
		db.Open = func(t *testing.T, maxConns int) source.Source {
			opened, err := sqlite.New(sqlite.Config{Path: path, MaxConns: maxConns})
			if err != nil {
				t.Fatal(err)
			}
			return deaf{opened}
		}
		sourcetest.Run(t, db)
	},
	"incomplete": func(t *testing.T) {
		db := complete()
		db.Open = func(t *testing.T, _ int) source.Source {
			t.Fatal("the source was opened")
			return nil
		}
		db.EchoArray[source.ParamString], db.Fails = "", ""
		sourcetest.Run(t, db)
	},
}

// complete is a database without Open, with a statement in every field.
func complete() sourcetest.Database {
	db := sourcetest.Database{
		Dialect: sqlite.Dialect,
		Count:   "SELECT @n AS n", Empty: "SELECT 1 AS a WHERE 0", Duplicate: "SELECT 1 AS a, 2 AS a", Misspelt: "SELECT nosuch",
		Endless: "SELECT 1 AS n", Fails: "SELECT 1 AS n", Reads: "SELECT json(@p) AS v",
		Echo: map[source.ParamType]string{}, EchoArray: map[source.ParamType]string{},
	}
	for _, kind := range source.ParamTypes() {
		db.Echo[kind], db.EchoArray[kind] = "SELECT @p AS v", "SELECT value AS v FROM json_each(@p)"
	}
	return db
}

// TestSuite is run by the tests below in a process of its own.
func TestSuite(t *testing.T) {
	if suite, asked := suites[os.Getenv(childVar)]; asked {
		suite(t)
	}
}

// failing returns what the tests of a suite print that match a pattern, and fails when none of them does.
func failing(t *testing.T, suite, pattern string) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), program, "-test.run=^TestSuite$/"+pattern, "-test.v")
	child.Env = append(os.Environ(), childVar+"="+suite)
	output, err := child.CombinedOutput()
	if err == nil {
		t.Fatalf("the suite passes:\n%s", output)
	}
	return string(output)
}

func TestRunNoticesASourceThatIgnoresDeclarations(t *testing.T) {
	t.Parallel()
	output := failing(t, "deaf", "declared")
	for _, want := range []string{
		"--- FAIL: TestSuite/a_column's_declared_type", `Check says "" of a column that is declared as date`,
		"--- FAIL: TestSuite/a_column's_declared_scale", `0.125 in a column that is declared with a scale of 2 came back as [["0.125"]]`,
	} {
		if !strings.Contains(output, want) {
			t.Errorf("the suite does not print %q:\n%s", want, output)
		}
	}
}

// The statement Fails of the suite does not fail.
func TestRunNamesTheErrorThatBelongsThere(t *testing.T) {
	t.Parallel()
	const want = "Run: got <nil>, want an error of source.Failed (INTERNAL_ERROR)"
	if output := failing(t, "deaf", "failing"); !strings.Contains(output, want) {
		t.Errorf("the suite does not print %q:\n%s", want, output)
	}
}

func TestRunNamesEveryMissingField(t *testing.T) {
	t.Parallel()
	output := failing(t, "incomplete", ".*")
	for _, want := range []string{"Database.EchoArray[string] is missing: ", "Database.Fails is missing: "} {
		if !strings.Contains(output, want) {
			t.Errorf("the suite does not print %q:\n%s", want, output)
		}
	}
	if strings.Count(output, " is missing: ") != 2 || strings.Contains(output, "the source was opened") {
		t.Errorf("the suite names fields that are there, or goes on:\n%s", output)
	}
}
