package job

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/claim"
)

// watchEvery is how often a store that other processes use is asked what has become of the jobs that run here, or that
// somebody here waits for.
const watchEvery = 500 * time.Millisecond

// watch runs the loops that learn of other processes' changes; they outlive claiming.
type watch struct {
	mu    sync.Mutex
	stop  context.CancelFunc // nil: it does not run
	loops sync.WaitGroup
}

func (w *watch) begin(ctx context.Context, loops ...func(context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, loop := range loops {
		w.loops.Go(func() { loop(ctx) })
	}
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop != nil {
		w.stop()
		w.loops.Wait()
	}
}

// watchLoop hears of the ends of jobs that other processes have ended, until ctx ends. It costs one short query each time,
// and none while there is nothing to hear of.
func (e *Engine) watchLoop(ctx context.Context) {
	shared, ok := e.store.(SharedStore)
	if !ok {
		return
	}
	failed := false
	for sleep(ctx, watchEvery) == nil {
		err := e.lookAt(ctx, shared, e.watched())
		if err != nil && !failed && ctx.Err() == nil {
			e.log.Error("the ends of jobs cannot be heard of that other servers run; it is tried again", "error", err)
		}
		failed = err != nil
	}
}

// hearLoop hears sooner of what watchLoop would find out, and of jobs that other processes have given back, until ctx ends.
func (e *Engine) hearLoop(ctx context.Context) {
	shared, ok := e.store.(SharedStore)
	if !ok {
		return
	}
	shared.Hear(ctx, func(ids []ID) {
		watched := e.watched()
		if ids != nil {
			watched = slices.DeleteFunc(watched, func(id ID) bool { return !slices.Contains(ids, id) })
		}
		_ = e.lookAt(ctx, shared, watched) // watchLoop tells of a store that fails
	}, e.loop.Wake)
}

// watched returns the jobs whose ends matter here.
func (e *Engine) watched() []ID { return append(e.waiters.ids(), e.runs.unended()...) }

// lookAt tells of the ends of those jobs that have ended.
func (e *Engine) lookAt(ctx context.Context, shared SharedStore, watched []ID) (err error) {
	defer claim.Recovered(&err)
	if len(watched) == 0 {
		return nil
	}
	ended, err := shared.Ended(ctx, watched)
	for _, id := range ended {
		e.runs.cancel(id)
		e.waiters.ended(id)
	}
	return err
}

// ids returns the jobs that somebody waits for.
func (ws *waiters) ids() (ids []ID) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for id := range ws.byID {
		ids = append(ids, id)
	}
	return ids
}

// unended returns the jobs that are under way and do not store their own end just now.
func (rs *runs) unended() (ids []ID) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for id, r := range rs.byID {
		if !r.over.Load() {
			ids = append(ids, id)
		}
	}
	return ids
}
