package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

// counter is a sink that counts.
type counter struct {
	columns []source.Column
	rows    int
}

func (c *counter) Columns(columns []source.Column) error { c.columns = columns; return nil }
func (c *counter) Row([]source.Value) error              { c.rows++; return nil }

// directory returns every file below dir with its bytes.
func directory(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s: %x\n", path, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestHostileStatementsChangeNothing(t *testing.T) {
	dir := t.TempDir()
	// Relative names in a statement land in the working directory, temporary files in SQLITE_TMPDIR.
	t.Chdir(dir)
	t.Setenv("SQLITE_TMPDIR", dir)
	path := filepath.Join(dir, "test.db")
	write(t, path, `
		CREATE TABLE t(a INTEGER, b TEXT);
		INSERT INTO t VALUES (1, 'one'), (2, 'two');
		CREATE VIEW insider AS SELECT a, load_extension('evil') AS b FROM t;
		CREATE TRIGGER written AFTER INSERT ON t BEGIN DELETE FROM t; END`)
	before := directory(t, dir)
	s := openSource(t, path, 2)

	for _, sql := range []string{
		"ATTACH 'evil.db' AS evil",
		"ATTACH ':memory:' AS evil",
		"DETACH main",
		"SELECT 1 AS a; ATTACH 'evil.db' AS evil",
		"SELECT 1 AS a;;",
		"SELECT 1 AS a; -- comment\n CREATE TABLE evil(a)",
		"SELECT 1 AS a /* ; */; /* */ DROP TABLE t",
		"SELECT 1 AS a -- ; \r DROP TABLE t\n; DROP TABLE t",
		"/* SELECT */ DROP TABLE t",
		"/*/ SELECT 1 AS a /*/ ; DROP TABLE t",
		"-- SELECT 1\nDELETE FROM t",
		"PRAGMA query_only = 0",
		"PRAGMA query_only(0)",
		"PRAGMA journal_mode = WAL",
		"PRAGMA writable_schema = ON",
		"PRAGMA user_version = 7",
		"PRAGMA wal_checkpoint(TRUNCATE)",
		"PRAGMA data_version",
		"SELECT * FROM pragma_table_info('t')",
		"SELECT query_only FROM pragma_query_only(0)",
		"SELECT journal_mode FROM Pragma_journal_mode('wal')",
		"SELECT load_extension('evil') AS a",
		"SELECT load_extension('evil', 'init') AS a FROM t",
		"SELECT b FROM insider",
		"SELECT writefile('evil.txt', 'x') AS a",
		"SELECT readfile('/etc/passwd') AS a",
		"SELECT edit('x') AS a",
		"SELECT fts3_tokenizer('x') AS a",
		"INSERT INTO t VALUES (3, 'three') RETURNING a",
		"REPLACE INTO t VALUES (3, 'three')",
		"WITH x AS (SELECT 1) INSERT INTO t SELECT 3, 'x' FROM x RETURNING a",
		"WITH x AS (SELECT 1) UPDATE t SET a = 9 RETURNING a",
		"WITH x AS (SELECT 1) DELETE FROM t RETURNING a",
		"UPDATE sqlite_schema SET sql = ''",
		"WITH x AS (SELECT 1) UPDATE sqlite_schema SET sql = '' RETURNING sql",
		"CREATE TEMP TABLE evil AS SELECT * FROM t",
		"CREATE TEMP VIEW evil AS SELECT 1",
		"CREATE TEMP TRIGGER evil AFTER INSERT ON t BEGIN SELECT 1; END",
		"CREATE VIRTUAL TABLE evil USING fts5(a)",
		"VACUUM INTO 'evil.db'",
		"VACUUM",
		"REINDEX",
		"ANALYZE",
		"ALTER TABLE t ADD COLUMN c",
		"BEGIN IMMEDIATE",
		"COMMIT",
		"SAVEPOINT x",
		"EXPLAIN SELECT a FROM t",
		"EXPLAIN QUERY PLAN SELECT a FROM t",
		";SELECT 1 AS a",
		"\x00SELECT 1 AS a",
		"SELECT 1 AS a\x00; DROP TABLE t",
		"SELECT * FROM sqlite_dbpage",
		"SELECT * FROM dbstat",
		"SELECT 1" + strings.Repeat(" + 1", 2000) + " AS a",
		"SELECT 1 AS a" + strings.Repeat(" UNION ALL SELECT 1", 2000),
		"SELECT '" + strings.Repeat("x", 1<<20) + "' AS a",
		"SELECT json_patch('{}', '{}') AS a",
		"SELECT JSONB_PATCH(a, a) AS a FROM t",
		"SELECT max(" + strings.Repeat("1,", 200) + "1) AS a",
		"SELECT rowid FROM fts5vocab('t', 'row')",
		"SELECT * FROM fts5('a')",
		"SELECT * FROM sqlite_stmt",
		"SELECT * FROM bytecode('SELECT 1')",
		"SELECT * FROM completion('SEL')",
		"SELECT * FROM fsdir('/')",
		"SELECT sqlite_compileoption_get(1), writefile('evil', 'x') AS a",
		"SELECT eval('DROP TABLE t') AS a",
		"SELECT * FROM (DELETE FROM t RETURNING a)",
		"SELECT a FROM t FOR UPDATE",
		"CREATE TABLE main.evil AS SELECT 1 AS a",
		"DROP VIEW insider",
		"RELEASE x",
		"ROLLBACK",
		"END",
		"PRAGMA temp_store_directory = '.'",
		"PRAGMA mmap_size = 1000000000",
	} {
		query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 10})
		if err == nil {
			_, err = query.Check(context.Background())
		}
		if _, ok := errors.AsType[*source.StatementError](err); !ok {
			t.Errorf("%.80q was not refused: %v", sql, err)
		}
		if query == nil {
			continue
		}
		// A catalog that skips the check, as it does while the source is down, must not make it any more dangerous.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if err := query.Run(ctx, source.Call{}, &counter{}); err == nil {
			t.Errorf("%.80q ran", sql)
		}
		cancel()
	}

	if after := directory(t, dir); after != before {
		t.Errorf("the directory changed\nfrom\n%.2000s\nto\n%.2000s", before, after)
	}
	sink := &counter{}
	if err := compiled(t, s, "SELECT a FROM t").Run(context.Background(), source.Call{}, sink); err != nil || sink.rows != 2 {
		t.Errorf("afterwards %d rows come, want 2: %v", sink.rows, err)
	}
}

