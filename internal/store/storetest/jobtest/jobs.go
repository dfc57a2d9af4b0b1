package jobtest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

func testAccept(t *testing.T, s Stores) {
	_, err := s.Jobs.Get(t.Context(), newJob("acme").ID)
	wantErr(t, "Get of an unknown job", err, job.ErrNotFound)

	j := accept(t, s, "acme")
	wantJob(t, get(t, s, j.ID), j)

	again := j
	again.Company = "globex"
	wantErr(t, "the same id again", s.Jobs.Accept(t.Context(), again, job.Quota{}), job.ErrExists)
	wantJob(t, get(t, s, j.ID), j)

	for _, wrong := range []job.Job{{Status: job.Completed}, {Status: job.Processing, Attempt: 1}, {}} {
		wrong.ID = newJob("acme").ID
		if err := s.Jobs.Accept(t.Context(), wrong, job.Quota{}); err == nil {
			t.Errorf("a new job with status %q and attempt %d was accepted", wrong.Status, wrong.Attempt)
		}
	}

	// What is handed over is copied.
	own := newJob("acme")
	acceptJob(t, s, own)
	own.Params[0] = '['
	if got := get(t, s, own.ID); got.Params[0] != '{' {
		t.Error("the store keeps the caller's bytes")
	}
}

func testAcceptLimit(t *testing.T, s Stores) {
	const limit = 3
	fill := func(company string) (taken int, err error) {
		for ; err == nil; taken++ {
			if err = s.Jobs.Accept(t.Context(), newJob(company), job.Quota{Waiting: limit}); err != nil || taken > limit {
				return taken, err
			}
		}
		return taken, err
	}
	for _, company := range []string{"acme", "globex"} {
		taken, err := fill(company)
		wantErr(t, company, err, job.ErrQueueFull)
		if taken != limit {
			t.Errorf("%s: %d jobs were taken, want %d", company, taken, limit)
		}
	}
	jobs, _, err := s.Jobs.Claim(t.Context(), "worker", start, start.Add(lease), job.Capacity{Jobs: 2})
	if err != nil || len(jobs) != 2 {
		t.Fatalf("claimed %d, %v", len(jobs), err)
	}
	want := map[string]int{}
	for _, j := range jobs {
		want[j.Company]++ // a job that runs waits no more
	}
	for company, n := range want {
		if taken, _ := fill(company); taken != n {
			t.Errorf("%s: %d more were taken, want %d", company, taken, n)
		}
	}
	if err := s.Jobs.Accept(t.Context(), newJob("acme"), job.Quota{}); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}

func testClaim(t *testing.T, s Stores) {
	expectNone(t, s, start, time.Time{})
	j := accept(t, s, "acme")
	got := claimOne(t, s, start.Add(time.Second))
	want := j
	want.Attempt, want.StartedAt = 1, start.Add(time.Second)
	want.LeaseOwner, want.LeaseUntil = "worker", start.Add(time.Second+lease)
	wantJob(t, got, want)
	wantJob(t, get(t, s, j.ID), want)
	if !got.Running() {
		t.Error("a claimed job is not running")
	}
	expectNone(t, s, start.Add(2*time.Second), want.LeaseUntil)

	for range 5 {
		accept(t, s, "acme")
	}
	for _, n := range []int{2, 2, 1, 0} {
		jobs, _, err := s.Jobs.Claim(t.Context(), "worker", start, start.Add(lease), job.Capacity{Jobs: 2})
		if err != nil || len(jobs) != n {
			t.Fatalf("claimed %d, %v; want %d", len(jobs), err, n)
		}
	}
}

