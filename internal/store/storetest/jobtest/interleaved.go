package jobtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// testInterleaved lets workers call a store at the same time, by random programs, and looks for an order of the calls in
// which the answers are those of a store that is asked one call after the other. That is what "one method's writes are one
// transaction" promises: fate.go says what each call does to a job.
func testInterleaved(t *testing.T, open func(tb testing.TB) Stores) {
	rapid.Check(t, func(rt *rapid.T) {
		rounds, jobs := drawRounds(rt), rapid.IntRange(1, 4).Draw(rt, "jobs")
		h := &history{stores: open(t), now: start, jobs: make([]interleavedJob, jobs)}
		for i := range h.jobs {
			h.jobs[i].Job = newJob([]string{"acme", "globex"}[i%2])
			h.jobs[i].CallbackURL = "https://hooks.example.com/"
		}
		for _, round := range rounds {
			h.run(round)
			h.now = h.now.Add(20 * time.Second) // after the second of these a lease has ended
		}
		h.check(rt)
	})
}

// step is a call that a worker is going to make. What a call needs to know of the job it reads when it is made.
type step struct {
	What   string
	Job    int // which; the programs know no more of it
	Off    int // of the attempt, from the newest that is known
	N      int
	Status job.Status
}

// drawRounds draws what workers do. Between rounds time passes, which all of them see alike.
func drawRounds(rt *rapid.T) (rounds [][][]step) {
	calls := []string{
		"accept", "accept", "claim", "claim", "claim", "extend", "release", "append", "append", "finish", "finish", "get", "read",
		"claim deliveries", "settle", "retry", "replay", "delivery",
	}
	one := rapid.Custom(func(rt *rapid.T) step {
		return step{
			What:   rapid.SampledFrom(calls).Draw(rt, "call"),
			Job:    rapid.IntRange(0, 3).Draw(rt, "job"),
			Off:    rapid.SampledFrom([]int{0, 0, 0, 0, 0, -1, 1}).Draw(rt, "attempt off by"),
			N:      rapid.IntRange(0, 2).Draw(rt, "n"),
			Status: rapid.SampledFrom([]job.Status{job.Completed, job.Completed, job.Failed, job.Cancelled}).Draw(rt, "status"),
		}
	})
	program := rapid.SliceOfN(one, 1, 8)
	workers := rapid.IntRange(2, 4).Draw(rt, "workers")
	return rapid.SliceOfN(rapid.SliceOfN(program, workers, workers), 1, 4).Draw(rt, "rounds")
}

// history is what workers have called, and what they were answered.
type history struct {
	stores Stores
	now    time.Time
	jobs   []interleavedJob
	ends   atomic.Int64 // told apart by the instants that they name

	mu    sync.Mutex
	calls []porcupine.Operation
	fault error // of the store itself
}

// interleavedJob is a job, and what a worker may guess of it.
type interleavedJob struct {
	job.Job
	attempt, chunks, delivery atomic.Int64

	worker sync.Mutex // stores chunks, or completes the job: never both at once
}

// run runs a program for each worker, at the same time.
func (h *history) run(programs [][]step) {
	var all sync.WaitGroup
	for worker, program := range programs {
		all.Go(func() {
			for _, s := range program {
				h.call(worker, s, &h.jobs[s.Job%len(h.jobs)])
			}
		})
	}
	all.Wait()
}

