package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

const (
	companies = 20
	workers   = 16 // of each server
	clients   = 64 // of all
	lease     = 30 * time.Second

	called = 20 // one job of so many is called back
	keyed  = 4  // one of so many has an idempotency key

	backlog    = 5 * time.Second
	askEvery   = 800 * time.Millisecond
	sweepEvery = 10 * time.Second
	sweepBatch = 200
)

// load is what the servers do.
type load struct {
	options
	stores []*pgstore.Store
	result []byte
	number atomic.Int64

	accepted, ended, delivered atomic.Int64
	wake                       []chan struct{} // of each server's claims

	mu     sync.Mutex
	times  []time.Duration // of acceptances since they were looked at last
	failed error
}

func newLoad(o options, stores []*pgstore.Store) *load {
	w := &load{options: o, stores: stores, result: make([]byte, o.result)}
	_, _ = rand.Read(w.result) // as results are: compressed
	for range stores {
		w.wake = append(w.wake, make(chan struct{}, 1))
	}
	return w
}

// start begins the loops, which end with ctx.
func (w *load) start(ctx context.Context, loops *sync.WaitGroup) {
	due := make(chan struct{}, clients)
	loops.Go(func() { w.pace(ctx, due) })
	for client := range clients {
		loops.Go(func() { w.acceptLoop(ctx, client%len(w.stores), due) })
	}
	for i, s := range w.stores {
		loops.Go(func() {
			s.Follow(ctx, func(context.Context, []store.Change) error { return nil })
		})
		loops.Go(func() { s.Hear(ctx, func([]job.ID) {}, func() { w.awake(i) }) })
		loops.Go(func() { w.claimLoop(ctx, i) })
		loops.Go(func() { w.deliverLoop(ctx, s) })
		loops.Go(func() { w.sweepLoop(ctx, s) })
	}
}

func (w *load) awake(server int) {
	select {
	case w.wake[server] <- struct{}{}:
	default:
	}
}

// pace says when a job is due. What could not begin in time is due still, as long as that is a second's work. Nothing is due while as
// many jobs wait as come in backlog: on a machine that cannot hold the rate, the queue is to grow no further, as with a limit of it.
func (w *load) pace(ctx context.Context, due chan<- struct{}) {
	begun, sent := time.Now(), 0.0
	for ticker := time.Tick(5 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker:
		}
		wanted := time.Since(begun).Seconds() * w.rate
		if float64(w.accepted.Load()-w.ended.Load()) > w.rate*backlog.Seconds() {
			sent = wanted
			continue
		}
		for sent = max(sent, wanted-w.rate); sent < wanted; sent++ {
			select {
			case due <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// note keeps the first failure; those that come from the end of ctx are none.
func (w *load) note(ctx context.Context, what string, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = fmt.Errorf("%s: %w", what, err)
	}
}

func (w *load) fault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

func (w *load) acceptLoop(ctx context.Context, server int, due <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-due:
		}
		begun := time.Now()
		if err := w.stores[server].Accept(ctx, w.newJob(begun), job.Quota{Waiting: 1 << 30, Kept: 1 << 50}); err != nil {
			w.note(ctx, "accept", err)
			continue
		}
		w.accepted.Add(1)
		w.awake(server)
		w.mu.Lock()
		w.times = append(w.times, time.Since(begun))
		w.mu.Unlock()
	}
}

func (w *load) newJob(now time.Time) job.Job {
	n := w.number.Add(1)
	company := fmt.Sprintf("company-%02d", n%companies)
	j := job.Job{
		ID: job.NewID(now), Company: company, User: "integration", KeyID: "s42_key", Source: fmt.Sprintf("source-%d", n%2),
		Address: dataapi.Address{Company: company, Namespace: "default", Slug: "report"}, Revision: "0123456789ab",
		Params: []byte(`{"from":"2026-01-01","to":"2026-02-01"}`), PollingPath: "/api/v1/data-api/jobs/", Status: job.Processing, CreatedAt: now,
	}
	if n%called == 0 {
		j.CallbackURL = "https://hooks.example.com/jobs"
	}
	if n%keyed == 0 {
		j.Idempotency = &job.Idempotency{Key: fmt.Sprint(n), Until: now.Add(w.retention)}
	}
	return j
}

// claimLoop claims as many jobs as workers are free, and again when one is or when jobs may have come.
func (w *load) claimLoop(ctx context.Context, server int) {
	free := make(chan struct{}, workers)
	for range workers {
		free <- struct{}{}
	}
	owner := fmt.Sprint("server ", server)
	var working sync.WaitGroup
	defer working.Wait()
	for ctx.Err() == nil {
		n := len(free)
		if n == 0 {
			select {
			case <-ctx.Done():
				return
			case <-w.wake[server]:
			}
			continue
		}
		now := time.Now()
		jobs, _, err := w.stores[server].Claim(ctx, owner, now, now.Add(lease), job.Capacity{Jobs: n})
		w.note(ctx, "claim", err)
		for _, j := range jobs {
			<-free
			working.Go(func() {
				w.end(ctx, w.stores[server], j)
				free <- struct{}{}
				w.awake(server)
			})
		}
		if len(jobs) < n {
			select {
			case <-ctx.Done():
				return
			case <-w.wake[server]:
			case <-time.After(askEvery):
			}
		}
	}
}

func (w *load) end(ctx context.Context, s *pgstore.Store, j job.Job) {
	if err := s.AppendChunks(ctx, j.ID, j.Attempt, 0, [][]byte{w.result}); err != nil {
		w.note(ctx, "result", err)
		return
	}
	now := time.Now()
	_, err := s.Finish(ctx, j.ID, j.Attempt, job.Outcome{
		Status: job.Completed, CompletedAt: now, ExpiresAt: now.Add(w.retention), Result: job.Result{RowCount: 10, Size: int64(len(w.result)), Chunks: 1},
	})
	w.note(ctx, "finish", err)
	if err == nil {
		w.ended.Add(1)
	}
}

func (w *load) deliverLoop(ctx context.Context, s *pgstore.Store) {
	for ctx.Err() == nil {
		now := time.Now()
		due, _, err := s.ClaimDeliveries(ctx, now, now.Add(lease), callback.Capacity{Deliveries: 16, PerHost: 64})
		w.note(ctx, "claim deliveries", err)
		for _, d := range due {
			d.State, d.EndedAt, d.NextAttempt = callback.Delivered, time.Now(), time.Time{}
			d.Log = []callback.Try{{At: d.EndedAt, Status: 200}}
			err := s.SettleDelivery(ctx, d)
			w.note(ctx, "settle a delivery", err)
			if err == nil {
				w.delivered.Add(1)
			}
		}
		if len(due) == 0 {
			select {
			case <-ctx.Done():
			case <-time.After(askEvery):
			}
		}
	}
}

func (w *load) sweepLoop(ctx context.Context, s *pgstore.Store) {
	for ticker := time.Tick(sweepEvery); ; {
		for more := true; more && ctx.Err() == nil; {
			var err error
			more, err = s.Sweep(ctx, time.Now(), sweepBatch)
			w.note(ctx, "sweep", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker:
		}
	}
}

// takeTimes returns how long acceptances have taken since this was asked last: the median and the 99th percentile.
func (w *load) takeTimes() (median, p99 time.Duration) {
	w.mu.Lock()
	times := w.times
	w.times = nil
	w.mu.Unlock()
	if len(times) == 0 {
		return 0, 0
	}
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100]
}
