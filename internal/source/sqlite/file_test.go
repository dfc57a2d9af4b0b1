package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/source"
)

func first(t *testing.T, query source.Query) (string, error) {
	t.Helper()
	sink := &rowSink{}
	err := query.Run(context.Background(), source.Call{}, sink)
	return strings.Join(sink.rows, ","), err
}

func expect(t *testing.T, query source.Query, want string) {
	t.Helper()
	if got, err := first(t, query); err != nil || got != want {
		t.Errorf("got %q %v, want %q", got, err, want)
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	for _, config := range []Config{{}, {Path: "a\x00b"}, {Path: ":memory:"}, {Path: "file:x.db?mode=rwc"}, {Path: "x", MaxConns: -1}} {
		if _, err := New(config); err == nil {
			t.Errorf("%+v was accepted", config)
		}
	}
}

func TestMissingFileComesToLife(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "later.db")
	s := openSource(t, path, 2)
	query := compiled(t, s, "SELECT a FROM t")
	for range 2 {
		if _, err := first(t, query); !isDown(err) {
			t.Errorf("got %v, want the source to be unavailable", err)
		}
		if _, err := query.Check(context.Background()); !isDown(err) {
			t.Errorf("Check: got %v, want the source to be unavailable", err)
		}
	}
	if left := directory(t, dir); left != "" {
		t.Errorf("files were made: %s", left)
	}
	failed := s.Stats()
	if failed.UnavailableSince.IsZero() || !failed.LastFailureAt.After(failed.UnavailableSince) || !errors.Is(failed.LastFailure, os.ErrNotExist) {
		t.Errorf("a file that is missing is reported as %+v", failed)
	}
	write(t, path, "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (7)")
	expect(t, query, "int 7")
	if found := s.Stats(); !found.UnavailableSince.IsZero() || found.LastFailure != failed.LastFailure || found.LastFailureAt != failed.LastFailureAt { //nolint:errorlint // the same one
		t.Errorf("a file that is there again is reported as %+v", found)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := first(t, query); !isDown(err) {
		t.Errorf("after the file was removed: got %v, want the source to be unavailable", err)
	}
}

func TestPathsAreEscaped(t *testing.T) {
	for _, name := range []string{"a b.db", "a?mode=rwc.db", "a#b.db", "100%.db", "%41.db", "ção 日本.db", "a&b=c;d.db", "-", "file:x.db"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		write(t, path, "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (7)")
		expect(t, compiled(t, openSource(t, path, 1), "SELECT a FROM t"), "int 7")
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%q: other files were made: %v %v", name, entries, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "none?mode=rwc&x=")
	if _, err := first(t, compiled(t, openSource(t, missing, 1), "SELECT 1 AS a")); !isDown(err) || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v, want the source to be unavailable, and the file's name", err)
	}
	if _, err := os.Stat(filepath.Dir(missing) + "/none"); err == nil {
		t.Error("the path opened the database for writing")
	}
}

func TestFilesThatAreNoDatabase(t *testing.T) {
	for name, content := range map[string]string{
		"text":    strings.Repeat("this is no database\n", 500),
		"damaged": "SQLite format 3\x00" + strings.Repeat("\xff", 5000),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		query := compiled(t, openSource(t, path, 1), "SELECT a FROM t")
		if _, err := first(t, query); !isDown(err) {
			t.Errorf("%s: got %v, want the source to be unavailable", name, err)
		}
		if _, err := query.Check(context.Background()); !isDown(err) {
			t.Errorf("%s: Check: got %v, want the source to be unavailable", name, err)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != content {
			t.Errorf("%s: the file changed (%v)", name, err)
		}
	}
	if _, err := first(t, compiled(t, openSource(t, t.TempDir(), 1), "SELECT 1 AS a")); !isDown(err) {
		t.Errorf("a directory: got %v, want the source to be unavailable", err)
	}
}

func TestReplacedFileIsReopened(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "live.db")
	version := func(n int) string {
		made := filepath.Join(dir, fmt.Sprintf("new%d.db", n))
		write(t, made, fmt.Sprintf("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (%d)", n))
		return made
	}
	rename := func(from string) {
		if err := os.Rename(from, path); err != nil {
			t.Fatal(err)
		}
	}
	rename(version(0))
	s := openSource(t, path, 2)
	query := compiled(t, s, "SELECT a FROM t")
	for n := range 5 {
		expect(t, query, fmt.Sprintf("int %d", n))
		rename(version(n + 1))
	}
	expect(t, query, "int 5")

	// A symbolic link that is pointed elsewhere, as deployments do.
	link := filepath.Join(dir, "link.db")
	for n := range 3 {
		next := filepath.Join(dir, "next")
		if err := os.Symlink(version(10+n), next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, link); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			query = compiled(t, openSource(t, link, 1), "SELECT a FROM t")
		}
		expect(t, query, fmt.Sprintf("int %d", 10+n))
	}
}