func testClaimOrder(t *testing.T, s Stores) {
	claim := func(n int) (jobs []job.Job) {
		t.Helper()
		for range n {
			claimed, _, err := s.Jobs.Claim(t.Context(), "worker", start, start.Add(lease), job.Capacity{Jobs: 1})
			if err != nil || len(claimed) != 1 {
				t.Fatalf("claimed %d, %v", len(claimed), err)
			}
			jobs = append(jobs, claimed[0])
		}
		return jobs
	}
	var busy, other []job.ID
	for range 30 {
		busy = append(busy, accept(t, s, "busy").ID)
	}
	first := claim(5)
	for range 3 {
		other = append(other, accept(t, s, "other").ID)
	}
	rest := claim(10)
	var order, otherOrder []job.ID
	last := -1
	for i, j := range append(first, rest...) {
		if j.Company == "busy" {
			order = append(order, j.ID)
			continue
		}
		otherOrder = append(otherOrder, j.ID)
		if waited := i - max(last, len(first)-1) - 1; waited > 2 {
			t.Errorf("a job of the company with few jobs waited for %d of the company with many", waited)
		}
		last = i
	}
	for i := range order {
		if order[i] != busy[i] {
			t.Fatalf("place %d of the busy company: %s, want %s", i, order[i], busy[i])
		}
	}
	if len(otherOrder) != 3 || otherOrder[0] != other[0] || otherOrder[1] != other[1] || otherOrder[2] != other[2] {
		t.Errorf("the other company's order: %v, want %v", otherOrder, other)
	}
	// A job that was interrupted goes before those of its company that have not begun.
	if err := s.Jobs.Release(t.Context(), busy[0], 1, time.Time{}, false); err != nil {
		t.Fatal(err)
	}
	if next := claim(1)[0]; next.ID != busy[0] {
		t.Error("a job that waits for a further attempt is not the first of its company")
	}
	// A company that comes back does not pay for having been served.
	late := accept(t, s, "late").ID
	for i, j := range claim(4) {
		if j.ID == late {
			break
		}
		if i == 2 {
			t.Fatal("a company's only job waited for more than two of another")
		}
	}
}

// A company without room is passed over, whatever it has waiting, and loses no place.
func testClaimRoom(t *testing.T, s Stores) {
	claim := func(room job.Capacity) (companies []string) {
		t.Helper()
		jobs, _, err := s.Jobs.Claim(t.Context(), "worker", start, start.Add(lease), room)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			companies = append(companies, j.Company)
		}
		return companies
	}
	for range 20 {
		accept(t, s, "busy")
	}
	if got := claim(job.Capacity{Jobs: 4, PerCompany: 3}); len(got) != 3 {
		t.Fatalf("claimed %v, want 3 jobs", got)
	}
	full := job.Capacity{Jobs: 1, PerCompany: 3, Running: map[string]int{"busy": 3}}
	if got := claim(full); len(got) != 0 {
		t.Fatalf("claimed %v of a company without room", got)
	}
	accept(t, s, "other")
	accept(t, s, "other")
	if got := claim(full); len(got) != 1 || got[0] != "other" {
		t.Fatalf("claimed %v, want the other company's job", got)
	}
	if got := claim(job.Capacity{Jobs: 2, PerCompany: 3, Running: map[string]int{"busy": 2, "other": 1}}); len(got) != 2 || got[0] != "busy" {
		t.Fatalf("claimed %v, want the job that was passed over first", got)
	}
	accept(t, s, "other")
	waits := job.Capacity{Jobs: 1, PerCompany: 2, Waiting: map[job.Line]int{{Company: "busy"}: 2}}
	if got := claim(waits); len(got) != 1 || got[0] != "other" {
		t.Fatalf("claimed %v, though two of the first company wait for that source already", got)
	}
	if got := claim(job.Capacity{Jobs: 30}); len(got) != 16 {
		t.Fatalf("claimed %d jobs, want the 16 that are left", len(got))
	}
}

