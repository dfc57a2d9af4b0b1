package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

func TestReaderReadsButDoesNotWrite(t *testing.T) {
	db := pgtest.New(t)
	db.Exec("CREATE TABLE fruit (name text); INSERT INTO fruit VALUES ('apple')")
	reader, err := pgx.Connect(t.Context(), db.ReaderDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close(context.Background())

	var name, superuser string
	err = reader.QueryRow(t.Context(), "SELECT name, current_setting('is_superuser') FROM fruit").Scan(&name, &superuser)
	if err != nil || name != "apple" || superuser != "off" {
		t.Fatalf("got %q, superuser %s, %v", name, superuser, err)
	}
	_, err = reader.Exec(t.Context(), "INSERT INTO fruit VALUES ('pear')")
	if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "42501" {
		t.Fatalf("an INSERT by the reader gave %v, want permission denied", err)
	}
}

func TestDatabasesAreSeparate(t *testing.T) {
	one, other := pgtest.New(t), pgtest.New(t)
	one.Exec("CREATE TABLE only_here ()")
	other.Exec("CREATE TABLE only_here ()")
	if one.Name == other.Name {
		t.Fatal("two tests got the same database")
	}
}

func TestSharedServerOutlivesGarbageCollection(t *testing.T) {
	pgtest.New(t)
	for range 3 {
		runtime.GC() // the second frees what the first finalised
		time.Sleep(200 * time.Millisecond)
	}
	pgtest.New(t)
}

func TestClusterKeepsItsDataOverAnOutage(t *testing.T) {
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	db.Exec("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
	cluster.Stop(t)
	if conn, err := pgconn.Connect(t.Context(), db.AdminDSN); err == nil {
		conn.Close(t.Context())
		t.Fatal("connected to a stopped cluster")
	}
	cluster.Start(t)
	var n int
	if err := db.Conn().QueryRow(t.Context(), "SELECT n FROM kept").Scan(&n); err != nil || n != 7 {
		t.Fatalf("got %d, %v", n, err)
	}
}

// TestMain lets the test binary play the process that is killed.
func TestMain(m *testing.M) {
	if os.Getenv("PGTEST_VICTIM") != "" {
		testing.Init()
		victim()
		return
	}
	os.Exit(m.Run())
}

func victim() {
	testing.Benchmark(func(b *testing.B) {
		cluster := pgtest.NewCluster(b)
		_, _ = os.Stdout.WriteString(cluster.DSN() + "\n")
		time.Sleep(time.Hour)
	})
}

func TestNothingIsLeftBehindByAKilledTest(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), "PGTEST_VICTIM=1")
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgconn.ParseConfig(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(config.Host, "data")); err != nil {
		t.Fatalf("the victim has no cluster: %v", err)
	}
	if err := command.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(config.Host); errors.Is(err, os.ErrNotExist) {
			return
		}
	}
	t.Fatalf("%s is still there a minute after its owner was killed", config.Host)
}
