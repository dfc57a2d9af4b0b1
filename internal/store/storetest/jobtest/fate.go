package jobtest

import (
	"errors"
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// fateModel says what a store answers about one job, if it is asked one call after the other.
var fateModel = porcupine.Model{
	Init: func() any { return fate{} },
	Step: func(state, input, output any) (bool, any) {
		f := state.(fate)
		ok := f.step(input.(call), output.(answer))
		return ok, f
	},
}

// call is what was asked. Which fields count depends on what it is.
type call struct {
	id         job.ID
	what       string
	now, until time.Time
	attempt    int
	first, n   int
	forgive    bool
	status     job.Status
}

// String is for the report of a failure.
func (c call) String() string {
	text := fmt.Sprintf("%s at %s", c.what, c.now.Format("04:05"))
	switch c.what {
	case "extend", "release", "settle", "retry":
		return fmt.Sprintf("%s, attempt %d until %s", text, c.attempt, c.until.Format("04:05"))
	case "append":
		return fmt.Sprintf("%s, attempt %d, %d chunks from %d on", text, c.attempt, c.n, c.first)
	case "finish":
		return fmt.Sprintf("%s, attempt %d as %s with %d chunks", text, c.attempt, c.status, c.n)
	}
	return text
}

// answer is what a call was answered.
type answer struct {
	err      error
	changed  bool
	job      job.Job
	chunk    []byte
	delivery callback.Delivery
}

// String is for the report of a failure.
func (a answer) String() string {
	switch {
	case a.err != nil:
		return a.err.Error()
	case a.job.Status != "":
		return fmt.Sprintf("%s, attempt %d, lease %s", a.job.Status, a.job.Attempt, a.job.LeaseUntil.Format("04:05"))
	case a.delivery.State != "":
		return fmt.Sprintf("%s, attempt %d", a.delivery.State, a.delivery.Attempt)
	case a.chunk != nil:
		return string(a.chunk)
	case a.changed:
		return "changed"
	}
	return "nil"
}

// fate is what has become of a job, and of its delivery.
type fate struct {
	status            job.Status // empty: nobody has accepted it
	attempt, forgiven int
	running           bool
	leaseUntil        time.Time
	notBefore         time.Time
	chunks            int       // of the attempt
	ended             time.Time // the CompletedAt that has won

	delivery callback.State // empty: there is none
	tried    int
	due      time.Time
}

// chunksOf are the chunks that a call appends: each says what it is.
func chunksOf(c call) (chunks [][]byte) {
	for i := range c.n {
		chunks = append(chunks, chunkOf(c.attempt, c.first+i))
	}
	return chunks
}

func chunkOf(attempt, n int) []byte { return fmt.Appendf(nil, "chunk %d of attempt %d", n, attempt) }

// step does what a call does, and reports whether its answer is right.
func (f *fate) step(c call, a answer) bool {
	switch c.what {
	case "accept":
		if f.status != "" {
			return errors.Is(a.err, job.ErrExists)
		}
		f.status = job.Processing
		return a.err == nil
	case "claim": // which tells of those that it gives away alone
		claimable := f.status == job.Processing && !f.notBefore.After(c.now) && !(f.running && f.leaseUntil.After(c.now))
		f.attempt++
		f.running, f.leaseUntil, f.notBefore, f.chunks = true, c.until.UTC(), time.Time{}, 0
		return claimable && a.job.Attempt == f.attempt && a.job.Forgiven == f.forgiven && a.job.LeaseUntil.Equal(c.until)
	case "get":
		return f.get(c, a)
	case "read":
		if f.status != job.Completed || c.n >= f.chunks {
			return errors.Is(a.err, job.ErrNotFound)
		}
		return a.err == nil && string(a.chunk) == string(chunkOf(f.attempt, c.n))
	case "finish":
		return f.finish(c, a)
	case "extend", "release", "append":
		return f.write(c, a)
	}
	return f.deliver(c, a)
}

// lapse takes a lease away that has ended, as a store may before anybody has claimed the job.
func (f *fate) lapse(now time.Time) {
	if f.running && !f.leaseUntil.After(now) {
		f.running, f.leaseUntil = false, time.Time{}
	}
}

func (f *fate) get(c call, a answer) bool {
	if f.status == "" {
		return errors.Is(a.err, job.ErrNotFound)
	}
	if !a.job.Running() {
		f.lapse(c.now)
	}
	if a.job.NotBefore.IsZero() && !f.notBefore.After(c.now) {
		f.notBefore = time.Time{}
	}
	return a.err == nil && a.job.Status == f.status && a.job.Attempt == f.attempt && a.job.Forgiven == f.forgiven &&
		a.job.Running() == f.running && a.job.LeaseUntil.Equal(f.leaseUntil) && a.job.NotBefore.Equal(f.notBefore) &&
		a.job.CompletedAt.Equal(f.ended)
}

// write is a write to a job that has to be running.
func (f *fate) write(c call, a answer) bool {
	if errors.Is(a.err, job.ErrLost) && c.attempt == f.attempt {
		f.lapse(c.now)
	}
	switch {
	case f.status == "":
		return errors.Is(a.err, job.ErrNotFound)
	case f.status != job.Processing || !f.running || c.attempt != f.attempt:
		return errors.Is(a.err, job.ErrLost)
	case c.what == "append" && c.first > f.chunks:
		return errors.Is(a.err, job.ErrMissingChunk)
	}
	switch c.what {
	case "extend":
		f.leaseUntil = c.until.UTC()
	case "release":
		f.running, f.leaseUntil, f.notBefore = false, time.Time{}, c.until.UTC()
		if c.forgive {
			f.forgiven++
		}
	case "append":
		f.chunks = max(f.chunks, c.first+c.n)
	}
	return a.err == nil
}

func (f *fate) finish(c call, a answer) bool {
	switch {
	case f.status == "":
		return errors.Is(a.err, job.ErrNotFound)
	case c.attempt == f.attempt && c.status == f.status:
		return a.err == nil && !a.changed
	case c.attempt != f.attempt || f.status.Terminal():
		return errors.Is(a.err, job.ErrLost)
	case c.status == job.Completed && c.n != f.chunks:
		return errors.Is(a.err, job.ErrMissingChunk)
	}
	f.status, f.ended = c.status, c.until.UTC()
	f.running, f.leaseUntil, f.notBefore = false, time.Time{}, time.Time{}
	f.delivery, f.due = callback.Pending, c.until.UTC()
	return a.err == nil && a.changed
}

// deliver is a call about the job's delivery.
func (f *fate) deliver(c call, a answer) bool {
	if f.delivery == "" {
		return errors.Is(a.err, callback.ErrNotFound)
	}
	switch c.what {
	case "claim deliveries":
		// The instants of ends tell them apart, and lie a little after now.
		claimable := f.delivery == callback.Pending && !f.due.After(c.now.Add(time.Second))
		f.tried++
		f.due = c.until.UTC()
		return claimable && a.delivery.Attempt == f.tried
	case "settle":
		switch {
		case f.delivery == callback.Delivered && c.attempt == f.tried:
			return a.err == nil
		case f.delivery != callback.Pending || c.attempt != f.tried:
			return errors.Is(a.err, callback.ErrLost)
		}
		f.delivery = callback.Delivered
	case "retry":
		if f.delivery != callback.Pending || c.attempt != f.tried {
			return errors.Is(a.err, callback.ErrLost)
		}
		f.due = c.until.UTC()
	case "replay":
		if f.delivery == callback.Pending {
			return errors.Is(a.err, callback.ErrPending)
		}
		f.delivery, f.due = callback.Pending, c.now.UTC()
		f.tried++ // the one that has settled it so far must not do it again
	case "delivery":
		return a.err == nil && a.delivery.State == f.delivery && a.delivery.Attempt == f.tried
	}
	return a.err == nil
}
