package job_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// acceptOn accepts a job of a company on a source.
func acceptOn(tb testing.TB, engine *job.Engine, source, company string) job.Job {
	tb.Helper()
	wanted := request()
	wanted.Source, wanted.Company = source, company
	j, err := engine.Accept(context.Background(), wanted)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// busySource makes the jobs on the source "busy" wait for a place, which each value in places gives to one of them. All
// other jobs end at once.
func busySource(begun chan<- job.Job, places <-chan struct{}) runtime {
	return runtime{run: func(ctx context.Context, j job.Job, w io.Writer) error {
		if j.Source == "busy" {
			over := job.WaitForSource(ctx)
			select {
			case <-places:
			case <-ctx.Done():
				over()
				return context.Cause(ctx)
			}
			over()
		}
		begun <- j
		_, err := io.WriteString(w, "1")
		return err
	}}
}

// However many jobs wait for places at a source that others keep busy, jobs of another source find a worker at once.
func TestJobsThatWaitForTheirSourceTakeNoWorker(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 4} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) {
			engine := start(t, newStore(t), job.Options{})
			begun, places := make(chan job.Job, 100), make(chan struct{})
			engine.Attach(busySource(begun, places), job.Settings{Workers: workers})
			var waiting []job.Job
			for range 8 {
				waiting = append(waiting, acceptOn(t, engine, "busy", "acme"), acceptOn(t, engine, "busy", "globex"))
			}
			for range 10 {
				other := acceptOn(t, engine, "idle", "initech")
				if j := next(t, begun); j.ID != other.ID {
					t.Fatalf("job %s of %s began on %q", j.ID, j.Company, j.Source)
				}
				wait(t, engine, other.ID)
			}
			// Those that wait get the places that come free, in turn, and each of them once.
			counts := map[string]int{}
			for range waiting {
				places <- struct{}{}
				counts[next(t, begun).Company]++
				if more := counts["acme"] - counts["globex"]; more > workers+1 || more < -workers-1 {
					t.Fatalf("the places were given as %v", counts)
				}
			}
			for _, j := range waiting {
				if got := wait(t, engine, j.ID); got.Status != job.Completed || got.Attempt != 1 {
					t.Errorf("got %s after %d attempts", got.Status, got.Attempt)
				}
			}
		})
	}
}

// One source's jobs, however long they run, leave a worker to the others, as one company's do.
func TestPerSourceLimit(t *testing.T) {
	t.Parallel()
	engine := start(t, newStore(t), job.Options{})
	begun, gate := make(chan job.Job, 100), make(chan struct{})
	engine.Attach(blocking(begun, gate), job.Settings{Workers: 4, PerSource: 3})
	for range 20 {
		acceptOn(t, engine, "slow", "acme")
	}
	for range 3 {
		next(t, begun)
	}
	acceptOn(t, engine, "other", "acme")
	if j := next(t, begun); j.Source != "other" {
		t.Fatalf("a fourth job of %q runs", j.Source)
	}
	close(gate)
}

// A wait that is cancelled gives back what it has counted.
func TestCancelledWhileItWaitsForItsSource(t *testing.T) {
	t.Parallel()
	engine := start(t, newStore(t), job.Options{})
	begun, places := make(chan job.Job, 100), make(chan struct{}, 1)
	engine.Attach(busySource(begun, places), job.Settings{Workers: 1})
	var group sync.WaitGroup
	var cancelled []job.ID
	for range 20 {
		j := acceptOn(t, engine, "busy", "acme")
		cancelled = append(cancelled, j.ID)
		group.Go(func() {
			time.Sleep(5 * time.Millisecond)
			if _, err := engine.Cancel(context.Background(), j.ID); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	// A run whose context has ended before it waits may still take a place that is free by then.
	eventually(t, "the runs have ended", func() bool {
		return !slices.ContainsFunc(cancelled, func(id job.ID) bool { _, runs := engine.Progress(id); return runs })
	})
	last := acceptOn(t, engine, "busy", "acme")
	places <- struct{}{}
	if j := next(t, begun); j.ID != last.ID {
		t.Errorf("job %s began", j.ID)
	}
	wait(t, engine, last.ID)
}