// The jobs that a company keeps count until they are removed, each with what it takes by itself and with its result, and
// those of nobody else.
func testQuota(t *testing.T, s Stores) {
	own := newJob("acme")
	footprint := own.Footprint()
	ask := func(company string) error {
		return s.Jobs.Accept(t.Context(), newJob(company), job.Quota{Kept: 3*footprint + 3})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	complete := func(company string, chunks ...string) {
		t.Helper()
		must(ask(company))
		j := claimOne(t, s, start)
		appendChunks(t, s, j, chunks...)
		finish(t, s, j, completed(start, len(chunks)))
		finish(t, s, j, completed(start, len(chunks))) // repeated, it counts once
	}
	complete("acme", "a", "b")
	complete("acme", "c")
	complete("acme", "d") // there was room: how large a result will be is not known before
	wantErr(t, "over the quota with results", ask("acme"), job.ErrQuotaExceeded)

	for range 4 { // no result at all: two that fail, two that wait
		must(ask("globex"))
	}
	wantErr(t, "over the quota without results", ask("globex"), job.ErrQuotaExceeded)
	waiting, _, err := s.Jobs.Claim(t.Context(), "worker", start, start.Add(lease), job.Capacity{Jobs: 2})
	must(err)
	for _, j := range waiting {
		finish(t, s, j, failed(start))
	}
	wantErr(t, "over the quota with jobs that failed", ask("globex"), job.ErrQuotaExceeded)
	must(ask("initech"))

	for more := true; more; {
		more, err = s.Jobs.Sweep(t.Context(), start.Add(2*time.Hour), 100)
		must(err)
	}
	must(ask("globex")) // what was removed is not held against it
	must(ask("globex"))
	wantErr(t, "at the quota again", ask("globex"), job.ErrQuotaExceeded)
	for range 4 {
		must(ask("acme"))
	}
	wantErr(t, "at the quota again", ask("acme"), job.ErrQuotaExceeded)
}

func testClaimConcurrently(t *testing.T, s Stores) {
	const jobs, workers = 60, 8
	for i := range jobs {
		accept(t, s, []string{"acme", "globex", "initech"}[i%3])
	}
	var mu sync.Mutex
	claims := map[job.ID]int{}
	var group sync.WaitGroup
	var ended atomic.Int32
	for w := range workers {
		group.Go(func() {
			for ended.Load() < jobs {
				claimed, _, err := s.Jobs.Claim(context.Background(), string(rune('a'+w)), start, start.Add(lease), job.Capacity{Jobs: 1 + w%3})
				if err != nil {
					t.Error(err)
					return
				}
				for _, j := range claimed {
					mu.Lock()
					claims[j.ID]++
					mu.Unlock()
					if err := tryFinish(s, j.ID, j.Attempt, failed(start)); err != nil {
						t.Error(err)
					}
					ended.Add(1)
				}
			}
		})
	}
	group.Wait()
	if len(claims) != jobs {
		t.Errorf("%d jobs were claimed, want %d", len(claims), jobs)
	}
	for id, n := range claims {
		if n != 1 {
			t.Errorf("job %s was claimed %d times", id, n)
		}
	}
}

func testLease(t *testing.T, s Stores) {
	accept(t, s, "acme")
	j := claimOne(t, s, start)
	until := start.Add(lease)
	expectNone(t, s, until.Add(-1), until)
	if err := s.Jobs.Extend(t.Context(), j.ID, 1, until.Add(lease)); err != nil {
		t.Fatal(err)
	}
	expectNone(t, s, until.Add(lease-1), until.Add(lease))
	if got := get(t, s, j.ID); !got.LeaseUntil.Equal(until.Add(lease)) {
		t.Errorf("the lease ends %v", got.LeaseUntil)
	}
	again := claimOne(t, s, until.Add(lease))
	if again.ID != j.ID || again.Attempt != 2 || again.Tries() != 2 {
		t.Errorf("after the lease: %s", show(again))
	}
	wantErr(t, "Extend by the old attempt", s.Jobs.Extend(t.Context(), j.ID, 1, until.Add(time.Hour)), job.ErrLost)
	if got := get(t, s, j.ID); !got.LeaseUntil.Equal(again.LeaseUntil) {
		t.Error("the old attempt has moved the lease")
	}
	wantErr(t, "Extend of an unknown job", s.Jobs.Extend(t.Context(), newJob("acme").ID, 1, until), job.ErrNotFound)
}

func testRelease(t *testing.T, s Stores) {
	accept(t, s, "acme")
	j := claimOne(t, s, start)
	later := start.Add(time.Minute)
	if err := s.Jobs.Release(t.Context(), j.ID, 1, later, false); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, j.ID); got.Running() || got.Status != job.Processing || !got.NotBefore.Equal(later) {
		t.Errorf("released: %s", show(got))
	}
	expectNone(t, s, later.Add(-1), later)
	wantErr(t, "Extend of a job that waits", s.Jobs.Extend(t.Context(), j.ID, 1, later), job.ErrLost)
	wantErr(t, "Release of a job that waits", s.Jobs.Release(t.Context(), j.ID, 1, later, false), job.ErrLost)
	wantErr(t, "AppendChunks to a job that waits", s.Jobs.AppendChunks(t.Context(), j.ID, 1, 0, bytesOf("x")), job.ErrLost)
	again := claimOne(t, s, later)
	if again.Attempt != 2 || again.Tries() != 2 || !again.NotBefore.IsZero() {
		t.Errorf("second attempt: %s", show(again))
	}
	if err := s.Jobs.Release(t.Context(), j.ID, 2, time.Time{}, true); err != nil {
		t.Fatal(err)
	}
	if third := claimOne(t, s, later); third.Attempt != 3 || third.Tries() != 2 {
		t.Errorf("after a forgiven attempt: %s", show(third))
	}
	wantErr(t, "Release of an unknown job", s.Jobs.Release(t.Context(), newJob("acme").ID, 1, later, false), job.ErrNotFound)
}

