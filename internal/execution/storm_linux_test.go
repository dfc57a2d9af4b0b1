package execution_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// A storm of jobs that are cancelled at every moment of their lives opens no more connections than the pool may have.
func TestStormOfCancelledJobsKeepsConnectionsBounded(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	counter, dsn := pgtest.CountConnections(t, db)
	engine, watcher := endlessEngine(t, db, dsn, 32)
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
	<-ctx.Done()
	storm.Wait()
	awaitNone(t, watcher)
	opened, most := counter.Opened(), counter.Most()
	t.Logf("%d jobs were cancelled, %d ended before; %d connections were opened, at most %d of %d at once",
		cancelled.Load(), failed.Load(), opened, most, maxConns)
	if most > maxConns || most < maxConns/2 || cancelled.Load() < total/2 {
		t.Fail()
	}
}