func TestLockedDatabaseIsUnavailable(t *testing.T) {
	path := create(t, "CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (7)")
	s := openSource(t, path, 1)
	query := compiled(t, s, "SELECT a FROM t")
	expect(t, query, "int 7")
	writer, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := writer.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}

	started := time.Now()
	if _, err := first(t, query); !isDown(err) {
		t.Errorf("got %v, want the source to be unavailable", err)
	}
	if took := time.Since(started); took < busyTimeout/2 || took > time.Minute {
		t.Errorf("the lock was awaited for %s, want about %s", took, busyTimeout)
	}
	for _, wait := range []time.Duration{0, 50 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		if err := query.Run(ctx, source.Call{}, &counter{}); !hasTimedOut(err) {
			t.Errorf("a deadline of %s: got %v, want a timeout", wait, err)
		}
		cancel()
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := query.Run(ctx, source.Call{}, &counter{}); err != context.Canceled { //nolint:errorlint // it must come unwrapped
		t.Errorf("got %v, want context.Canceled", err)
	}

	for deadline := time.Now().Add(time.Minute); ; {
		asked, released := time.Now(), make(chan error, 1)
		time.AfterFunc(100*time.Millisecond, func() { released <- writer.Exec("ROLLBACK") })
		got, err := first(t, query)
		gaveUp := time.Since(asked)
		if err := <-released; err != nil {
			t.Fatal(err)
		}
		if err == nil && got == "int 7" {
			break
		}
		// A busy machine may keep the writer from its end for longer than the lock is awaited.
		if gaveUp < busyTimeout/2 || !isDown(err) || time.Now().After(deadline) {
			t.Fatalf("beside a writer that ends: got %q, %v after %s", got, err, gaveUp)
		}
		if err := writer.Exec("BEGIN EXCLUSIVE"); err != nil {
			t.Fatal(err)
		}
	}
}

// writerEnv makes this test binary the other process of TestAnotherProcessWrites.
const writerEnv = "SQLITE_TEST_WRITER"

// writeAsAnotherProcess inserts rows in WAL mode until its standard input ends, and tells of each.
func writeAsAnotherProcess(path string) error {
	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return err
	}
	if err := db.Exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 20; CREATE TABLE t(a INTEGER)"); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(done)
	}()
	for n := 1; ; n++ {
		if err := db.Exec(fmt.Sprintf("INSERT INTO t VALUES (%d)", n)); err != nil {
			return err
		}
		fmt.Fprintln(os.Stdout, n)
		select {
		case <-done:
			return db.Close()
		case <-time.After(time.Millisecond):
		}
	}
}

func TestAnotherProcessWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wal.db")
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), writerEnv+"="+path)
	writer.Stderr = os.Stderr
	stop, err := writer.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	written := bufio.NewScanner(output)
	s := newSource(t, path, 2)
	query := compiled(t, s, "SELECT count(*) AS rows, coalesce(max(a), 0) AS last FROM t")
	for round := range 200 {
		if !written.Scan() {
			t.Fatalf("the writer ended: %v", written.Err())
		}
		var told, rows, last int
		if _, err := fmt.Sscan(written.Text(), &told); err != nil {
			t.Fatal(err)
		}
		got, err := first(t, query)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if _, err := fmt.Sscanf(got, "int %d | int %d", &rows, &last); err != nil || rows != last || rows < told {
			t.Fatalf("round %d: read %q after %d rows were committed (%v)", round, got, told, err)
		}
	}
	if err := stop.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, output); err != nil {
		t.Fatal(err)
	}
	if err := writer.Wait(); err != nil {
		t.Fatalf("the writer: %v", err)
	}
	if _, err := first(t, query); err != nil {
		t.Errorf("after the writer ended: %v", err)
	}
	// A source that opens the database after its last writer has gone finds neither -wal nor -shm.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, "INSERT INTO t VALUES (0)")
	if _, err := first(t, compiled(t, openSource(t, path, 2), "SELECT max(a) AS a FROM t")); err != nil {
		t.Errorf("a database in WAL mode that nobody has open: %v", err)
	}
}
