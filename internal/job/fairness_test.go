package job_test

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// acceptMany accepts jobs of a company.
func acceptMany(t *testing.T, engine *job.Engine, company string, n int) {
	t.Helper()
	var group sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	for range 200 {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				wanted := request()
				wanted.Company = company
				if _, err := engine.Accept(context.Background(), wanted); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func next(t *testing.T, begun <-chan job.Job) job.Job {
	t.Helper()
	select {
	case j := <-begun:
		return j
	case <-time.After(patience):
		t.Fatal("no job begins")
		return job.Job{}
	}
}

// However many jobs of a company wait, and however long they run, another company's job finds a worker at once.
func TestPerCompanyLimit(t *testing.T) {
	t.Parallel()
	engine := start(t, newStore(t), job.Options{})
	begun := make(chan job.Job, 10_000)
	gates := map[string]chan struct{}{"busy": make(chan struct{}), "other": make(chan struct{})}
	attachment := engine.Attach(runtime{run: func(ctx context.Context, j job.Job, w io.Writer) error {
		return blocking(begun, gates[j.Company]).run(ctx, j, w)
	}}, job.Settings{Workers: 4, PerCompany: 3})
	t.Cleanup(func() {
		attachment.Detach() // what waits stays so
		close(gates["busy"])
		close(gates["other"])
	})
	acceptMany(t, engine, "busy", 9_000)
	for range 3 {
		next(t, begun)
	}
	acceptMany(t, engine, "other", 1)
	if j := next(t, begun); j.Company != "other" {
		t.Fatalf("a fourth job of %s runs", j.Company)
	}
	// A company at its limit gets the next worker as soon as one of its own has ended.
	gates["other"] <- struct{}{}
	for range 3 {
		gates["busy"] <- struct{}{}
	}
	for range 3 {
		if j := next(t, begun); j.Company != "busy" {
			t.Fatalf("a job of %s runs", j.Company)
		}
	}
	select {
	case j := <-begun:
		t.Fatalf("a further job of %s runs", j.Company)
	case <-time.After(200 * time.Millisecond):
	}
}

// Without places kept, a company's first job waits for one job of another, not for thousands.
func TestManyWaitingJobsDelayAnotherByOne(t *testing.T) {
	t.Parallel()
	engine := start(t, newStore(t), job.Options{})
	begun, gate := make(chan job.Job, 10_000), make(chan struct{})
	attachment := engine.Attach(blocking(begun, gate), job.Settings{Workers: 1})
	t.Cleanup(func() {
		attachment.Detach()
		close(gate)
	})
	acceptMany(t, engine, "busy", 9_000)
	next(t, begun)
	acceptMany(t, engine, "other", 1)
	ahead := 0
	for j := (job.Job{}); j.Company != "other"; {
		gate <- struct{}{}
		if j = next(t, begun); j.Company == "busy" {
			ahead++
		}
	}
	if ahead > 2 {
		t.Fatalf("%d jobs went ahead of the other company's first", ahead)
	}
}