// TestOneCallEndsSoon makes single calls of functions on the longest values that there can be, which nothing interrupts.
func TestOneCallEndsSoon(t *testing.T) {
	path := create(t, "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1)")
	s := openSource(t, path, 1)
	const long = "replace(hex(zeroblob(2000000)), '0', 'a')"
	const half = "replace(hex(zeroblob(1000000)), '0', 'a')"
	for _, sql := range []string{
		"SELECT instr(" + long + ", " + half + " || 'b') AS a",
		"SELECT replace(" + long + ", " + half + " || 'b', 'x') AS a",
		"SELECT replace(" + long + ", 'a', " + half + ") AS a",
		"SELECT length(trim(" + long + ", " + half + " || 'b')) AS a",
		"SELECT length(ltrim(" + long + ", replace(" + half + ", 'a', 'é'))) AS a",
		"SELECT length(rtrim(" + long + ", 'b' || " + half + ")) AS a",
		"SELECT unhex(" + long + ", " + half + ") AS a",
		"SELECT " + long + " LIKE '%" + strings.Repeat("a", 240) + "b%' AS a",
		"SELECT " + long + " GLOB '*" + strings.Repeat("a", 240) + "b*' AS a",
		"SELECT " + long + " LIKE '%' || replace(hex(zeroblob(1000)), '0', 'a') || 'b%' AS a",
		"SELECT " + long + " LIKE '%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%b' AS a",
		"SELECT json_valid(replace(" + long + ", 'a', '[')) AS a",
		"SELECT json_array_length('[' || replace(" + half + ", 'a', '1,') || '1]') AS a",
		"SELECT max(length(strftime(replace(" + half + ", 'aa', '%Y')))) AS a",
		"SELECT 'a' COLLATE NOCASE < " + long + " AS a",
		"SELECT hex(randomblob(2000000000)) AS a", "SELECT zeroblob(2000000000) AS a",
		"SELECT printf('%.*c', 2000000000, 'x') AS a", "SELECT printf('%2000000000d', 1) AS a", "SELECT printf('%.2000000000f', 1.1) AS a",
		"WITH RECURSIVE c(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM c) SELECT max(length(s)) AS a FROM c",
	} {
		started := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		_ = compiled(t, s, sql).Run(ctx, source.Call{}, &counter{}) // whether it is too big, too late or done is not the point
		cancel()
		if took := time.Since(started); took > 30*time.Second {
			t.Errorf("%s took %s", sql, took)
		}
	}
	sink := &counter{}
	if err := compiled(t, s, "SELECT a FROM t").Run(context.Background(), source.Call{}, sink); err != nil || sink.rows != 1 {
		t.Errorf("afterwards %d rows come: %v", sink.rows, err)
	}
}

