//go:build faults

package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// outcomes count what runs came to.
type outcomes struct {
	mu    sync.Mutex
	count map[string]int
}

func (o *outcomes) add(err error) {
	name := "answered"
	if err != nil {
		name = string(dataapi.AsError(err).Code)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count == nil {
		o.count = make(map[string]int)
	}
	o.count[name]++
}

// callers run f in many goroutines until stop is called, which waits for them.
func callers(count int, f func(caller int)) (stop func()) {
	var all sync.WaitGroup
	var over atomic.Bool
	for caller := range count {
		all.Go(func() {
			for !over.Load() {
				f(caller)
			}
		})
	}
	return func() {
		over.Store(true)
		all.Wait()
	}
}

// Sessions are ended at any moment of a request. Every caller gets rows, or is told that its query was interrupted or had
// not begun; nobody waits for a second run.
func TestFaultsSessionsThatEndInEveryPhase(t *testing.T) {
	db := pgtest.New(t)
	for way, change := range map[string]func(*postgres.Config){
		"alone": func(*postgres.Config) {}, "without a statement cache": proxied,
	} {
		t.Run(way, func(t *testing.T) {
			s := open(t, db, change)
			queries := []source.Query{
				compile(t, s, "SELECT @n AS n", n), compile(t, s, "SELECT @n AS n, pg_sleep(0.02)::text AS v", n),
				compile(t, s, "SELECT i + @n AS n FROM generate_series(1, 20000) AS i", n),
			}
			var got outcomes
			stop := callers(6, func(caller int) {
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				defer cancel()
				err := queries[caller%len(queries)].Run(ctx, call(number(1)), &count{})
				got.add(err)
				if err != nil && !dataapi.HasCode(err, dataapi.CodeExecutionInterrupted) && !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
					t.Error(err)
				}
			})
			conn := db.Conn()
			const kills = 150
			for range kills {
				time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
				if _, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
					WHERE usename = 'data_api_reader' AND datname = current_database() ORDER BY random() LIMIT 1`); err != nil {
					t.Fatal(err)
				}
			}
			stop()
			t.Logf("%d sessions were ended; runs: %v", kills, got.count)
			if got.count["answered"] == 0 {
				t.Error("nobody was answered")
			}
		})
	}
}

// A firewall forgets all connections again and again.
func TestFaultsConnectionsThatDieSilentlyUnderLoad(t *testing.T) {
	db := pgtest.New(t)
	network, dsn := newNetwork(t, db)
	s := open(t, db, func(c *postgres.Config) { c.DSN, c.MaxWait = dsn, 10*time.Second })
	query := compile(t, s, "SELECT @n AS n", n)
	const limit = 3 * time.Second
	var got outcomes
	var latest atomic.Int64
	stop := callers(8, func(int) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		begun := time.Now()
		err := query.Run(ctx, call(number(1)), &count{})
		got.add(err)
		if late := time.Since(begun) - limit; late > time.Duration(latest.Load()) {
			latest.Store(int64(late))
		}
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
	})
	const losses = 10
	for range losses {
		time.Sleep(10 * time.Second)
		network.lose(false)
	}
	stop()
	t.Logf("%d times all connections of 8 were lost; runs: %v; the latest answer came %s after its limit", losses, got.count, time.Duration(latest.Load()))
	// Each connection may cost the caller who is on it, and one who waits for its place.
	if timedOut := got.count[string(dataapi.CodeExecutionTimeout)]; timedOut > 2*losses*8 {
		t.Errorf("%d callers timed out for %d losses of 8 connections", timedOut, losses)
	}
	if time.Duration(latest.Load()) > 2*time.Second {
		t.Errorf("an answer came %s after its limit", time.Duration(latest.Load()))
	}
}

// What callers with bad values cost another one: no more than callers with good ones.
func TestFaultsRefusedValuesBesideOthers(t *testing.T) {
	db := pgtest.New(t)
	s := open(t, db)
	other := compile(t, s, "SELECT to_tsquery('simple', @s)::text AS v, @s AS w", word)
	runs := func(value string) (runs int) {
		stop := callers(4, func(int) { _ = other.Run(context.Background(), call(text(value)), &count{}) })
		defer stop()
		for begun := time.Now(); time.Since(begun) < 2*time.Second; runs++ {
			if err := other.Run(t.Context(), call(text(fmt.Sprint("a", runs))), &count{}); err != nil {
				t.Fatal(err)
			}
		}
		return runs
	}
	good, bad := 0, 0
	for range 5 { // in turns, since the machine may do other things as well
		good += runs("a & b")
		bad += runs("a &")
	}
	t.Logf("beside four callers with good values %d runs, beside four with bad ones %d: %d %%", good, bad, 100*bad/good)
	if bad < good*6/10 {
		t.Errorf("bad values cut another caller's rate to %d %%", 100*bad/good)
	}
}
