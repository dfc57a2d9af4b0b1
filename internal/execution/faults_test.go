//go:build faults

package execution_test

import (
	"slices"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// Two companies keep a source of one connection busy, with fifty callers and twenty waiting jobs each, so that nobody gets a place within the time that callers wait: a third company's
// jobs on another source begin as if nothing were.
func TestFaultsJobsOfABusySource(t *testing.T) {
	r := newRig(t, job.Settings{Workers: 4, PerCompany: 3, PerSource: 3})
	measure := func(n int) []time.Duration {
		t.Helper()
		var took []time.Duration
		for range n {
			begun := time.Now()
			if j := r.wait(r.accept("initech", "quick"), time.Minute); j.Status != job.Completed {
				t.Fatalf("got %s, %+v", j.Status, j.Error)
			}
			took = append(took, time.Since(begun))
			time.Sleep(250 * time.Millisecond)
		}
		slices.Sort(took)
		return took
	}
	quiet := measure(10)
	var waiting []job.ID
	var stops []func() int64
	for _, company := range []string{"acme", "globex"} {
		stops = append(stops, r.keepBusy(company, "long", 50))
		for range 20 {
			waiting = append(waiting, r.accept(company, "work"))
		}
	}
	busy := measure(60)
	for i, stop := range stops {
		t.Logf("company %d made %d calls of the busy source", i, stop())
	}
	t.Logf("another company's job on an idle source: quiet median %s, worst %s; busy median %s, worst %s",
		quiet[len(quiet)/2], quiet[len(quiet)-1], busy[len(busy)/2], busy[len(busy)-1])
	if worst := busy[len(busy)-1]; worst > 2*time.Second+quiet[len(quiet)-1] {
		t.Errorf("another company's job took %s", worst)
	}
	for _, id := range waiting {
		if j := r.wait(id, 2*time.Minute); j.Status != job.Completed {
			t.Errorf("a job that waited is %s, %+v", j.Status, j.Error)
		}
	}
}

// The database is away for 20 s while 300 jobs wait for it.
func TestFaultsJobsAndADatabaseRestart(t *testing.T) {
	r := newRig(t, job.Settings{Workers: 4, PerCompany: 3, PerSource: 3})
	t.Logf("300 jobs of 20 ms on one connection were done %s after it was there again", restartWith(t, r, 300, 20*time.Second))
}
