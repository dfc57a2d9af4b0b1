package job_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

func TestCancelWaitingJob(t *testing.T) {
	t.Parallel()
	engine := start(t, newStore(t), job.Options{})
	j := accept(t, engine)
	got, err := engine.Cancel(t.Context(), j.ID)
	if err != nil || got.Status != job.Cancelled || got.CompletedAt.IsZero() || got.ExpiresAt.Sub(got.CompletedAt) != 24*time.Hour {
		t.Fatalf("got %+v, %v", got, err)
	}
	engine.Attach(runtime{run: func(_ context.Context, run job.Job, _ io.Writer) error {
		if run.ID == j.ID {
			t.Error("it ran")
		}
		return nil
	}}, job.Settings{})
	wait(t, engine, accept(t, engine).ID)
	again, err := engine.Cancel(t.Context(), j.ID)
	if !errors.Is(err, job.ErrEnded) || !again.CompletedAt.Equal(got.CompletedAt) {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, err := engine.Cancel(t.Context(), job.NewID(time.Now())); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("an unknown job: %v", err)
	}
}

func TestCancelRunningJob(t *testing.T) {
	t.Parallel()
	var ended atomic.Int32
	engine := start(t, newStore(t), job.Options{Ended: func(job.Job) { ended.Add(1) }})
	begun, cause := make(chan struct{}), make(chan error, 1)
	finish := make(chan struct{})
	engine.Attach(runtime{run: func(ctx context.Context, _ job.Job, w io.Writer) error {
		close(begun)
		<-ctx.Done()
		<-finish // the database takes its time
		_, err := io.WriteString(w, "a late result")
		cause <- err
		return nil // and the runtime does not obey
	}}, job.Settings{})
	j := accept(t, engine)
	<-begun
	waited := make(chan job.Job, 1)
	go func() {
		got, err := engine.Wait(context.Background(), j.ID)
		if err != nil {
			t.Error(err)
		}
		waited <- got
	}()
	got, err := engine.Cancel(t.Context(), j.ID)
	if err != nil || got.Status != job.Cancelled {
		t.Fatalf("got %+v, %v", got, err)
	}
	if seen := <-waited; seen.Status != job.Cancelled {
		t.Errorf("who waits sees %s", seen.Status)
	}
	close(finish)
	<-cause
	eventually(t, "the run ends", func() bool { _, runs := engine.Progress(j.ID); return !runs })
	after, err := engine.Get(t.Context(), j.ID)
	if err != nil || after.Status != job.Cancelled || !after.CompletedAt.Equal(got.CompletedAt) {
		t.Errorf("the worker has written: %+v, %v", after, err)
	}
	if ended.Load() != 1 {
		t.Errorf("the end was announced %d times", ended.Load())
	}
}

// TestCancelRaces cancels jobs at every moment of their lives: each ends once, and the caller who cancelled one is told the truth.
func TestCancelRaces(t *testing.T) {
	t.Parallel()
	engine := start(t, newStore(t), job.Options{})
	var mu sync.Mutex
	completed := map[job.ID]bool{}
	engine.Attach(runtime{run: func(ctx context.Context, j job.Job, w io.Writer) error {
		select {
		case <-time.After(500 * time.Microsecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		mu.Lock()
		completed[j.ID] = true
		mu.Unlock()
		_, err := io.WriteString(w, "1")
		return err
	}}, job.Settings{Workers: 4})
	var group sync.WaitGroup
	var cancelled, late atomic.Int32
	for i := range 200 {
		group.Go(func() {
			j := accept(t, engine)
			time.Sleep(time.Duration(i*37%11000) * time.Microsecond)
			got, err := engine.Cancel(context.Background(), j.ID)
			switch {
			case err == nil && got.Status == job.Cancelled:
				cancelled.Add(1)
			case errors.Is(err, job.ErrEnded) && got.Status == job.Completed:
				late.Add(1)
			default:
				t.Errorf("got %s, %v", got.Status, err)
			}
			if after := wait(t, engine, j.ID); after.Status != got.Status {
				t.Errorf("a job that was %s is %s", got.Status, after.Status)
			}
		})
	}
	group.Wait()
	t.Logf("%d were cancelled, %d had ended", cancelled.Load(), late.Load())
	if cancelled.Load() == 0 {
		t.Error("none was cancelled")
	}
}

// TestCancelByAnotherProcess has two engines on one store: the one that runs the job learns of its end by its heartbeat.
func TestCancelByAnotherProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		runner := start(t, store, job.Options{Owner: "runner", Lease: 150 * time.Millisecond})
		begun, cause := make(chan struct{}), make(chan error, 1)
		runner.Attach(runtime{run: func(ctx context.Context, _ job.Job, _ io.Writer) error {
			close(begun)
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return ctx.Err()
		}}, job.Settings{})
		j := accept(t, runner)
		<-begun
		other := job.NewEngine(store, job.Options{Owner: "other", Logger: quiet})
		if got, err := other.Cancel(t.Context(), j.ID); err != nil || got.Status != job.Cancelled {
			t.Fatalf("got %+v, %v", got, err)
		}
		select {
		case err := <-cause:
			if !errors.Is(err, job.ErrLost) {
				t.Errorf("the run ended with %v", err)
			}
		case <-time.After(patience):
			t.Fatal("the run goes on")
		}
	})
}

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := start(t, newStore(t), job.Options{})
		sent, more := make(chan struct{}), make(chan struct{})
		engine.Attach(runtime{run: func(ctx context.Context, _ job.Job, _ io.Writer) error {
			job.RowCounter(ctx).Add(42)
			close(sent)
			<-more
			return nil
		}}, job.Settings{})
		j := accept(t, engine)
		<-sent
		// This is how a stream of events follows a job.
		tick, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if got, err := engine.Wait(tick, j.ID); !errors.Is(err, context.DeadlineExceeded) || got.Status != job.Processing || got.StartedAt.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
		progress, ok := engine.Progress(j.ID)
		if !ok || progress.Rows != 42 || progress.Elapsed < 20*time.Millisecond {
			t.Errorf("%+v, %v", progress, ok)
		}
		close(more)
		wait(t, engine, j.ID)
		eventually(t, "the progress ends", func() bool { _, ok := engine.Progress(j.ID); return !ok })
		job.RowCounter(t.Context()).Add(1) // outside of a job it must do no harm
	})
}

