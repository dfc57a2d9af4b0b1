package jobtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// keyed makes a job with an idempotency key.
func keyed(company, key string, digest byte, at time.Time) job.Job {
	j := newJob(company)
	j.CreatedAt = at
	j.Idempotency = &job.Idempotency{Key: key, Digest: job.Digest{digest}, Until: at.Add(job.IdempotencyRetention)}
	return j
}

// wantRepeated checks that a job is not stored because an earlier one was.
func wantRepeated(tb testing.TB, s Stores, j job.Job, earlier job.ID) {
	tb.Helper()
	err := s.Jobs.Accept(tb.Context(), j, job.Quota{Waiting: 1})
	if repeated, ok := errors.AsType[*job.RepeatedError](err); !ok || repeated.Job.ID != earlier {
		tb.Errorf("got %v, want a repetition of %s", err, earlier)
	}
	_, err = s.Jobs.Get(tb.Context(), j.ID)
	wantErr(tb, "the repeated job", err, job.ErrNotFound)
}

func testIdempotency(t *testing.T, s Stores) {
	first := keyed("acme", "k", 1, start)
	acceptJob(t, s, first)
	want := first
	want.Idempotency = &job.Idempotency{Key: "k", Digest: job.Digest{1}, Until: first.Idempotency.Until.UTC()}
	wantJob(t, get(t, s, first.ID), want)

	wantRepeated(t, s, keyed("acme", "k", 1, start.Add(time.Second)), first.ID) // though the queue is full
	wantErr(t, "another body", s.Jobs.Accept(t.Context(), keyed("acme", "k", 2, start), job.Quota{}), job.ErrKeyReused)
	wantErr(t, "the queue is full", s.Jobs.Accept(t.Context(), keyed("acme", "k2", 1, start), job.Quota{Waiting: 1}), job.ErrQueueFull)

	// Another company's key, and another endpoint's, are other keys, whatever the parts look like.
	elsewhere := keyed("globex", "k", 2, start)
	acceptJob(t, s, elsewhere)
	endpoint := keyed("acme", "k", 2, start)
	endpoint.Address.Slug += "-2"
	acceptJob(t, s, endpoint)
	acceptJob(t, s, keyed("acme", "k\x00", 2, start))
	acceptJob(t, s, keyed("acme", "k2", 2, start)) // what was refused is not bound

	s = s.Reopen(t)
	wantRepeated(t, s, keyed("acme", "k", 1, start), first.ID)
	jobs, _, err := s.Jobs.Claim(t.Context(), "worker", start, start.Add(lease), job.Capacity{Jobs: 10})
	if err != nil || len(jobs) != 5 {
		t.Fatalf("claimed %d, %v", len(jobs), err)
	}
	finish(t, s, get(t, s, first.ID), failed(start))
	wantRepeated(t, s, keyed("acme", "k", 1, start), first.ID)

	// After a day the key is free, and the old job's end takes nothing from the new one.
	day := start.Add(job.IdempotencyRetention)
	wantRepeated(t, s, keyed("acme", "k", 1, day.Add(-1)), first.ID)
	second := keyed("acme", "k", 2, day)
	acceptJob(t, s, second)
	sweep(t, s, day, 10)
	_, err = s.Jobs.Get(t.Context(), first.ID)
	wantErr(t, "the expired job", err, job.ErrNotFound)
	wantRepeated(t, s, keyed("acme", "k", 2, day), second.ID)

	// A removed job's key is free.
	if err := tryFinish(s, second.ID, 0, job.Outcome{Status: job.Cancelled, CompletedAt: day, ExpiresAt: day}); err != nil {
		t.Fatal(err)
	}
	sweep(t, s, day, 10)
	acceptJob(t, s, keyed("acme", "k", 3, day))
}

// A key that was given back can be used again at once, for anything.
func testFreedKey(t *testing.T, s Stores) {
	first := keyed("acme", "k", 1, start)
	acceptJob(t, s, first)
	outcome := failed(start)
	outcome.FreeKey = true
	finish(t, s, claimOne(t, s, start), outcome)
	if got := get(t, s, first.ID); got.Idempotency != nil || got.Status != job.Failed {
		t.Errorf("got %s", show(got))
	}
	second := keyed("acme", "k", 2, start)
	acceptJob(t, s, second)
	wantRepeated(t, s, keyed("acme", "k", 2, start), second.ID)
	sweep(t, s, start.Add(2*time.Hour), 10) // the first job's removal takes nothing from the second
	_, err := s.Jobs.Get(t.Context(), first.ID)
	wantErr(t, "the expired job", err, job.ErrNotFound)
	wantRepeated(t, s, keyed("acme", "k", 2, start), second.ID)
	finish(t, s, accept(t, s, "acme"), outcome) // a job without a key has none to give back
}

func testIdempotencyConcurrently(t *testing.T, s Stores) {
	var group sync.WaitGroup
	var mu sync.Mutex
	got := map[job.ID]int{}
	stored := 0
	for range 16 {
		group.Go(func() {
			j := keyed("acme", "k", 1, start)
			err := s.Jobs.Accept(context.Background(), j, job.Quota{})
			repeated, ok := errors.AsType[*job.RepeatedError](err)
			if err != nil && !ok {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if ok {
				got[repeated.Job.ID]++
			} else {
				got[j.ID]++
				stored++
			}
		})
	}
	group.Wait()
	if len(got) != 1 || stored != 1 {
		t.Errorf("%d jobs were stored, and the callers were told of %d", stored, len(got))
	}
}
