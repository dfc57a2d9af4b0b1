package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

func versionOf(t *testing.T, s *Source) string {
	t.Helper()
	version, err := s.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// TestVersionTellsWhetherTheSchemaIsTheSame: whatever can change what a check says gives another version, and what happens all day gives
// none.
func TestVersionTellsWhetherTheSchemaIsTheSame(t *testing.T) {
	t.Parallel()
	path := create(t, `CREATE TABLE sales (id INTEGER PRIMARY KEY, total DECIMAL(12,2)); CREATE VIEW sums AS SELECT sum(total) AS total FROM sales;
		CREATE VIRTUAL TABLE notes USING fts5(body); ANALYZE`)
	s := openSource(t, path, 2)
	before := versionOf(t, s)
	for _, busy := range []string{
		"INSERT INTO sales VALUES (1, 1.5), (2, 2)", "UPDATE sales SET total = total + 1", "DELETE FROM sales WHERE id = 1", "ANALYZE",
		"INSERT INTO notes VALUES ('some words')", "PRAGMA user_version = 7", "CREATE TEMPORARY TABLE passing (a)",
	} {
		write(t, path, busy)
		if versionOf(t, s) != before {
			t.Errorf("after %s it is another one", busy)
		}
	}
	seen := map[string]string{before: "at first"}
	for _, change := range []string{
		"ALTER TABLE sales RENAME COLUMN total TO amount", "ALTER TABLE sales RENAME COLUMN amount TO total", "ALTER TABLE sales ADD note TEXT",
		"DROP VIEW sums; CREATE VIEW sums AS SELECT max(total) AS total FROM sales", "DROP VIEW sums", "CREATE INDEX by_total ON sales (total)",
		"DROP INDEX by_total", "DROP TABLE notes", "DROP TABLE sales",
		"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE sqlite_stat1(tbl,idx,stat TEXT)' WHERE name = 'sqlite_stat1'",
	} {
		write(t, path, change)
		now := versionOf(t, s)
		if earlier, ok := seen[now]; ok {
			t.Errorf("after %s it is what it was %s", change, earlier)
		}
		seen[now] = "after " + change
	}
}

// TestVersionOfAFileThatIsReplaced: another file's schema is noticed, though both have been changed as often. One that is made again as it was
// costs nothing.
func TestVersionOfAFileThatIsReplaced(t *testing.T) {
	t.Parallel()
	const script = "CREATE TABLE sales (id INTEGER, total INTEGER)"
	path := create(t, script)
	s := openSource(t, path, 2)
	replace := func(sql string) string {
		t.Helper()
		if err := os.Rename(create(t, sql), path); err != nil {
			t.Fatal(err)
		}
		return versionOf(t, s)
	}
	before := versionOf(t, s)
	if replace("CREATE TABLE sales (id INTEGER, total TEXT)") == before {
		t.Error("a file with another schema has the version of the one that it replaced")
	}
	if replace(script) != before {
		t.Error("a file with the same schema has another version")
	}

	// A copy into the same file, and a source that has not read that before.
	other, err := os.ReadFile(create(t, "CREATE TABLE sales (id INTEGER, total REAL)"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, other, 0o600); err != nil {
		t.Fatal(err)
	}
	if versionOf(t, openSource(t, path, 1)) == before {
		t.Error("a file that was overwritten has the version that it had")
	}
}

func TestVersionOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "later.db")
	s := openSource(t, path, 1)
	if version, err := s.Version(t.Context()); !isDown(err) || version != "" {
		t.Errorf("of a file that is missing: %q, %v", version, err)
	}
	write(t, path, "CREATE TABLE t(a INTEGER)")
	if versionOf(t, s) == "" {
		t.Error("it is empty")
	}
	for _, sql := range []string{"PRAGMA schema_version", "SELECT * FROM pragma_schema_version"} { // the door is closed again
		query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 1})
		if err == nil {
			_, err = query.Check(t.Context())
		}
		if err == nil {
			t.Errorf("%s is accepted", sql)
		}
	}
}
