package job

import (
	"context"
	"sync"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// waiters are told when a job ends.
type waiters struct {
	mu   sync.Mutex
	byID map[ID]*waiter
}

// waiter is shared by all who wait for the same job.
type waiter struct {
	ended chan struct{}
	count int

	attended bool   // the job is one that ends when its source cannot be reached: see [Job]
	source   string // of such a job
}

func (ws *waiters) join(id ID) *waiter {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.byID == nil {
		ws.byID = make(map[ID]*waiter)
	}
	w := ws.byID[id]
	if w == nil {
		w = &waiter{ended: make(chan struct{})}
		ws.byID[id] = w
	}
	w.count++
	return w
}

// attend notes that the job is one that its caller attends.
func (ws *waiters) attend(w *waiter, source string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w.attended, w.source = true, source
}

// attended returns the jobs of a source that their callers attend and wait for.
func (ws *waiters) attended(source string) (ids []ID) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for id, w := range ws.byID {
		if w.attended && w.source == source {
			ids = append(ids, id)
		}
	}
	return ids
}

func (ws *waiters) leave(id ID, w *waiter) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w.count--
	if w.count == 0 && ws.byID[id] == w {
		delete(ws.byID, id)
	}
}

func (ws *waiters) ended(id ID) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w := ws.byID[id]; w != nil {
		delete(ws.byID, id)
		close(w.ended)
	}
}

// Wait blocks until the job has ended and returns it. When ctx ends first it returns the job as it is then, still
// processing, and ctx's error. It is told by this engine, without polling, of a job that ends in this process; of one that
// another process ends, within a second, if the store is a [SharedStore]. Errors are Get's.
func (e *Engine) Wait(ctx context.Context, id ID) (Job, error) {
	// A look after joining cannot miss an end that comes in between.
	w := e.waiters.join(id)
	defer e.waiters.leave(id, w)
	j, err := e.Get(ctx, id)
	if err != nil || j.Status.Terminal() {
		return j, err
	}
	if j.Attended {
		e.waiters.attend(w, j.Source)
		if _, down := e.sources.down(j.Source); down && !j.Running() {
			e.endUnavailable(ctx, id, &dataapi.Error{Code: dataapi.CodeSourceUnavailable})
			return e.Get(ctx, id)
		}
	}
	select {
	case <-w.ended:
		return e.Get(ctx, id)
	case <-ctx.Done():
		return j, ctx.Err()
	}
}
