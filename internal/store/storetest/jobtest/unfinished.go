package jobtest

import (
	"slices"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// A job is unfinished from its acceptance to its end, whether it waits, runs, or waits for another attempt.
func testUnfinished(t *testing.T, s Stores) {
	want := func(want ...job.Job) {
		t.Helper()
		got, err := s.Jobs.Unfinished(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d unfinished jobs, want %d: %+v", len(got), len(want), got)
		}
		for _, j := range want {
			if !slices.Contains(got, job.Unfinished{
				ID: j.ID, Company: j.Company, User: j.User, KeyID: j.KeyID, Source: j.Source, CreatedAt: j.CreatedAt.UTC(),
			}) {
				t.Errorf("%s is not among %+v", j.ID, got)
			}
		}
	}
	want()
	first := accept(t, s, "acme")
	want(first)
	running := claimOne(t, s, start)
	want(first)
	second := newJob("globex")
	second.KeyID, second.Source = "s42_other", "warehouse"
	acceptJob(t, s, second)
	want(first, second)
	if err := s.Jobs.Release(t.Context(), running.ID, running.Attempt, start.Add(time.Minute), false); err != nil {
		t.Fatal(err)
	}
	want(first, second)
	s = s.Reopen(t)
	want(first, second)
	finish(t, s, running, failed(start))
	want(second)
	finish(t, s, second, failed(start))
	want()
}
