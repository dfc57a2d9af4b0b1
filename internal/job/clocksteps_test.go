package job_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// wallClock is a clock that somebody sets: it shows the real time, without its monotonic part, and some seconds more.
type wallClock struct{ offset atomic.Int64 }

func (c *wallClock) now() time.Time { return time.Now().Round(0).Add(time.Duration(c.offset.Load())) }

func (c *wallClock) step(by time.Duration) { c.offset.Add(int64(by)) }

// Whatever somebody does to the clock, a job that runs is not begun again by the process that runs it, and what waits for
// another attempt does not wait longer.
func TestClockSteps(t *testing.T) {
	t.Parallel()
	clock := new(wallClock)
	clockSteps(t, clock.now, clock.step)
}

// clockSteps steps the clock that now shows; nil is the system's.
func clockSteps(t *testing.T, now func() time.Time, step func(by time.Duration)) {
	t.Helper()
	store := newStore(t)
	engine := start(t, store, job.Options{Now: now, Backoff: 100 * time.Millisecond})
	begun, gate := make(chan job.Job, 100), make(chan struct{})
	var mu sync.Mutex
	runs := make(map[job.ID]int)
	engine.Attach(runtime{run: func(_ context.Context, j job.Job, w io.Writer) error {
		mu.Lock()
		runs[j.ID]++
		n := runs[j.ID]
		mu.Unlock()
		switch {
		case j.Source == "long":
			begun <- j
			<-gate
		case j.Source == "fails" && n == 1:
			begun <- j
			return dataapi.Wrap(dataapi.CodeExecutionInterrupted, errors.New("the first attempt"))
		}
		_, err := io.WriteString(w, "1")
		return err
	}}, job.Settings{Workers: 4})
	long := acceptOn(t, engine, "long", "acme")
	next(t, begun)
	for _, by := range []time.Duration{40 * time.Second, 40 * time.Second, 40 * time.Second, 2 * time.Hour, -5 * time.Hour, 6 * time.Hour} {
		failing := acceptOn(t, engine, "fails", "acme")
		next(t, begun) // it waits for its second attempt
		step(by)
		if got := wait(t, engine, failing.ID); got.Status != job.Completed || got.Attempt != 2 {
			t.Fatalf("after a step by %s a job is %s after %d attempts", by, got.Status, got.Attempt)
		}
		for range 3 { // each claim looks at what is due
			wait(t, engine, acceptOn(t, engine, "quick", "acme").ID)
		}
		if got, err := engine.Get(t.Context(), long.ID); err != nil || got.Attempt != 1 || !got.Running() {
			t.Fatalf("after a step by %s the job that runs: %+v, %v", by, got, err)
		}
	}
	close(gate)
	got := wait(t, engine, long.ID)
	mu.Lock()
	defer mu.Unlock()
	if got.Status != job.Completed || got.Attempt != 1 || runs[long.ID] != 1 {
		t.Errorf("the long job is %s after %d attempts and %d runs", got.Status, got.Attempt, runs[long.ID])
	}
}
