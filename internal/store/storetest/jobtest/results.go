package jobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
)

func testChunks(t *testing.T, s Stores) {
	accept(t, s, "acme")
	j := claimOne(t, s, start)
	put := func(first int, chunks ...[]byte) error {
		return s.Jobs.AppendChunks(t.Context(), j.ID, j.Attempt, first, chunks)
	}
	wantErr(t, "a gap at the beginning", put(1, []byte("x")), job.ErrMissingChunk)
	wantErr(t, "a negative index", put(-1, []byte("x")), job.ErrMissingChunk)
	wantErr(t, "an index beyond the most", put(job.MaxChunks, []byte("x")), job.ErrMissingChunk)
	if put(0, []byte("a"), nil) == nil || put(0, make([]byte, job.MaxChunk+1)) == nil {
		t.Error("an empty or too long chunk was stored")
	}
	wantErr(t, "a chunk of an unknown job", s.Jobs.AppendChunks(t.Context(), newJob("acme").ID, 1, 0, bytesOf("x")), job.ErrNotFound)

	largest := bytes.Repeat([]byte{0xAB}, job.MaxChunk)
	own := []byte("bb")
	for _, err := range []error{put(0, []byte("old"), own), put(0, []byte("a")), put(2, largest), put(3)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	own[0] = 'x' // what was handed over is copied
	wantErr(t, "a gap", put(4, []byte("x")), job.ErrMissingChunk)
	for _, n := range []int{0, 2, 4, -1} {
		wantErr(t, fmt.Sprintf("completing with %d chunks", n), tryFinish(s, j.ID, 1, completed(start, n)), job.ErrMissingChunk)
	}
	if _, err := s.Jobs.ReadChunk(t.Context(), j.ID, 0, nil); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("reading while the job runs: %v", err)
	}
	finish(t, s, j, completed(start, 3))

	for n, want := range [][]byte{[]byte("a"), []byte("bb"), largest} {
		got, err := s.Jobs.ReadChunk(t.Context(), j.ID, n, []byte("kept"))
		if err != nil || !bytes.Equal(got, append([]byte("kept"), want...)) {
			t.Errorf("chunk %d: %d bytes, %v", n, len(got), err)
		}
		copy(got, "overwritten") // what is handed out is the caller's own
		if again, err := s.Jobs.ReadChunk(t.Context(), j.ID, n, nil); err != nil || !bytes.Equal(again, want) {
			t.Errorf("chunk %d again: %d bytes, %v", n, len(again), err)
		}
	}
	for _, n := range []int{-1, 3, 1 << 31} {
		_, err := s.Jobs.ReadChunk(t.Context(), j.ID, n, nil)
		wantErr(t, fmt.Sprintf("chunk %d", n), err, job.ErrNotFound)
	}
	_, err := s.Jobs.ReadChunk(t.Context(), newJob("acme").ID, 0, nil)
	wantErr(t, "a chunk of an unknown job", err, job.ErrNotFound)
}

func testChunksOfAttempts(t *testing.T, s Stores) {
	j := accept(t, s, "acme")
	first := claimOne(t, s, start)
	appendChunks(t, s, first, "one", "two", "three")
	second := claimOne(t, s, start.Add(lease))
	wantErr(t, "going on where another attempt stopped",
		s.Jobs.AppendChunks(t.Context(), j.ID, 2, 3, bytesOf("four")), job.ErrMissingChunk)
	wantErr(t, "completing with another attempt's chunks",
		tryFinish(s, j.ID, 2, completed(start, 3)), job.ErrMissingChunk)
	appendChunks(t, s, second, "uno")
	sweep(t, s, start.Add(lease), 2) // removes what the first attempt left
	finish(t, s, second, completed(start, 1))
	if chunk, err := s.Jobs.ReadChunk(t.Context(), j.ID, 0, nil); err != nil || string(chunk) != "uno" {
		t.Errorf("chunk %q, %v", chunk, err)
	}
}

