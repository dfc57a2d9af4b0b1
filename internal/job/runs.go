package job

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// run is one attempt that is under way in this process.
type run struct {
	attempt int
	begun   time.Time
	rows    atomic.Int64
	over    atomic.Bool // its query has ended, and it stores what comes of it

	mu     sync.Mutex
	cancel context.CancelCauseFunc // nil: its context is not made yet
	cause  error                   // why it was ended before that
}

// bind makes the run's context one that end ends.
func (r *run) bind(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancel = cancel
	if r.cause != nil {
		cancel(r.cause)
	}
	return ctx, cancel
}

func (r *run) end(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause = cause; r.cancel != nil {
		r.cancel(cause)
	}
}

// runs holds the attempts that are under way. When a job has two of them, since one has lost its lease and does not know
// it yet, the later one counts.
type runs struct {
	mu   sync.Mutex
	byID map[ID]*run
}

func (rs *runs) add(id ID, r *run) (remove func()) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.byID == nil {
		rs.byID = make(map[ID]*run)
	}
	rs.byID[id] = r
	return func() {
		rs.mu.Lock()
		defer rs.mu.Unlock()
		if rs.byID[id] == r {
			delete(rs.byID, id)
		}
	}
}

func (rs *runs) get(id ID) (*run, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r, ok := rs.byID[id]
	return r, ok
}

// held returns the attempts.
func (rs *runs) held() map[ID]int {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	held := make(map[ID]int, len(rs.byID))
	for id, r := range rs.byID {
		held[id] = r.attempt
	}
	return held
}

func (rs *runs) cancel(id ID) {
	if r, ok := rs.get(id); ok {
		r.end(errCancelled)
	}
}

type rowsKey struct{}

// RowCounter returns the counter that a [Runtime] raises by one for each row that it has got from the database, so that
// [Engine.Progress] can tell. Outside of a job it is one that nobody looks at.
func RowCounter(ctx context.Context) *atomic.Int64 {
	if rows, ok := ctx.Value(rowsKey{}).(*atomic.Int64); ok {
		return rows
	}
	return new(atomic.Int64)
}
