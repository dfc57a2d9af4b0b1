package jobtest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

func testFinishTellsWhoChanged(t *testing.T, s Stores) {
	for range 10 {
		j := accept(t, s, "acme")
		var changed atomic.Int32
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				did, err := s.Jobs.Finish(context.Background(), j.ID, 0, job.Outcome{
					Status: job.Cancelled, CompletedAt: start, ExpiresAt: start.Add(time.Hour),
				})
				if err != nil {
					t.Error(err)
				}
				if did {
					changed.Add(1)
				}
			})
		}
		group.Wait()
		if changed.Load() != 1 {
			t.Fatalf("%d of four calls say that they have ended the job", changed.Load())
		}
	}
	if did, err := s.Jobs.Finish(t.Context(), newJob("acme").ID, 0, failed(start)); did || err == nil {
		t.Errorf("an unknown job: %t, %v", did, err)
	}
}

// Sources share what is claimed as companies do, and one without room holds nobody up.
func testClaimBySource(t *testing.T, s Stores) {
	on := func(source, company string) job.ID {
		j := newJob(company)
		j.Source = source
		acceptJob(t, s, j)
		return j.ID
	}
	claim := func(room job.Capacity) (jobs []job.Job) {
		t.Helper()
		jobs, _, err := s.Jobs.Claim(t.Context(), "worker", start, start.Add(lease), room)
		if err != nil {
			t.Fatal(err)
		}
		return jobs
	}
	for range 50 {
		on("busy", "acme")
		on("busy", "globex")
	}
	later := on("idle", "acme") // fifty of its company are before it, elsewhere
	room := job.Capacity{Jobs: 1, Sources: map[string]job.SourceCapacity{"busy": {Running: 1, Waiting: 3, Most: 4}}}
	if got := claim(room); len(got) != 1 || got[0].ID != later {
		t.Fatalf("claimed %s, want the job on the idle source", show(got))
	}
	if got := claim(room); len(got) != 0 {
		t.Fatalf("claimed %s of a source without room", show(got))
	}
	room.Sources["busy"] = job.SourceCapacity{Most: -1}
	if got := claim(room); len(got) != 0 {
		t.Fatalf("claimed %s of a source that takes none", show(got))
	}
	for range 10 {
		on("idle", "acme")
	}
	room = job.Capacity{Jobs: 8, Sources: map[string]job.SourceCapacity{"busy": {Running: 2, Most: 8}, "idle": {Running: 1, Most: 8}}}
	counts := map[string]int{}
	for _, j := range claim(room) {
		counts[j.Source]++
	}
	if counts["idle"] != 5 && counts["idle"] != 4 || counts["busy"] != 8-counts["idle"] {
		t.Errorf("eight places were shared as %v, though two of one source and one of the other ran already", counts)
	}
	room = job.Capacity{Jobs: 8, Sources: map[string]job.SourceCapacity{"busy": {Running: 2, Waiting: 1, Most: 5}, "idle": {Most: -1}}}
	if got := claim(room); len(got) != 2 || got[0].Company == got[1].Company {
		t.Errorf("claimed %s, want one job of each company, for which there is room", show(got))
	}
}

// Nobody is given what it runs itself, whatever its clock says.
func testHeld(t *testing.T, s Stores) {
	accept(t, s, "acme")
	j := claimOne(t, s, start)
	late := start.Add(time.Hour) // the lease has ended long ago
	jobs, _, err := s.Jobs.Claim(t.Context(), "worker", late, late.Add(lease), job.Capacity{Jobs: 10, Held: map[job.ID]int{j.ID: 1}})
	if err != nil || len(jobs) != 0 {
		t.Fatalf("claimed %s, %v", show(jobs), err)
	}
	if got := get(t, s, j.ID); got.Attempt != 1 || !got.LeaseUntil.Equal(late.Add(lease)) {
		t.Errorf("the lease was not extended: %s", show(got))
	}
	finish(t, s, j, completed(late, 0))

	accept(t, s, "acme")
	j = claimOne(t, s, start)
	jobs, _, err = s.Jobs.Claim(t.Context(), "worker", late, late.Add(lease), job.Capacity{Jobs: 10, Held: map[job.ID]int{j.ID: 0}})
	if err != nil || len(jobs) != 1 || jobs[0].Attempt != 2 {
		t.Errorf("another attempt is held: claimed %s, %v", show(jobs), err)
	}
}