// call makes a call.
func (h *history) call(worker int, s step, j *interleavedJob) {
	ctx, jobs, callbacks := context.Background(), h.stores.Jobs, h.stores.Callbacks
	c := call{id: j.ID, what: s.What, now: h.now, attempt: int(j.attempt.Load()) + s.Off}
	begun := time.Now()
	var a answer
	switch s.What {
	case "accept":
		a.err = jobs.Accept(ctx, j.Job, job.Quota{})
	case "claim":
		c.until = c.now.Add(lease)
		claimed, _, err := jobs.Claim(ctx, fmt.Sprint(worker), c.now, c.until, job.Capacity{Jobs: s.N + 1})
		for _, got := range claimed {
			c.id = got.ID
			h.note(worker, begun, c, answer{job: got})
			h.find(got.ID).attempt.Store(int64(got.Attempt))
			h.find(got.ID).chunks.Store(0)
		}
		h.failed(err)
		return
	case "extend":
		c.until = c.now.Add(lease)
		a.err = jobs.Extend(ctx, j.ID, c.attempt, c.until)
	case "release":
		c.until = c.now.Add(time.Duration(s.N) * 15 * time.Second)
		c.forgive = s.N == 1
		a.err = jobs.Release(ctx, j.ID, c.attempt, c.until, c.forgive)
	case "append":
		j.worker.Lock()
		defer j.worker.Unlock()
		begun = time.Now()
		c.first, c.n = int(j.chunks.Load()), s.N+1
		if s.Off != 0 {
			c.first = s.N
		}
		a.err = jobs.AppendChunks(ctx, j.ID, c.attempt, c.first, chunksOf(c))
		if a.err == nil {
			j.chunks.Store(int64(c.first + c.n))
		}
	case "finish":
		j.worker.Lock()
		defer j.worker.Unlock()
		begun = time.Now()
		c.n, c.status = int(j.chunks.Load()), s.Status
		c.until = c.now.Add(time.Duration(h.ends.Add(1)))
		outcome := job.Outcome{Status: c.status, CompletedAt: c.until, ExpiresAt: c.until.Add(time.Hour)}
		if c.status == job.Completed {
			outcome.Result = job.Result{Chunks: c.n, BlockSize: 1}
		}
		a.changed, a.err = jobs.Finish(ctx, j.ID, c.attempt, outcome)
	case "get":
		a.job, a.err = jobs.Get(ctx, j.ID)
	case "read":
		c.n = s.N
		a.chunk, a.err = jobs.ReadChunk(ctx, j.ID, s.N, nil)
	case "claim deliveries":
		c.until = c.now.Add(lease)
		claimed, _, err := callbacks.ClaimDeliveries(ctx, c.now, c.until, callback.Capacity{Deliveries: s.N + 1})
		for _, got := range claimed {
			c.id = got.JobID
			h.note(worker, begun, c, answer{delivery: got})
			h.find(got.JobID).delivery.Store(int64(got.Attempt))
		}
		h.failed(err)
		return
	case "settle", "retry":
		d := callback.Delivery{JobID: j.ID, Attempt: int(j.delivery.Load()) + s.Off, State: callback.Delivered, EndedAt: c.now}
		if c.attempt = d.Attempt; s.What == "retry" {
			c.until = c.now.Add(time.Duration(s.N) * 15 * time.Second)
			d.State, d.EndedAt, d.NextAttempt = callback.Pending, time.Time{}, c.until
		}
		a.err = callbacks.SettleDelivery(ctx, d)
	case "replay":
		a.delivery, a.err = callbacks.ReplayDelivery(ctx, j.ID, c.now)
	case "delivery":
		a.delivery, a.err = FindDelivery(ctx, callbacks, j.ID)
	}
	h.note(worker, begun, c, a)
}

// find returns one of the jobs.
func (h *history) find(id job.ID) *interleavedJob {
	for i := range h.jobs {
		if h.jobs[i].ID == id {
			return &h.jobs[i]
		}
	}
	panic("the store gave away a job that nobody has made")
}

func (h *history) note(worker int, begun time.Time, c call, a answer) {
	ended := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, porcupine.Operation{
		ClientId: worker, Input: c, Call: int64(begun.Sub(processBegan)), Output: a, Return: int64(ended.Sub(processBegan)),
	})
}

// processBegan is what calls are timed from, by the monotonic clock.
var processBegan = time.Now()

// failed notes an error of a call that fails only when the store does.
func (h *history) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fault == nil {
		h.fault = err
	}
}

// check looks for an order of each job's calls that explains the answers.
func (h *history) check(rt *rapid.T) {
	must(rt, h.fault, nil)
	for i := range h.jobs {
		var calls []porcupine.Operation
		for _, c := range h.calls {
			if c.Input.(call).id == h.jobs[i].ID {
				calls = append(calls, c)
			}
		}
		switch porcupine.CheckOperationsTimeout(fateModel, calls, time.Minute) {
		case porcupine.Illegal:
			rt.Fatalf("no order of these calls explains the answers:\n%s", told(calls))
		case porcupine.Unknown:
			rt.Fatalf("no order of these calls was found within a minute:\n%s", told(calls))
		}
	}
}

// told writes calls for people, in the order in which they began.
func told(calls []porcupine.Operation) string {
	var b strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&b, "%12s to %12s  worker %d: %v: %v\n", time.Duration(c.Call), time.Duration(c.Return), c.ClientId, c.Input, c.Output)
	}
	return b.String()
}