func testFencing(t *testing.T, s Stores) {
	accept(t, s, "acme")
	stale := claimOne(t, s, start)
	appendChunks(t, s, stale, "stale")
	current := claimOne(t, s, start.Add(lease))
	appendChunks(t, s, current, "current")
	for _, attempt := range []int{0, stale.Attempt, current.Attempt + 1} {
		for what, err := range map[string]error{
			"Extend":              s.Jobs.Extend(t.Context(), stale.ID, attempt, start.Add(time.Hour)),
			"Release":             s.Jobs.Release(t.Context(), stale.ID, attempt, start, false),
			"AppendChunks":        s.Jobs.AppendChunks(t.Context(), stale.ID, attempt, 0, bytesOf("evil")),
			"Finish":              tryFinish(s, stale.ID, attempt, failed(start)),
			"Finish as completed": tryFinish(s, stale.ID, attempt, completed(start, 1)),
		} {
			wantErr(t, what, err, job.ErrLost)
		}
	}
	wantJob(t, get(t, s, stale.ID), current)
	finish(t, s, current, completed(start.Add(lease), 1))
	if chunk, err := s.Jobs.ReadChunk(t.Context(), stale.ID, 0, nil); err != nil || string(chunk) != "current" {
		t.Errorf("chunk %q, %v", chunk, err)
	}
}

