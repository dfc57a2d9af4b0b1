package job_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/solucao42/caddy-data-api/internal/claim"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

// blocking runs jobs until their context ends or gate is closed.
func blocking(begun chan<- job.Job, gate <-chan struct{}) runtime {
	return runtime{run: func(ctx context.Context, j job.Job, w io.Writer) error {
		begun <- j
		select {
		case <-gate:
			_, err := io.WriteString(w, `"done"`)
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
}

func TestStartAndStopUnderStress(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	var accepted []job.ID
	var mu sync.Mutex
	for range 60 {
		engine := job.NewEngine(store, job.Options{Logger: quiet, Backoff: time.Millisecond})
		attachment := engine.Attach(answer("1"), job.Settings{})
		if err := engine.Stop(t.Context()); err != nil {
			t.Fatalf("Stop before Start: %v", err)
		}
		if err := engine.Start(t.Context()); !errors.Is(err, claim.ErrStopped) {
			t.Fatalf("Start after Stop: %v", err)
		}
		attachment.Detach()
		<-attachment.Done()

		engine = job.NewEngine(store, job.Options{Logger: quiet, Backoff: time.Millisecond})
		attachment = engine.Attach(answer("1"), job.Settings{})
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				if err := engine.Start(context.Background()); err != nil && !errors.Is(err, claim.ErrStopped) {
					t.Error(err)
				}
			})
			group.Go(func() {
				j, err := engine.Accept(context.Background(), request())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				accepted = append(accepted, j.ID)
				mu.Unlock()
			})
			group.Go(func() {
				if err := engine.Stop(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if err := engine.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		attachment.Detach()
		<-attachment.Done()
	}
	engine := start(t, store, job.Options{})
	engine.Attach(answer("1"), job.Settings{Workers: 8})
	for _, id := range accepted {
		if j := wait(t, engine, id); j.Status != job.Completed {
			t.Errorf("job %s is %s: %+v", id, j.Status, j.Error)
		}
	}
}

func TestStopWaitsForJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		engine := start(t, store, job.Options{})
		begun, gate := make(chan job.Job), make(chan struct{})
		engine.Attach(blocking(begun, gate), job.Settings{})
		running := accept(t, engine)
		<-begun
		stopped := make(chan error, 1)
		go func() { stopped <- engine.Stop(context.Background()) }()
		time.Sleep(20 * time.Millisecond)
		waiting := accept(t, engine) // is stored, and does not begin
		close(gate)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		if j, err := store.Get(t.Context(), running.ID); err != nil || j.Status != job.Completed {
			t.Errorf("the job that ran is %s, %v", j.Status, err)
		}
		if j, err := store.Get(t.Context(), waiting.ID); err != nil || j.Attempt != 0 {
			t.Errorf("the job that came late has attempt %d, %v", j.Attempt, err)
		}
	})
}

func TestStopGivesJobsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		engine := start(t, store, job.Options{})
		begun := make(chan job.Job)
		engine.Attach(blocking(begun, nil), job.Settings{})
		j := accept(t, engine)
		for round := 1; round <= 5; round++ { // more often than a job is tried
			<-begun
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if err := engine.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Stop: %v", err)
			}
			cancel()
			got, err := store.Get(t.Context(), j.ID)
			if err != nil || got.Running() || got.Status != job.Processing || got.Attempt != round || got.Tries() != 0 {
				t.Fatalf("round %d: %+v, %v", round, got, err)
			}
			engine = start(t, store, job.Options{})
			engine.Attach(blocking(begun, nil), job.Settings{})
		}
		<-begun
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := engine.Stop(ended); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		last := start(t, store, job.Options{})
		last.Attach(answer("1"), job.Settings{})
		if got := wait(t, last, j.ID); got.Status != job.Completed {
			t.Errorf("the job is %s", got.Status)
		}
	})
}

func TestJobsKeepTheRuntimeTheyBeganWith(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := start(t, newStore(t), job.Options{})
		begun, gate := make(chan job.Job), make(chan struct{})
		old := engine.Attach(blocking(begun, gate), job.Settings{Workers: 2})
		long := accept(t, engine)
		<-begun

		rejected := engine.Attach(answer(`"rejected"`), job.Settings{Workers: 2})
		rejected.Detach()
		<-rejected.Done()
		next := engine.Attach(answer(`"next"`), job.Settings{Workers: 2})
		old.Detach()
		if short := accept(t, engine); read(t, engine, wait(t, engine, short.ID).ID) != `"next"` {
			t.Error("a new job did not run with the newest runtime")
		}
		select {
		case <-old.Done():
			t.Fatal("the old runtime is done while its job runs")
		default:
		}
		close(gate)
		if read(t, engine, wait(t, engine, long.ID).ID) != `"done"` {
			t.Error("the long job did not end with its own runtime")
		}
		<-old.Done()

		next.Detach()
		<-next.Done()
		synctest.Wait() // a claim that had begun before would take the job, and give it back
		idle := accept(t, engine)
		time.Sleep(50 * time.Millisecond)
		if j, err := engine.Get(t.Context(), idle.ID); err != nil || j.Attempt != 0 {
			t.Errorf("with nothing attached a job began: attempt %d, %v", j.Attempt, err)
		}
		engine.Attach(answer(`"back"`), job.Settings{})
		if read(t, engine, wait(t, engine, idle.ID).ID) != `"back"` {
			t.Error("the job that waited did not run")
		}
	})
}

