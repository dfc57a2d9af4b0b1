package job

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// run is one attempt that is under way in this process.
type run struct {
	begun  time.Time
	rows   atomic.Int64
	cancel context.CancelCauseFunc
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

func (rs *runs) cancel(id ID) {
	if r, ok := rs.get(id); ok {
		r.cancel(errCancelled)
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
