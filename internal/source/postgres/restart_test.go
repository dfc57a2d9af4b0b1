package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// load is callers who run a query again and again.
type load struct {
	callers            sync.WaitGroup
	stop               context.CancelFunc
	good, bad, slowest atomic.Int64

	mu       sync.Mutex
	failures map[string]int       // how often, by their texts
	codes    map[dataapi.Code]int // and by their codes
}

func startLoad(query source.Query, callers int) *load {
	return startLoadOf(callers, func() error { return query.Run(context.Background(), source.Call{}, &count{}) })
}

// startLoadOf is startLoad for a run of any kind.
func startLoadOf(callers int, run func() error) *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{stop: stop, failures: make(map[string]int), codes: make(map[dataapi.Code]int)}
	for range callers {
		l.callers.Go(func() {
			for ctx.Err() == nil {
				started := time.Now()
				if err := run(); err != nil {
					l.fail(err)
					time.Sleep(5 * time.Millisecond) // as a caller who is told to come back
				} else {
					l.good.Add(1)
				}
				l.slowest.Store(max(l.slowest.Load(), int64(time.Since(started))))
			}
		})
	}
	return l
}

func (l *load) fail(err error) {
	l.bad.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures[err.Error()]++
	l.codes[dataapi.AsError(err).Code]++
}

// more waits until so many more runs were good.
func (l *load) more(t *testing.T, runs int64) {
	t.Helper()
	wanted := l.good.Load() + runs
	eventually(t, fmt.Sprintf("%d more good runs", runs), func() bool { return l.good.Load() >= wanted })
}

// end stops the callers, and reports how many runs failed.
func (l *load) end(t *testing.T) int64 {
	t.Helper()
	l.stop()
	l.callers.Wait()
	t.Logf("%d runs were good, %d failed, the slowest took %s", l.good.Load(), l.bad.Load(), time.Duration(l.slowest.Load()))
	for failure, times := range l.failures {
		t.Logf("%d times: %s", times, failure)
	}
	return l.bad.Load()
}

// restarts has the database restart under load. Only what was under way on a dying connection may fail.
func restarts(t *testing.T, times int) {
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	const conns = 4
	var log syncBuffer
	s := open(t, db, func(c *postgres.Config) {
		c.MaxConns, c.MaxWait, c.Logger = conns, patience, slog.New(slog.NewTextHandler(&log, nil))
	})
	callers := startLoad(compile(t, s, "SELECT i FROM generate_series(1, 100) AS i"), 3*conns)
	defer callers.stop()
	callers.more(t, 200)
	for range times {
		cluster.Stop(t)
		cluster.Start(t)
		callers.more(t, 200)
	}
	if failed := callers.end(t); failed > int64(conns*times) {
		t.Errorf("%d runs failed in %d restarts with %d connections", failed, times, conns)
	}
	if lines := strings.Count(log.String(), "\n"); lines > 2*times {
		t.Errorf("%d lines were logged:\n%s", lines, log.String())
	}
}

func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	restarts(t, 2)
}

// passwordServer is a cluster whose role needs a password, which is in a file.
type passwordServer struct {
	db   *pgtest.DB
	file string
}

func newPasswordServer(t *testing.T) *passwordServer {
	t.Helper()
	db := pgtest.NewCluster(t).New(t)
	hba := scalar[string](t, db, "SHOW hba_file")
	rules := "local all " + pgtest.ReaderRole + " scram-sha-256\nlocal all postgres trust\n"
	if err := os.WriteFile(hba, []byte(rules), 0o600); err != nil { // it keeps its owner
		t.Fatal(err)
	}
	db.Exec("SELECT pg_reload_conf()")
	s := &passwordServer{db, filepath.Join(t.TempDir(), "password")}
	s.change(t, "first")
	s.write(t, "first")
	return s
}

func (s *passwordServer) change(t *testing.T, password string) {
	t.Helper()
	s.db.Exec("ALTER ROLE " + pgtest.ReaderRole + " PASSWORD '" + password + "'")
}

func (s *passwordServer) write(t *testing.T, password string) {
	t.Helper()
	next := s.file + ".next" // in one step, or what is read in between is empty, and one change more
	if err := errors.Join(os.WriteFile(next, []byte(password), 0o600), os.Rename(next, s.file)); err != nil {
		t.Fatal(err)
	}
}

// dsn reads the file, as Caddy does for {file.X}.
func (s *passwordServer) dsn() (string, error) {
	password, err := os.ReadFile(s.file)
	return s.db.ReaderDSN + " password='" + string(password) + "'", err
}