func TestAcceptOnce(t *testing.T) {
	t.Parallel()
	engine := start(t, newStore(t), job.Options{})
	engine.Attach(answer("1"), job.Settings{Retention: time.Minute})
	key := job.Idempotency{Key: "k", Digest: job.Digest{1}}
	first, repeated, err := engine.AcceptOnce(t.Context(), request(), key)
	if err != nil || repeated {
		t.Fatalf("%v, %v", repeated, err)
	}
	done := wait(t, engine, first.ID)
	if kept := done.ExpiresAt.Sub(first.CreatedAt); kept != job.IdempotencyRetention {
		t.Errorf("a job with a key is kept for %v", kept)
	}
	again, repeated, err := engine.AcceptOnce(t.Context(), request(), key)
	if err != nil || !repeated || again.ID != first.ID || again.Status != job.Completed {
		t.Errorf("again: %+v, %v, %v", again, repeated, err)
	}
	_, _, err = engine.AcceptOnce(t.Context(), request(), job.Idempotency{Key: "k", Digest: job.Digest{2}})
	if !dataapi.HasCode(err, dataapi.CodeIdempotencyKeyReused) {
		t.Errorf("another body: %v", err)
	}
	for _, length := range []int{0, job.MaxIdempotencyKey + 1} {
		_, _, err := engine.AcceptOnce(t.Context(), request(), job.Idempotency{Key: string(make([]byte, length))})
		if !dataapi.HasCode(err, dataapi.CodeInvalidRequest) {
			t.Errorf("a key of %d bytes: %v", length, err)
		}
	}
}

func TestListHidesExpiredJobs(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	engine := start(t, newStore(t), job.Options{
		SweepEvery: time.Hour, Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) },
	})
	engine.Attach(answer("1"), job.Settings{Retention: time.Hour})
	old := accept(t, engine)
	wait(t, engine, old.ID)
	offset.Store(int64(2 * time.Hour))
	j := accept(t, engine)
	wait(t, engine, j.ID)
	jobs, next, err := engine.List(t.Context(), "acme", job.Filter{})
	ids := make([]job.ID, 0, len(jobs))
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	if err != nil || !next.IsZero() || !slices.Equal(ids, []job.ID{j.ID}) {
		t.Errorf("listed %v, next %q, %v", ids, next, err)
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add(job.Cursor{CreatedAt: time.Unix(0, 1), ID: job.NewID(time.Now())}.String())
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("A000000000000000\n00000000000")
	f.Fuzz(func(t *testing.T, text string) {
		cursor, err := job.ParseCursor(text)
		if err == nil && cursor.String() != text {
			t.Errorf("%q became %q", text, cursor.String())
		}
	})
}

// However many callers and configurations end a job at the same time, one of them has ended it, and its end is told once.
func TestEndIsToldOnce(t *testing.T) {
	t.Parallel()
	var told sync.Map
	engine := start(t, newStore(t), job.Options{Ended: func(j job.Job) {
		count, _ := told.LoadOrStore(j.ID, new(atomic.Int32))
		count.(*atomic.Int32).Add(1)
	}})
	for range 30 { // nothing is attached: the jobs wait
		j := accept(t, engine)
		var did atomic.Int32
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				switch ended, err := engine.Cancel(context.Background(), j.ID); {
				case err == nil:
					did.Add(1)
				case !errors.Is(err, job.ErrEnded):
					t.Error(err)
				case ended.Status != job.Cancelled:
					t.Errorf("it is %s", ended.Status)
				}
			})
		}
		group.Wait()
		count, ok := told.Load(j.ID)
		if !ok || count.(*atomic.Int32).Load() != 1 || did.Load() != 1 {
			t.Fatalf("%d callers have ended the job, and its end was told %v times", did.Load(), count.(*atomic.Int32).Load())
		}
	}
}

// unknownStore writes an end and says that it does not know whether it has.
type unknownStore struct {
	job.Store
	left atomic.Int32
}

func (s *unknownStore) Finish(ctx context.Context, id job.ID, attempt int, outcome job.Outcome) (bool, error) {
	changed, err := s.Store.Finish(ctx, id, attempt, outcome)
	if s.left.Add(-1) >= 0 {
		return false, boltfile.ErrUnknown
	}
	return changed, err
}

// An end that was stored although the store did not know it is told all the same, once.
func TestEndOfUnknownOutcomeIsTold(t *testing.T) {
	t.Parallel()
	store := &unknownStore{Store: newStore(t)}
	store.left.Store(2)
	var told atomic.Int32
	engine := start(t, store, job.Options{Ended: func(job.Job) { told.Add(1) }})
	engine.Attach(answer(`1`), job.Settings{})
	if j := wait(t, engine, accept(t, engine).ID); j.Status != job.Completed {
		t.Fatalf("got %+v", j)
	}
	eventually(t, "the end is told", func() bool { return told.Load() == 1 })
}