func testSweep(t *testing.T, s Stores) {
	accept(t, s, "acme")
	ended := claimOne(t, s, start)
	appendChunks(t, s, ended, "a", "b")
	finish(t, s, ended, completed(start, 2))
	running := accept(t, s, "acme")
	claimOne(t, s, start)
	waiting := accept(t, s, "acme")

	sweep(t, s, start.Add(time.Hour-1), 100)
	if _, err := s.Jobs.ReadChunk(t.Context(), ended.ID, 1, nil); err != nil {
		t.Errorf("a result was removed before it expired: %v", err)
	}
	sweep(t, s, start.Add(time.Hour), 100)
	_, err := s.Jobs.Get(t.Context(), ended.ID)
	wantErr(t, "an expired job", err, job.ErrNotFound)
	_, err = s.Jobs.ReadChunk(t.Context(), ended.ID, 0, nil)
	wantErr(t, "an expired result", err, job.ErrNotFound)
	wantErr(t, "Finish of an expired job", tryFinish(s, ended.ID, 1, completed(start, 2)), job.ErrNotFound)

	sweep(t, s, start.Add(10_000*time.Hour), 100)
	if get(t, s, running.ID).Status != job.Processing || get(t, s, waiting.ID).Status != job.Processing {
		t.Error("a job that is processing was changed")
	}
	if more, err := s.Jobs.Sweep(t.Context(), start, 100); more || err != nil {
		t.Errorf("nothing to sweep: %v, %v", more, err)
	}
}

func testSweepInSteps(t *testing.T, s Stores) {
	const jobs, step = 20, 5
	var all []job.ID
	for range jobs {
		all = append(all, accept(t, s, "acme").ID)
		j := claimOne(t, s, start)
		appendChunks(t, s, j, "a", "b", "c")
		finish(t, s, j, completed(start, 3))
	}
	left := func() (n int) { // which go first of those that expire at the same time nobody says
		t.Helper()
		for _, id := range all {
			if _, err := s.Jobs.Get(t.Context(), id); err == nil {
				n++
			} else {
				wantErr(t, "a job that was swept", err, job.ErrNotFound)
			}
		}
		return n
	}
	now := start.Add(2 * time.Hour)
	if more, err := s.Jobs.Sweep(t.Context(), now, step); !more || err != nil {
		t.Fatalf("first step: %v, %v", more, err)
	}
	if n := left(); n < jobs-step {
		t.Errorf("%d of %d jobs are left after a step of at most %d", n, jobs, step)
	}
	if steps := sweep(t, s, now, step); steps < 10 { // 60 chunks
		t.Errorf("everything went in %d steps of at most %d", steps, step)
	}
	if n := left(); n != 0 {
		t.Errorf("%d jobs are left in the end", n)
	}
}

// endWithCallback makes a job that has ended and is to be announced.
func endWithCallback(tb testing.TB, s Stores, at time.Time) job.Job {
	tb.Helper()
	j := newJob("acme")
	j.CallbackURL = "https://hooks.example.com/" + j.ID.String()
	acceptJob(tb, s, j)
	j = claimOne(tb, s, at)
	appendChunks(tb, s, j, "a")
	finish(tb, s, j, completed(at, 1))
	return j
}