// rotate changes the password under load: in the database first and in the file later, so that in between no connection
// can be made and those that there are go on.
func rotate(t *testing.T, server *passwordServer, password string) {
	dsn, err := server.dsn()
	if err != nil {
		t.Fatal(err)
	}
	const conns = 4
	var log syncBuffer
	s, err := postgres.New(postgres.Config{
		DSN: dsn, Renew: server.dsn, MaxConns: conns, MaxWait: patience, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	query := compile(t, s, "SELECT pg_sleep(0.002)::text AS v")
	few := startLoad(query, 2)
	defer few.stop()
	few.more(t, 100)
	server.change(t, password)
	many := startLoad(query, 3*conns) // for whom connections are to be made
	defer many.stop()
	many.more(t, 200)
	if n := sessions(t, server.db, pgtest.ReaderRole); n != 2 {
		t.Errorf("with a password that was changed there are %d connections, want the 2 old ones", n)
	}
	server.write(t, password)
	eventually(t, "all connections are there", func() bool {
		return sessions(t, server.db, pgtest.ReaderRole) == conns && s.Capacity() == conns
	})
	many.more(t, 200)
	if failed := few.end(t) + many.end(t); failed > 0 {
		t.Errorf("%d runs failed", failed)
	}
	text := log.String()
	if strings.Contains(text, password) || strings.Count(text, "\n") > 3 {
		t.Errorf("the log should tell of a refusal, of the change and of the recovery, and no password:\n%s", text)
	}

	// The other order: nobody notices anything.
	password += " once more"
	server.write(t, password)
	server.change(t, password)
	server.db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + pgtest.ReaderRole + "'")
	if failures := crowd(query, 2*conns); len(failures) > 0 {
		t.Errorf("with the file written first: %v", failures[0])
	}
}

func rotations(t *testing.T, times int) {
	server := newPasswordServer(t)
	for i := range times {
		rotate(t, server, fmt.Sprint("rotated ", i))
	}
}

func TestPasswordRotationUnderLoad(t *testing.T) {
	t.Parallel()
	rotations(t, 2)
}

// TestReconnectUnderLoad: an operator has all connections replaced, and no run fails. A string that cannot be read changes nothing.
func TestReconnectUnderLoad(t *testing.T) {
	t.Parallel()
	server := newPasswordServer(t)
	dsn, err := server.dsn()
	if err != nil {
		t.Fatal(err)
	}
	const conns = 4
	s := open(t, server.db, func(c *postgres.Config) { c.DSN, c.Renew, c.MaxConns, c.MaxWait = dsn, server.dsn, conns, patience })
	load := startLoad(compile(t, s, "SELECT pg_sleep(0.002)::text AS v"), 2*conns)
	defer load.stop()
	load.more(t, 200)
	pids := func() map[int]bool { return pidsOf(t, server.db, pgtest.ReaderRole) }
	before := pids()
	server.change(t, "second")
	server.write(t, "second")
	if err := s.Reconnect(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all connections are new", func() bool {
		for pid := range pids() {
			if before[pid] {
				return false
			}
		}
		return sessions(t, server.db, pgtest.ReaderRole) == conns
	})
	if err := os.Remove(server.file); err != nil {
		t.Fatal(err)
	}
	if err := s.Reconnect(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
	load.more(t, 200)
	if failed := load.end(t); failed > 0 {
		t.Errorf("%d runs failed", failed)
	}
}

// A password that is wrong at the start, and right later, needs no reload.
func TestRefusedPasswordIsReadAgain(t *testing.T) {
	t.Parallel()
	server := newPasswordServer(t)
	server.write(t, "wrong")
	dsn, err := server.dsn()
	if err != nil {
		t.Fatal(err)
	}
	var log syncBuffer
	s := open(t, server.db, func(c *postgres.Config) {
		c.DSN, c.Renew, c.Logger = dsn, server.dsn, slog.New(slog.NewTextHandler(&log, nil))
	})
	query := compile(t, s, "SELECT 1 AS v")
	run := func() error { return query.Run(t.Context(), source.Call{}, &count{}) }
	if err := run(); !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
		t.Errorf("with a wrong password: %v", err)
	}
	if err := os.Remove(server.file); err != nil { // in the middle of a replacement
		t.Fatal(err)
	}
	time.Sleep(60 * time.Millisecond) // so that the database is asked again
	if err := run(); !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
		t.Errorf("without the file: %v", err)
	}
	server.write(t, "first")
	eventually(t, "the right password is used", func() bool { return run() == nil })
	text := log.String()
	for _, want := range []string{"is refused", "cannot be read again", "has changed", "available again"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("the log should say %q once:\n%s", want, text)
		}
	}
}
