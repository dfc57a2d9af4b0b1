package job_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// fragileSource fails jobs on the source "fragile" as long as it is down. Every job that it is asked for counts.
type fragileSource struct {
	down  atomic.Bool
	asked atomic.Int64
	limit time.Duration
}

func (f *fragileSource) runtime() runtime {
	return runtime{limit: f.limit, run: func(_ context.Context, j job.Job, w io.Writer) error {
		if j.Source == "fragile" {
			f.asked.Add(1)
			if f.down.Load() {
				return dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("dial"))
			}
		}
		_, err := io.WriteString(w, "1")
		return err
	}}
}

// A database that is away uses up no tries, however often it is asked, and the jobs that wait for it hold up no others and
// ask it now and then only.
func TestUnavailableSourceUsesUpNoTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := new(fragileSource)
		source.down.Store(true)
		engine := start(t, newStore(t), job.Options{Backoff: 20 * time.Millisecond})
		engine.Attach(source.runtime(), job.Settings{Workers: 4})
		var waiting []job.Job
		for range 300 {
			waiting = append(waiting, acceptOn(t, engine, "fragile", "acme"))
		}
		begun := time.Now()
		eventually(t, "it was asked more often than a job is tried", func() bool { return source.asked.Load() > 6 })
		other := acceptOn(t, engine, "idle", "globex")
		if got := wait(t, engine, other.ID); got.Status != job.Completed {
			t.Fatalf("a job of another source is %s", got.Status)
		}
		// At first by all workers, then after 20 ms, and each time after twice as long, up to every 5 s.
		if asked, most := source.asked.Load(), int64(4+9+time.Since(begun)/(5*time.Second)+1); asked > most {
			t.Errorf("the source that is away was asked %d times, at most %d were expected", asked, most)
		}
		source.down.Store(false)
		for _, j := range waiting {
			if got := wait(t, engine, j.ID); got.Status != job.Completed || got.Tries() != 1 {
				t.Fatalf("got %s after %d tries: %+v", got.Status, got.Tries(), got.Error)
			}
		}
	})
}

// What waits for a source that does not come back ends when its time limit is over, those included that never began.
func TestWaitingForASourceEndsWithTheTimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &fragileSource{limit: 300 * time.Millisecond}
		source.down.Store(true)
		engine := start(t, newStore(t), job.Options{Backoff: time.Hour}) // the first one asks, and nobody after it
		engine.Attach(source.runtime(), job.Settings{Workers: 1})
		begun := time.Now()
		for _, j := range []job.Job{acceptOn(t, engine, "fragile", "acme"), acceptOn(t, engine, "fragile", "globex")} {
			got := wait(t, engine, j.ID)
			if got.Status != job.Failed || got.Error.Code != dataapi.CodeSourceUnavailable || !strings.Contains(got.Error.Detail, "300ms") {
				t.Errorf("got %s, %+v", got.Status, got.Error)
			}
		}
		if took := time.Since(begun); took < source.limit {
			t.Errorf("the jobs were given up after %s", took)
		}
		if source.asked.Load() > 1 {
			t.Errorf("the source was asked %d times", source.asked.Load())
		}
	})
}

// A caller who waits for the result is told at once that the source is away, and its key is free.
func TestAttendedJobEndsWithItsSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := new(fragileSource)
		source.down.Store(true)
		engine := start(t, newStore(t), job.Options{Backoff: time.Hour})
		engine.Attach(source.runtime(), job.Settings{Workers: 1})
		ask := func(digest byte) job.Job {
			t.Helper()
			wanted := request()
			wanted.Source, wanted.Attended = "fragile", true
			j, repeated, err := engine.AcceptOnce(t.Context(), wanted, job.Idempotency{Key: "k", Digest: job.Digest{digest}})
			if err != nil || repeated {
				t.Fatalf("repeated: %t, %v", repeated, err)
			}
			return wait(t, engine, j.ID)
		}
		for n := range 4 { // the first asks the source, the others find out that it is away
			if got := ask(byte(n)); got.Status != job.Failed || got.Error.Code != dataapi.CodeSourceUnavailable {
				t.Fatalf("got %s, %+v", got.Status, got.Error)
			}
		}
		if source.asked.Load() != 1 {
			t.Errorf("the source was asked %d times", source.asked.Load())
		}

		// One that nobody asks for, but that was accepted before its source went away, is told too.
		second := new(fragileSource)
		blocked, begun := make(chan struct{}), make(chan job.Job, 10)
		engine = start(t, newStore(t), job.Options{Backoff: time.Hour})
		engine.Attach(runtime{run: func(_ context.Context, j job.Job, _ io.Writer) error {
			begun <- j
			<-blocked
			return dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("went away"))
		}}, job.Settings{Workers: 1})
		acceptOn(t, engine, "fragile", "acme")
		<-begun
		done := make(chan job.Job)
		go func() { done <- ask(9) }()
		time.Sleep(50 * time.Millisecond)
		close(blocked)
		if got := <-done; got.Status != job.Failed || got.Error.Code != dataapi.CodeSourceUnavailable || second.asked.Load() != 0 {
			t.Errorf("got %s, %+v", got.Status, got.Error)
		}
	})
}

// What may have run counts as a try; what passes is tried again.
func TestPassingErrorIsAnotherTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := start(t, newStore(t), job.Options{})
		var runs atomic.Int32
		failure := dataapi.Wrap(dataapi.CodeExecutionInterrupted, errors.New("terminating connection due to administrator command"))
		engine.Attach(runtime{run: func(context.Context, job.Job, io.Writer) error {
			runs.Add(1)
			return failure
		}}, job.Settings{})
		got := wait(t, engine, accept(t, engine).ID)
		if got.Status != job.Failed || got.Error.Code != dataapi.CodeAttemptsExhausted || runs.Load() != 3 ||
			got.Error.Detail != "The job was tried 3 times. The last attempt ended with EXECUTION_INTERRUPTED." {
			t.Errorf("got %s after %d runs, %+v", got.Status, runs.Load(), got.Error)
		}
		// A caller who waits decides for itself whether to ask again.
		runs.Store(0)
		wanted := request()
		wanted.Attended = true
		j, _, err := engine.AcceptOnce(t.Context(), wanted, job.Idempotency{Key: "k"})
		if err != nil {
			t.Fatal(err)
		}
		if got := wait(t, engine, j.ID); got.Status != job.Failed || got.Error.Code != dataapi.CodeExecutionInterrupted || runs.Load() != 1 {
			t.Errorf("got %s after %d runs, %+v", got.Status, runs.Load(), got.Error)
		}
		if _, repeated, err := engine.AcceptOnce(t.Context(), wanted, job.Idempotency{Key: "k"}); repeated || err != nil {
			t.Errorf("its key: repeated %t, %v", repeated, err)
		}
	})
}
