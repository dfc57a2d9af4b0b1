package jobtest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// listAll follows the pages of the list of all jobs and returns their IDs.
func listAll(tb testing.TB, s Stores, filter job.Filter) (ids []job.ID) {
	tb.Helper()
	for {
		jobs, next, err := s.Jobs.ListAll(tb.Context(), filter)
		if err != nil {
			tb.Fatal(err)
		}
		ids = append(ids, checkPage(tb, s, jobs, filter.Limit)...)
		if next.IsZero() {
			return ids
		}
		if filter.After, err = job.ParseCursor(next.String()); err != nil {
			tb.Fatalf("the cursor %q: %v", next, err)
		}
	}
}

// The list of all jobs is by ID, over companies.
func testListAll(t *testing.T, s Stores) {
	other := dataapi.Address{Company: "acme", Namespace: "default", Slug: "other"}
	var all []job.Job
	for i := range 23 {
		j := newJob([]string{"acme", "acme2", "globex"}[i%3])
		j.ID = job.NewID(start.Add(time.Duration(i/4) * time.Second)) // some within one second
		if i%2 == 0 {
			j.User = "analytics"
		}
		if i%5 == 0 {
			j.Address = other
		}
		acceptJob(t, s, j)
		all = append(all, j)
	}
	if err := tryFinish(s, all[7].ID, 0, failed(start)); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b job.Job) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	want := func(what string, got []job.ID, matches func(job.Job) bool) {
		t.Helper()
		var ids []job.ID
		for _, j := range all {
			if matches(j) {
				ids = append(ids, j.ID)
			}
		}
		if len(ids) == 0 || !slices.Equal(got, ids) {
			t.Errorf("%s: got %v, want %v", what, got, ids)
		}
	}
	every := func(job.Job) bool { return true }
	for _, limit := range []int{1, 4, 22, 23, 24, job.MaxList} {
		want("all", listAll(t, s, job.Filter{Limit: limit}), every)
	}
	want("of a user", listAll(t, s, job.Filter{User: "analytics", Limit: 2}), func(j job.Job) bool { return j.User == "analytics" })
	want("of an endpoint", listAll(t, s, job.Filter{Endpoint: other, Limit: 2}), func(j job.Job) bool { return j.Address == other })
	isFailed := func(j job.Job) bool { return get(t, s, j.ID).Status == job.Failed }
	want("failed", listAll(t, s, job.Filter{Status: job.Failed, Limit: 2}), isFailed)
	want("processing", listAll(t, s, job.Filter{Status: job.Processing, Limit: 5}), func(j job.Job) bool { return !isFailed(j) })
	want("of a company's user", list(t, s, "acme", job.Filter{User: "analytics", Limit: 1}), func(j job.Job) bool {
		return j.Company == "acme" && j.User == "analytics"
	})
	for _, limit := range []int{0, job.MaxList + 1} {
		if _, _, err := s.Jobs.ListAll(t.Context(), job.Filter{Limit: limit}); err == nil {
			t.Errorf("a page of %d jobs was not refused", limit)
		}
	}
	want("after a restart", listAll(t, s.Reopen(t), job.Filter{Limit: 10}), every)
}
