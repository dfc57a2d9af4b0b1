package jobtest

import (
	"slices"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// checkPage compares a page of a list with the jobs as they are stored, and returns their IDs.
func checkPage(tb testing.TB, s Stores, jobs []job.Job, limit int) (ids []job.ID) {
	tb.Helper()
	if len(jobs) > limit {
		tb.Fatalf("a page of %d jobs, want at most %d", len(jobs), limit)
	}
	for _, j := range jobs {
		if stored := get(tb, s, j.ID); show(stored) != show(j) {
			tb.Errorf("listed %s, stored %s", show(j), show(stored))
		}
		ids = append(ids, j.ID)
	}
	return ids
}

// list follows the pages of a list and returns the IDs of its jobs.
func list(tb testing.TB, s Stores, company string, filter job.Filter) (ids []job.ID) {
	tb.Helper()
	for {
		jobs, next, err := s.Jobs.List(tb.Context(), company, filter)
		if err != nil {
			tb.Fatal(err)
		}
		ids = append(ids, checkPage(tb, s, jobs, filter.Limit)...)
		if filter.After = next; next.IsZero() {
			return ids
		}
		again, err := job.ParseCursor(next.String())
		if err != nil || again != next {
			tb.Fatalf("the cursor %q became %q, %v", next, again, err)
		}
		filter.After = again
	}
}

func testList(t *testing.T, s Stores) {
	var newest []job.ID // first
	others := []string{"acm", "acme2", "globex", "acme\x01"}
	for i := range 11 {
		j := newJob("acme")
		j.CreatedAt = start.Add(time.Duration(i/2) * time.Millisecond) // some at the same instant
		if i%3 == 0 {
			j.Address.Slug = "other"
		}
		acceptJob(t, s, j)
		newest = append([]job.ID{j.ID}, newest...)
		accept(t, s, others[i%len(others)])
	}
	for _, limit := range []int{1, 2, 3, 5, 10, 11, 12, job.MaxList} {
		if got := list(t, s, "acme", job.Filter{Limit: limit}); !slices.Equal(got, newest) {
			t.Errorf("in pages of %d: got %v, want %v", limit, got, newest)
		}
	}
	if got := list(t, s, "nobody", job.Filter{Limit: 3}); got != nil {
		t.Errorf("of an unknown company: %v", got)
	}

	other := dataapi.Address{Company: "acme", Namespace: "default", Slug: "other"}
	var want []job.ID
	for i, id := range newest {
		if (10-i)%3 == 0 {
			want = append(want, id)
		}
	}
	if got := list(t, s, "acme", job.Filter{Endpoint: other, Limit: 2}); !slices.Equal(got, want) {
		t.Errorf("of one endpoint: got %v, want %v", got, want)
	}

	ended := newest[4]
	if err := tryFinish(s, ended, 0, failed(start)); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s, "acme", job.Filter{Status: job.Failed, Limit: 1}); !slices.Equal(got, []job.ID{ended}) {
		t.Errorf("failed: %v", got)
	}
	rest := slices.DeleteFunc(slices.Clone(newest), func(id job.ID) bool { return id == ended })
	if got := list(t, s, "acme", job.Filter{Status: job.Processing, Limit: 3}); !slices.Equal(got, rest) {
		t.Errorf("processing: %v", got)
	}

	// A cursor outlives the job that it was taken from, and what comes is not mixed into what follows.
	page, next, err := s.Jobs.List(t.Context(), "acme", job.Filter{Limit: 5})
	if err != nil || page[4].ID != ended {
		t.Fatalf("%v, %v", page, err)
	}
	sweep(t, s, start.Add(2*time.Hour), 10)
	late := newJob("acme")
	late.CreatedAt = start.Add(time.Hour)
	acceptJob(t, s, late)
	if got := list(t, s, "acme", job.Filter{After: next, Limit: 4}); !slices.Equal(got, newest[5:]) {
		t.Errorf("after a job that is gone: got %v, want %v", got, newest[5:])
	}
	if got := list(t, s.Reopen(t), "acme", job.Filter{Limit: 4}); !slices.Equal(got, append([]job.ID{late.ID}, rest...)) {
		t.Errorf("after a restart: %v", got)
	}
}
