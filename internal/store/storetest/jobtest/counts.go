package jobtest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// Counts follow a job from its acceptance to its end.
func testCounts(t *testing.T, s Stores) {
	want := func(waiting, running int, oldest time.Time) {
		t.Helper()
		got, err := s.Jobs.Counts(t.Context())
		if want := (job.Counts{Waiting: waiting, Running: running, Oldest: oldest.UTC()}); err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
	}
	none := time.Time{}
	want(0, 0, none)
	first := accept(t, s, "acme")
	later := start.Add(time.Minute)
	var others []job.Job
	for _, company := range []string{"acme", "acme", "globex", "initech"} {
		for _, source := range []string{"", "warehouse", "warehouse-2"} {
			j := newJob(company)
			j.Source, j.CreatedAt = source, later
			acceptJob(t, s, j)
			others = append(others, j)
		}
	}
	want(1+len(others), 0, start)

	running, _, err := s.Jobs.Claim(t.Context(), "worker", later, later.Add(lease), job.Capacity{Jobs: 1 + len(others)})
	if err != nil || len(running) != 1+len(others) {
		t.Fatalf("claimed %d jobs, %v", len(running), err)
	}
	want(0, len(running), none)
	s = s.Reopen(t)
	want(0, len(running), none)

	// What waits for a further attempt waits, for a time or not. What runs does so beyond the end of its lease, until it is
	// given to somebody else.
	release := func(j job.Job, notBefore time.Time) {
		t.Helper()
		if err := s.Jobs.Release(t.Context(), j.ID, 1, notBefore, false); err != nil {
			t.Fatal(err)
		}
	}
	release(others[0], later.Add(time.Hour))
	want(1, len(running)-1, later)
	release(others[1], none)
	want(2, len(running)-2, later)
	release(first, later.Add(time.Hour))
	want(3, len(running)-3, start)
	s = s.Reopen(t)
	want(3, len(running)-3, start)

	first.Attempt = 1
	finish(t, s, first, failed(later))
	want(2, len(running)-3, later)
	for i := range others {
		others[i].Attempt = 1
		finish(t, s, others[i], failed(later))
	}
	want(0, 0, none)
	sweep(t, s, later.Add(2*time.Hour), 100)
	want(0, 0, none)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Jobs.Counts(ctx)
	wantErr(t, "a context that has ended", err, context.Canceled)
}

// The size grows with what is kept.
func testSize(t *testing.T, s Stores) {
	size := func() int64 {
		t.Helper()
		bytes, err := s.Size(t.Context())
		if err != nil || bytes < 0 {
			t.Fatalf("the size is %d, %v", bytes, err)
		}
		return bytes
	}
	before := size()
	const kept = 24 * job.MaxChunk // a store may grow in large steps
	accept(t, s, "acme")
	running := claimOne(t, s, start)
	random := rand.NewChaCha8([32]byte{1})
	for i := range kept / job.MaxChunk {
		chunk := make([]byte, job.MaxChunk) // which no store can compress
		_, _ = random.Read(chunk)
		if err := s.Jobs.AppendChunks(t.Context(), running.ID, running.Attempt, i, [][]byte{chunk}); err != nil {
			t.Fatal(err)
		}
	}
	if after := size(); after < before+kept/2 {
		t.Errorf("%d bytes were %d before %d more were stored", after, before, kept)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Size(ctx)
	wantErr(t, "a context that has ended", err, context.Canceled)
}

// A delivery is due from the end of its job until it is tried.
func testDeliveriesDue(t *testing.T, s Stores) {
	want := func(want int) {
		t.Helper()
		if due, err := s.DeliveriesDue(t.Context(), start); err != nil || due != want {
			t.Fatalf("%d are due, %v; want %d", due, err, want)
		}
	}
	want(0)
	for _, company := range []string{"acme", "acme", "globex"} {
		j := newJob(company)
		j.CallbackURL = "https://hooks.example.com/"
		acceptJob(t, s, j)
		finish(t, s, claimOne(t, s, start), failed(start))
	}
	want(3)
	s = s.Reopen(t)
	want(3)
	tried, _, err := s.Callbacks.ClaimDeliveries(t.Context(), start, start.Add(time.Minute), callback.Capacity{Deliveries: 2})
	if err != nil || len(tried) != 2 {
		t.Fatalf("claimed %d, %v", len(tried), err)
	}
	want(1)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the store cannot be written to: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.DeliveriesDue(ctx, start)
	wantErr(t, "a context that has ended", err, context.Canceled)
}
