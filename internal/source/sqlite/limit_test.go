package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"

	"github.com/solucao42/caddy-data-api/source"
)

// Once a statement is to end, nothing more is read from its database, nor from its temporary files or into them: SQLite
// would go on for as long as its present instruction takes.
func TestNothingIsReadForAStatementThatIsToEnd(t *testing.T) {
	path := create(t, "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1)")
	c, err := open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	temporary, _, err := c.files.OpenFilename(nil, vfs.OPEN_TEMP_JOURNAL|vfs.OPEN_READWRITE|vfs.OPEN_CREATE|vfs.OPEN_EXCLUSIVE|vfs.OPEN_DELETEONCLOSE)
	if err != nil {
		t.Fatal(err)
	}
	defer temporary.Close()
	handle, err := c.db.FileControl("main", sqlite3.FCNTL_FILE_POINTER)
	if err != nil {
		t.Fatal(err)
	}
	database := handle.(vfs.File)
	page := make([]byte, 512)
	ctx, cancel := context.WithCancel(context.Background())
	c.db.SetInterrupt(ctx)
	if _, err := temporary.WriteAt(page, 0); err != nil {
		t.Fatal(err)
	}
	cancel()
	for what, do := range map[string]func() (int, error){
		"a write into a temporary file": func() (int, error) { return temporary.WriteAt(page, 0) },
		"a read of one":                 func() (int, error) { return temporary.ReadAt(page, 0) },
		"a read of the database":        func() (int, error) { return database.ReadAt(page, 0) },
	} {
		if n, err := do(); n != 0 || !errors.Is(err, sqlite3.INTERRUPT) {
			t.Errorf("%s: got %d, %v", what, n, err)
		}
	}
	c.db.SetInterrupt(context.Background())
	if _, err := database.ReadAt(page, 0); err != nil {
		t.Errorf("for the next statement: %v", err)
	}
}

// A statement that sorts more than fits into memory ends at its time limit, wherever that falls, and leaves nothing behind.
func TestTimeLimitAllAlongASort(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("SQLITE_TMPDIR", temporary)
	path := create(t, `
		CREATE TABLE big(a INTEGER PRIMARY KEY, b TEXT);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
		INSERT INTO big SELECT i, hex(randomblob(1000)) FROM n`)
	s := openSource(t, path, 1)
	query, err := s.Compile(source.Statement{MaxRows: 10, SQL: `SELECT a.a AS n FROM big AS a, (SELECT 1 UNION SELECT 2) AS m
		ORDER BY substr(a.b, 7) || 'x' LIMIT 1 OFFSET 5999`})
	if err != nil {
		t.Fatal(err)
	}
	whole := time.Hour
	for range 3 { // one that a busy machine has held up takes many times as long as those that follow
		sink, begun := &counter{}, time.Now()
		if err := query.Run(context.Background(), source.Call{}, sink); err != nil || sink.rows != 1 {
			t.Fatal(sink.rows, err)
		}
		whole = min(whole, time.Since(begun))
	}
	const parts = 8
	timedOut := 0
	for part := range parts {
		limit := whole * time.Duration(part+1) / (parts + 1)
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		begun := time.Now()
		err := query.Run(ctx, source.Call{}, &counter{})
		cancel()
		if err != nil && !hasTimedOut(err) {
			t.Errorf("with a limit of %s: %v", limit, err)
		}
		if err != nil {
			timedOut++
			t.Logf("a limit of %s of %s: %s late", limit, whole, time.Since(begun)-limit)
		}
	}
	if timedOut == 0 {
		t.Error("no limit was passed")
	}
	sink := &counter{}
	if err := query.Run(context.Background(), source.Call{}, sink); err != nil || sink.rows != 1 {
		t.Errorf("afterwards: %d rows, %v", sink.rows, err)
	}
	if left, err := filepath.Glob(filepath.Join(temporary, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