func compiled(t testing.TB, s *Source, sql string) source.Query {
	t.Helper()
	query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 10_000_000})
	if err != nil {
		t.Fatalf("%q: %v", sql, err)
	}
	return query
}

// TestBombsEndAtTheDeadline runs statements that SQLite accepts and that would run for hours.
func TestBombsEndAtTheDeadline(t *testing.T) {
	path := create(t, "CREATE TABLE t(a INTEGER); INSERT INTO t SELECT value FROM json_each('["+strings.Repeat("1,", 9999)+"1]')")
	s := openSource(t, path, 1)
	for name, sql := range map[string]string{
		"recursion":        testRecursion + "SELECT count(*) AS n FROM c",
		"growing sort":     testRecursion + "SELECT n FROM c ORDER BY n % 1000 DESC",
		"growing distinct": "WITH RECURSIVE c(n) AS (SELECT 1 UNION SELECT n + 1 FROM c) SELECT count(*) AS n FROM c",
		"cross join":       "SELECT count(*) AS n FROM t, t AS b, t AS c, t AS d WHERE t.a + b.a + c.a + d.a = 0",
		"window":           testRecursion + "SELECT sum(n) OVER (ORDER BY n) AS n FROM c",
		"filtered":         testRecursion + "SELECT n FROM c WHERE n < 0",
		"group_concat":     testRecursion + "SELECT group_concat(n) AS n FROM c",
		"json":             testRecursion + "SELECT json_group_array(n) AS n FROM c",
		"distinct texts":   testRecursion + "SELECT group_concat(DISTINCT n) AS n FROM c",
		"groups":           testRecursion + "SELECT n, count(*) AS m FROM c GROUP BY n ORDER BY m",
		"like by rows":     testRecursion + "SELECT n FROM c WHERE replace(hex(zeroblob(1000)), '0', 'a') || n LIKE '%a%a%a%b'",
		"trim by rows":     testRecursion + "SELECT n FROM c WHERE trim(replace(hex(zeroblob(1000)), '0', 'a') || n, 'a') = 'b'",
		"random":           testRecursion + "SELECT max(hex(randomblob(1000))) AS n FROM c",
		"printf by rows":   testRecursion + "SELECT max(printf('%.*c', 1000, 'x')) AS n FROM c",
	} {
		const timeout = 200 * time.Millisecond
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		started := time.Now()
		err := compiled(t, s, sql).Run(ctx, source.Call{}, &counter{})
		cancel()
		if !hasTimedOut(err) {
			t.Errorf("%s: got %v, want a timeout", name, err)
		}
		if late := time.Since(started) - timeout; late > interruptionBound {
			t.Errorf("%s ended %s after its deadline", name, late)
		}
	}
}

// TestMemoryBombFails asks for more memory than a connection may have, over and over.
func TestMemoryBombFails(t *testing.T) {
	path := create(t, "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1)")
	s := openSource(t, path, 1)
	bomb := compiled(t, s, "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 40) "+
		"SELECT json_group_array(s) AS a FROM (SELECT hex(zeroblob(1000000)) AS s FROM c)")
	healthy := compiled(t, s, "SELECT a FROM t")
	if err := bomb.Run(context.Background(), source.Call{}, &counter{}); !isInternal(err) || !strings.Contains(err.Error(), outOfMemory) {
		t.Fatalf("got %v, want an internal error that says out of memory", err)
	}
	mapped := mappings(t)
	for range 8 {
		if err := bomb.Run(context.Background(), source.Call{}, &counter{}); !isInternal(err) {
			t.Fatalf("got %v, want an internal error", err)
		}
		if err := healthy.Run(context.Background(), source.Call{}, &counter{}); err != nil {
			t.Fatal(err)
		}
	}
	if now := mappings(t); now > mapped+256<<20 {
		t.Errorf("address space grew from %d to %d MiB: connections are not freed", mapped>>20, now>>20)
	}
}