func testFinish(t *testing.T, s Stores) {
	for _, outcome := range []job.Outcome{completed(start, 0), failed(start), {Status: job.Cancelled, CompletedAt: start, ExpiresAt: start.Add(time.Hour)}} {
		accept(t, s, "acme")
		j := claimOne(t, s, start)
		finish(t, s, j, outcome)
		want := j
		want.Status, want.CompletedAt, want.ExpiresAt = outcome.Status, outcome.CompletedAt, outcome.ExpiresAt
		want.LeaseOwner, want.LeaseUntil, want.Error, want.Result = "", time.Time{}, outcome.Error, outcome.Result
		want.RunTraceparent = outcome.RunTraceparent
		wantJob(t, get(t, s, j.ID), want)

		repeated := outcome
		repeated.CompletedAt, repeated.ExpiresAt = start.Add(time.Minute), start.Add(2*time.Hour)
		finish(t, s, j, repeated)
		wantJob(t, get(t, s, j.ID), want)
		for _, other := range []job.Outcome{completed(start, 0), failed(start), {Status: job.Cancelled}} {
			if other.Status != outcome.Status {
				wantErr(t, string(outcome.Status)+", then "+string(other.Status), tryFinish(s, j.ID, 1, other), job.ErrLost)
			}
		}
		wantErr(t, "Extend", s.Jobs.Extend(t.Context(), j.ID, 1, start), job.ErrLost)
		wantErr(t, "Release", s.Jobs.Release(t.Context(), j.ID, 1, start, false), job.ErrLost)
		wantErr(t, "AppendChunks", s.Jobs.AppendChunks(t.Context(), j.ID, 1, 0, bytesOf("x")), job.ErrLost)
		wantJob(t, get(t, s, j.ID), want)
		expectNone(t, s, start.Add(1000*time.Hour), time.Time{})
	}
	waiting := accept(t, s, "acme") // never claimed: it is cancelled where it is
	finish(t, s, waiting, job.Outcome{Status: job.Cancelled, CompletedAt: start, ExpiresAt: start.Add(time.Hour)})
	expectNone(t, s, start.Add(1000*time.Hour), time.Time{})

	if err := tryFinish(s, accept(t, s, "acme").ID, 0, job.Outcome{Status: job.Processing}); err == nil {
		t.Error("a job ended as processing")
	}
	wantErr(t, "an unknown job", tryFinish(s, newJob("acme").ID, 1, failed(start)), job.ErrNotFound)
}

func testFinishOnce(t *testing.T, s Stores) {
	for range 20 {
		j := accept(t, s, "acme")
		claimOne(t, s, start)
		outcomes := []job.Outcome{completed(start, 0), failed(start), {Status: job.Cancelled, CompletedAt: start, ExpiresAt: start}}
		var won atomic.Int32
		var group sync.WaitGroup
		for _, outcome := range outcomes {
			group.Go(func() {
				switch err := tryFinish(s, j.ID, 1, outcome); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, job.ErrLost):
					t.Error(err)
				}
			})
		}
		group.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of three ends were stored", won.Load())
		}
	}
}

func testRecover(t *testing.T, s Stores) {
	for range 4 {
		accept(t, s, "acme")
	}
	mine, _, err := s.Jobs.Claim(t.Context(), "mine", start, start.Add(lease), job.Capacity{Jobs: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Jobs.Claim(t.Context(), "dead", start, start.Add(lease), job.Capacity{Jobs: 2}); err != nil {
		t.Fatal(err)
	}
	want := 0
	if s.Exclusive {
		want = 2
	}
	if n, err := s.Jobs.Recover(t.Context(), "mine"); err != nil || n != want {
		t.Fatalf("recovered %d, %v; want %d", n, err, want)
	}
	jobs, _, err := s.Jobs.Claim(t.Context(), "mine", start, start.Add(lease), job.Capacity{Jobs: 10})
	if err != nil || len(jobs) != want+1 {
		t.Fatalf("claimed %d, %v", len(jobs), err)
	}
	for i, j := range jobs {
		if j.ID == mine[0].ID {
			t.Error("the caller's own job was taken from it")
		}
		if i < want && j.Attempt != 2 {
			t.Errorf("place %d: attempt %d", i, j.Attempt)
		}
	}
	// One that waits for another attempt need not wait any longer, since the clock by which it does may have been wrong.
	if err := s.Jobs.Release(t.Context(), jobs[0].ID, jobs[0].Attempt, start.Add(1000*time.Hour), false); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Jobs.Recover(t.Context(), "mine"); err != nil || n != 0 {
		t.Fatalf("recovered %d, %v", n, err)
	}
	if s.Exclusive {
		if again := claimOne(t, s, start); again.ID != jobs[0].ID {
			t.Errorf("claimed %s", show(again))
		}
	}
}
