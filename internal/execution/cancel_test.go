package execution_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

const maxConns = 10

// endless runs every job as one query that does not end by itself.
type endless struct{ query source.Query }

func (endless) Permit(context.Context, job.Job) error { return nil }

func (endless) TimeLimit(job.Job) time.Duration { return time.Minute }

func (e endless) Run(ctx context.Context, _ job.Job, w io.Writer) (result.Summary, error) {
	encoder := result.NewJSON(w, result.JSONOptions{})
	defer encoder.Close()
	return result.Summary{}, e.query.Run(ctx, source.Call{}, encoder)
}

// endlessEngine runs endless jobs on PostgreSQL, and watches them there.
func endlessEngine(t *testing.T, workers int) (*job.Engine, *pgx.Conn) {
	t.Helper()
	db := pgtest.New(t)
	database, err := postgres.New(postgres.Config{DSN: db.ReaderDSN, MaxConns: maxConns, Logger: slog.New(slog.DiscardHandler)})
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
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
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

// Jobs that are cancelled while they run are gone from the database within a second, every one of them.
func TestCancelledJobsAreGoneFromTheDatabase(t *testing.T) {
	engine, watcher := endlessEngine(t, maxConns)
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
		for deadline := time.Now().Add(20 * time.Second); len(running) < maxConns; running = queries(t, watcher) {
			if time.Now().After(deadline) {
				t.Fatalf("%d of %d queries run", len(running), maxConns)
			}
			time.Sleep(time.Millisecond)
		}
		begun := time.Now()
		for _, id := range ids {
			if j, err := engine.Cancel(t.Context(), id); err != nil || j.Status != job.Cancelled {
				t.Fatalf("cancelling gives %s, %v", j.Status, err)
			}
		}
		for left := queries(t, watcher); len(left) > 0; left = queries(t, watcher) {
			if time.Since(begun) > time.Second {
				t.Fatalf("a second after they were cancelled %d of %d queries run still, after %d that did not", len(left), maxConns, done)
			}
			time.Sleep(time.Millisecond)
		}
		slowest = max(slowest, time.Since(begun))
	}
	t.Logf("%d of %d cancelled queries were gone within a second, the slowest %d after %s", total, total, maxConns,
		slowest.Round(time.Millisecond))
}

// A storm of jobs that are cancelled at every moment of their lives opens no more connections than the pool may have.
func TestStormOfCancelledJobsKeepsConnectionsBounded(t *testing.T) {
	engine, watcher := endlessEngine(t, 32)
	const total = 2000
	ctx, stop := context.WithCancel(t.Context())
	var storm sync.WaitGroup
	var cancelled, failed atomic.Int32
	turns := make(chan struct{}, 64)
	storm.Go(func() {
		defer stop()
		var jobs sync.WaitGroup
		for range total {
			turns <- struct{}{}
			jobs.Go(func() {
				defer func() { <-turns }()
				j, err := engine.Accept(context.Background(), job.Request{Company: "acme", User: "integration"})
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(rand.N(60 * time.Millisecond))
				switch _, err := engine.Cancel(context.Background(), j.ID); {
				case err == nil:
					cancelled.Add(1)
				case errors.Is(err, job.ErrEnded):
					failed.Add(1) // it found no connection free in time
				default:
					t.Error(err)
				}
			})
		}
		jobs.Wait()
	})
	most, samples := 0, 0
	for ctx.Err() == nil {
		var n int
		err := watcher.QueryRow(context.Background(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND usename = $1`, pgtest.ReaderRole).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		most, samples = max(most, n), samples+1
		time.Sleep(2 * time.Millisecond)
	}
	storm.Wait()
	for deadline := time.Now().Add(2 * time.Second); len(queries(t, watcher)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d queries run on", len(queries(t, watcher)))
		}
	}
	t.Logf("%d jobs were cancelled, %d ended before; at most %d connections of %d in %d looks", cancelled.Load(), failed.Load(),
		most, maxConns, samples)
	if most > maxConns || most < maxConns/2 || cancelled.Load() < total/2 {
		t.Fail()
	}
}