// deafStore loses heartbeats, as a store does whose process was stopped and continued.
type deafStore struct {
	job.Store
	deaf atomic.Bool
	hung atomic.Bool
}

func (s *deafStore) Extend(ctx context.Context, id job.ID, attempt int, until time.Time) error {
	if s.hung.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if s.deaf.Load() {
		return nil // the engine believes that it holds the lease
	}
	return s.Store.Extend(ctx, id, attempt, until)
}

func TestHeartbeatKeepsAndLosesTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &deafStore{Store: newStore(t)}
		const lease = 90 * time.Millisecond
		engine := start(t, store, job.Options{Lease: lease, Owner: "first"})
		begun, gate := make(chan job.Job, 1), make(chan struct{})
		var dropped atomic.Int32
		inner := blocking(begun, gate)
		attachment := engine.Attach(runtime{run: func(ctx context.Context, j job.Job, w io.Writer) error {
			err := inner.run(ctx, j, w)
			if ctx.Err() != nil && errors.Is(context.Cause(ctx), job.ErrLost) {
				dropped.Add(1)
			}
			return err
		}}, job.Settings{Workers: 1})
		j := accept(t, engine)
		<-begun
		time.Sleep(4 * lease)
		if got, err := engine.Get(t.Context(), j.ID); err != nil || got.Attempt != 1 {
			t.Fatalf("the lease of a living worker ended: attempt %d, %v", got.Attempt, err)
		}
		attachment.Detach() // the first engine claims nothing more

		store.deaf.Store(true)
		// A second process on a shared store does not recover, it waits for the lease to end.
		eventually(t, "the second process takes the job over", func() bool {
			claimed, _, err := store.Claim(t.Context(), "second", time.Now(), time.Now().Add(time.Minute), job.Capacity{Jobs: 1})
			if err != nil {
				t.Fatal(err)
			}
			return len(claimed) == 1 && claimed[0].Attempt == 2
		})
		store.deaf.Store(false)
		eventually(t, "the first engine notices", func() bool { return dropped.Load() == 1 })
		<-attachment.Done()
		if got, err := engine.Get(t.Context(), j.ID); err != nil || got.Status != job.Processing || got.LeaseOwner != "second" {
			t.Errorf("the lost attempt has changed the job: %+v, %v", got, err)
		}
		if _, err := store.Finish(t.Context(), j.ID, 2, job.Outcome{Status: job.Cancelled, CompletedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSilentStoreEndsTheAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &deafStore{Store: newStore(t)}
		engine := start(t, store, job.Options{Lease: 90 * time.Millisecond})
		begun := make(chan job.Job, 10)
		engine.Attach(blocking(begun, nil), job.Settings{Workers: 1})
		store.hung.Store(true)
		j := accept(t, engine)
		<-begun
		second := <-begun // the first attempt stopped by itself: it could not know whether it still held the job
		if second.ID != j.ID || second.Attempt != 2 {
			t.Errorf("got %+v", second)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_ = engine.Stop(ended)
	})
}

// failingStore fails to store the end of a job for a while.
type failingStore struct {
	job.Store
	failures atomic.Int32
}

func (s *failingStore) Finish(ctx context.Context, id job.ID, attempt int, outcome job.Outcome) (bool, error) {
	if s.failures.Add(-1) >= 0 {
		return false, boltfile.ErrNotCommitted
	}
	return s.Store.Finish(ctx, id, attempt, outcome)
}

func TestEndIsStoredOnceTheStoreWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &failingStore{Store: newStore(t)}
		store.failures.Store(3)
		engine := start(t, store, job.Options{})
		var runs atomic.Int32
		engine.Attach(runtime{run: func(context.Context, job.Job, io.Writer) error {
			runs.Add(1)
			return nil
		}}, job.Settings{})
		if j := wait(t, engine, accept(t, engine).ID); j.Status != job.Completed || j.Attempt != 1 || runs.Load() != 1 {
			t.Errorf("got %+v after %d runs", j, runs.Load())
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := start(t, newStore(t), job.Options{})
		j := accept(t, engine) // nothing is attached
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if got, err := engine.Wait(ctx, j.ID); !errors.Is(err, context.DeadlineExceeded) || got.Status != job.Processing {
			t.Errorf("got %s, %v", got.Status, err)
		}
		if _, err := engine.Wait(t.Context(), job.NewID(time.Now())); !errors.Is(err, job.ErrNotFound) {
			t.Errorf("an unknown job: %v", err)
		}
	})
}

func TestCrashesCountAsAttempts(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	engine := job.NewEngine(store, job.Options{Logger: quiet})
	j := accept(t, engine)
	for n := range 3 { // a process that dies with the job each time
		owner := fmt.Sprintf("process %d", n)
		if _, err := store.Recover(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		claimed, _, err := store.Claim(t.Context(), owner, time.Now(), time.Now().Add(time.Hour), job.Capacity{Jobs: 1})
		if err != nil || len(claimed) != 1 {
			t.Fatalf("claimed %d, %v", len(claimed), err)
		}
	}
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, engine) })
	engine.Attach(runtime{run: func(context.Context, job.Job, io.Writer) error {
		t.Error("it ran a fourth time")
		return nil
	}}, job.Settings{})
	got := wait(t, engine, j.ID)
	if got.Status != job.Failed || got.Error.Code != dataapi.CodeAttemptsExhausted || !strings.Contains(got.Error.Detail, "tried 3 times") {
		t.Errorf("got %s, %+v", got.Status, got.Error)
	}
}
