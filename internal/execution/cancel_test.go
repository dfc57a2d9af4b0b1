package execution_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/source"
)

const maxConns = 10

// endless runs every job as one query that does not end by itself.
type endless struct{ query source.Query }

func (endless) Authorize(context.Context, job.Job) error { return nil }

func (endless) TimeLimit(job.Job) time.Duration { return time.Minute }

func (e endless) Run(ctx context.Context, _ job.Job, w io.Writer) (result.Summary, error) {
	encoder := result.NewJSON(w, result.JSONOptions{})
	defer encoder.Close()
	return result.Summary{}, e.query.Run(ctx, source.Call{}, encoder)
}

// endlessEngine runs endless jobs on PostgreSQL, and watches them there.
func endlessEngine(t *testing.T, db *pgtest.DB, dsn string, workers int) (*job.Engine, *pgx.Conn) {
	t.Helper()
	database, err := postgres.New(postgres.Config{DSN: dsn, MaxConns: maxConns, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	query, err := database.Compile(source.Statement{SQL: "SELECT pg_sleep(3600)::text AS v", MaxRows: 1})
	if err != nil {
		t.Fatal(err)
	}
	store, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	engine := job.NewEngine(store, job.Options{Logger: slog.New(slog.DiscardHandler)})
	engine.Attach(endless{query}, job.Settings{Workers: workers})
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(engine.Stop(ctx), database.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return engine, db.Conn()
}

// queries returns the endless queries that run in the database, as one text for each.
func queries(t *testing.T, watcher *pgx.Conn) map[string]bool {
	t.Helper()
	rows, err := watcher.Query(context.Background(), `SELECT pid || ' since ' || query_start FROM pg_stat_activity
		WHERE datname = current_database() AND usename = $1 AND state = 'active' AND query LIKE '%pg_sleep%'`, pgtest.ReaderRole)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	set := make(map[string]bool, len(found))
	for _, query := range found {
		set[query] = true
	}
	return set
}

// patience is how long a test waits for what comes in a moment, unless the machine has other things to do.
const patience = time.Minute

// awaitNone waits until no endless query runs, and returns how long it took at most to look once: longer than a moment on a
// machine that has other things to do.
func awaitNone(t *testing.T, watcher *pgx.Conn) (slowest time.Duration) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		begun := time.Now()
		left := len(queries(t, watcher))
		if left == 0 {
			return max(slowest, time.Since(begun))
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d queries run on", left)
		}
		time.Sleep(5 * time.Millisecond)
		slowest = max(slowest, time.Since(begun))
	}
}

// cancelInDatabase runs as many endless queries on connections of its own, cancels them from another one, and returns how
// long it took until they were gone.
func cancelInDatabase(t *testing.T, db *pgtest.DB, watcher *pgx.Conn) time.Duration {
	t.Helper()
	var callers sync.WaitGroup
	defer callers.Wait()
	for range maxConns {
		conn, err := pgx.Connect(t.Context(), db.ReaderDSN)
		if err != nil {
			t.Fatal(err)
		}
		callers.Go(func() {
			defer conn.Close(context.Background())
			_, _ = conn.Exec(context.Background(), "SELECT pg_sleep(3600)")
		})
	}
	for deadline := time.Now().Add(patience); len(queries(t, watcher)) < maxConns; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the queries of the control do not run")
		}
	}
	begun := time.Now()
	_, err := watcher.Exec(t.Context(), `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND usename = $1 AND state = 'active'`, pgtest.ReaderRole)
	if err != nil {
		t.Fatal(err)
	}
	awaitNone(t, watcher)
	return time.Since(begun)
}

// Jobs that are cancelled while they run are gone from the database within a second, every one of them.
func TestCancelledJobsAreGoneFromTheDatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	engine, watcher := endlessEngine(t, db, db.ReaderDSN, maxConns)
	const total = 500
	var slowest time.Duration
	for done := 0; done < total; done += maxConns {
		var ids []job.ID
		for range maxConns {
			j, err := engine.Accept(t.Context(), job.Request{Company: "acme", User: "integration"})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, j.ID)
		}
		var running map[string]bool
		for deadline := time.Now().Add(patience); len(running) < maxConns; running = queries(t, watcher) {
			if time.Now().After(deadline) {
				t.Fatalf("%d of %d queries run", len(running), maxConns)
			}
			time.Sleep(5 * time.Millisecond)
		}
		begun := time.Now()
		for _, id := range ids {
			if j, err := engine.Cancel(t.Context(), id); err != nil || j.Status != job.Cancelled {
				t.Fatalf("cancelling gives %s, %v", j.Status, err)
			}
		}
		asking := time.Since(begun)
		looking := awaitNone(t, watcher)
		took := time.Since(begun)
		if took > time.Second {
			// A busy machine is slow at everything: as slow as at asking for it, at looking, and at ending queries that
			// somebody cancels in the database.
			control := asking + looking + cancelInDatabase(t, db, watcher)
			t.Logf("%d queries were gone after %s, while it takes %s to ask, to look and to cancel them in the database", maxConns, took, control)
			if took > time.Second+10*control {
				t.Fatalf("%d queries ran on for %s after they were cancelled, after %d that did not", maxConns, took, done)
			}
		}
		slowest = max(slowest, took)
	}
	t.Logf("%d of %d cancelled queries were gone within a second, the slowest %d after %s", total, total, maxConns,
		slowest.Round(time.Millisecond))
}