func testSweepDeliveries(t *testing.T, s Stores) {
	settle := func(d callback.Delivery, state callback.State) {
		t.Helper()
		d.State, d.EndedAt, d.NextAttempt = state, start, time.Time{}
		if err := s.Callbacks.SettleDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		endWithCallback(t, s, start)
	}
	due, _, err := s.Callbacks.ClaimDeliveries(t.Context(), start, start.Add(time.Minute), callback.Capacity{Deliveries: 3})
	if err != nil || len(due) != 3 {
		t.Fatalf("claimed %d, %v", len(due), err)
	}
	settle(due[0], callback.Delivered)
	settle(due[1], callback.Dead)
	pending := due[2].JobID

	sweep(t, s, start.Add(time.Hour), 100)
	_, err = s.Jobs.Get(t.Context(), due[0].JobID)
	wantErr(t, "a job that was announced", err, job.ErrNotFound)
	_, err = FindDelivery(t.Context(), s.Callbacks, due[0].JobID)
	wantErr(t, "its delivery", err, callback.ErrNotFound)
	get(t, s, due[1].JobID)
	get(t, s, pending)

	sweep(t, s, start.Add(callback.DeadRetention-time.Second), 100)
	delivery(t, s, due[1].JobID)
	if _, err := s.Jobs.ReadChunk(t.Context(), due[1].JobID, 0, nil); err != nil {
		t.Errorf("a dead letter lost its result: %v", err)
	}
	sweep(t, s, start.Add(callback.DeadRetention), 100)
	_, err = s.Jobs.Get(t.Context(), due[1].JobID)
	wantErr(t, "an old dead letter's job", err, job.ErrNotFound)

	if _, err := s.Jobs.ReadChunk(t.Context(), pending, 0, nil); err != nil {
		t.Errorf("a pending delivery lost its result: %v", err)
	}
	settle(due[2], callback.Delivered)
	sweep(t, s, start.Add(callback.DeadRetention+24*time.Hour), 100)
	_, err = s.Jobs.Get(t.Context(), pending)
	wantErr(t, "the job after its delivery", err, job.ErrNotFound)
}

func testDurability(t *testing.T, s Stores) {
	accept(t, s, "acme")
	ended := claimOne(t, s, start)
	appendChunks(t, s, ended, "kept")
	finish(t, s, ended, completed(start, 1))
	announced := endWithCallback(t, s, start)
	waiting := accept(t, s, "acme")
	due, _, err := s.Callbacks.ClaimDeliveries(t.Context(), start, start.Add(time.Minute), callback.Capacity{Deliveries: 1})
	if err != nil || len(due) != 1 {
		t.Fatalf("claimed %d, %v", len(due), err)
	}
	keys, err := s.Callbacks.SigningKeys(t.Context(), "acme", "integration", start, key('k'))
	if err != nil {
		t.Fatal(err)
	}
	wantEnded, wantAnnounced := get(t, s, ended.ID), get(t, s, announced.ID)

	s = s.Reopen(t)
	wantJob(t, get(t, s, ended.ID), wantEnded)
	wantJob(t, get(t, s, announced.ID), wantAnnounced)
	if chunk, err := s.Jobs.ReadChunk(t.Context(), ended.ID, 0, nil); err != nil || string(chunk) != "kept" {
		t.Errorf("chunk %q, %v", chunk, err)
	}
	if d := delivery(t, s, announced.ID); d.Attempt != 1 || !d.NextAttempt.Equal(start.Add(time.Minute)) {
		t.Errorf("delivery %s", show(d))
	}
	again, err := s.Callbacks.SigningKeys(t.Context(), "acme", "integration", start, key('x'))
	if err != nil || len(again) != 1 || !bytes.Equal(again[0].Key, keys[0].Key) {
		t.Errorf("signing keys %v, %v", again, err)
	}
	if j := claimOne(t, s, start); j.ID != waiting.ID || j.Attempt != 1 {
		t.Errorf("claimed %s", show(j))
	}
}

func testCancelledContext(t *testing.T, s Stores) {
	j := accept(t, s, "acme")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Jobs.Get(ended, j.ID)
	wantErr(t, "Get", err, context.Canceled)
	_, _, err = s.Jobs.Claim(ended, "worker", start, start.Add(lease), job.Capacity{Jobs: 1})
	wantErr(t, "Claim", err, context.Canceled)
	wantErr(t, "Accept", s.Jobs.Accept(ended, newJob("acme"), job.Quota{}), context.Canceled)
	_, err = s.Jobs.Finish(ended, j.ID, 0, failed(start))
	wantErr(t, "Finish", err, context.Canceled)
	_, _, err = s.Callbacks.ClaimDeliveries(ended, start, start, callback.Capacity{Deliveries: 1})
	wantErr(t, "ClaimDeliveries", err, context.Canceled)
	wantJob(t, get(t, s, j.ID), j)
}
