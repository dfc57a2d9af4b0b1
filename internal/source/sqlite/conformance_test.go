package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"go.uber.org/goleak"

	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sourcetest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writerEnv); path != "" {
		if err := writeAsAnotherProcess(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// create makes a database file of the statements and returns its path.
func create(t testing.TB, sql string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	write(t, path, sql)
	return path
}

// write runs statements on the database as another process would: on a connection of its own.
func write(t testing.TB, path, sql string) {
	t.Helper()
	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := fts5.Register(db); err != nil {
		t.Fatal(err)
	}
	if err := db.BusyTimeout(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func newSource(t testing.TB, path string, connections int) *Source {
	t.Helper()
	s, err := New(Config{Path: path, MaxConns: connections})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openSource(t testing.TB, path string, connections int) *Source {
	t.Helper()
	s := newSource(t, path, connections)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

const (
	testRecursion = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
	echoArray     = "SELECT value AS v FROM json_each(@p)"
)

func TestConformance(t *testing.T) {
	path := create(t, "CREATE TABLE another (a INTEGER, b TEXT); CREATE TABLE t(a INTEGER, b TEXT)")
	content := func() string {
		t.Helper()
		read, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(read)
	}
	before := content()
	unchanged := func() {
		t.Helper()
		if content() != before {
			t.Error("the database file changed")
		}
	}
	db := sourcetest.Database{
		Open:    func(t *testing.T, maxConns int) source.Source { return newSource(t, path, maxConns) },
		Dialect: Dialect,
		Count:   "WITH RECURSIVE c(n) AS (SELECT 1 WHERE @n >= 1 UNION ALL SELECT n + 1 FROM c WHERE n < @n) SELECT n FROM c",
		Echo:    map[source.ParamType]string{}, EchoArray: map[source.ParamType]string{},
		Empty:     "SELECT a FROM t WHERE 0",
		Duplicate: "SELECT a, b AS a FROM t",
		Misspelt:  "SELECT a, nosuch FROM t",
		Endless:   testRecursion + "SELECT count(*) AS n FROM c",
		Fails:     "SELECT abs(-9223372036854775807 - 1) AS n",
		Reads:     "SELECT json(@p) AS v",
		Writes: []string{
			"INSERT INTO t VALUES (1, 'x') RETURNING a", "UPDATE t SET a = 1 RETURNING a", "DELETE FROM t RETURNING a",
			"DROP TABLE t", "CREATE TABLE u(a)", "WITH x AS (SELECT 1) INSERT INTO t SELECT 1, 2 FROM x RETURNING a",
		},
		Alter: func(t *testing.T) {
			unchanged()
			write(t, path, "ALTER TABLE another ADD c INTEGER")
			before = content()
		},
	}
	for _, kind := range source.ParamTypes() {
		db.Echo[kind] = "SELECT @p AS v"
		db.EchoArray[kind] = echoArray
	}
	sourcetest.Run(t, db)
	unchanged()
}
