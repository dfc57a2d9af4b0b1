package job

import (
	"context"
	"errors"
	"time"

	"github.com/solucao42/caddy-data-api/internal/claim"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// expireEvery is how often the jobs are looked at that wait for a source that cannot be reached.
const expireEvery = 5 * time.Second

// sourceFailed is what becomes of a job whose source could not be reached, so that nothing of it has run: it waits as long
// as its time limit for the source to be there again, and none of its tries is used up.
func (e *Engine) sourceFailed(ctx context.Context, j Job, current attached, failure *dataapi.Error) {
	since, retry, news := e.sources.failed(j.Source)
	if news {
		e.log.Warn("a source cannot be reached: its jobs wait", "source", j.Source, "error", failure)
		e.loop.Go(func(ctx context.Context) { e.endAttended(ctx, j.Source) })
	}
	limit := current.runtime.TimeLimit(j)
	switch {
	case j.Attended:
		e.finish(ctx, j, current.settings, failed(failure))
	case limit > 0 && e.waited(j, since) >= limit:
		e.finish(ctx, j, current.settings, failed(unreachable(limit)))
	default:
		e.release(ctx, j, retry, true)
	}
}

// waited is for how long a job has waited for its source, which is away since then.
func (e *Engine) waited(j Job, since time.Time) time.Duration {
	if j.CreatedAt.After(since) {
		since = j.CreatedAt
	}
	return e.steady().Sub(since)
}

func unreachable(limit time.Duration) *dataapi.Error {
	return dataapi.Errorf(dataapi.CodeSourceUnavailable,
		"The database behind this endpoint could not be reached for as long as the job's time limit, %s.", limit)
}

// endAttended ends the jobs of a source that cannot be reached, whose callers wait for the result and can ask again.
func (e *Engine) endAttended(ctx context.Context, source string) {
	for _, id := range e.waiters.attended(source) {
		if _, runs := e.runs.get(id); runs {
			continue // it may have its connection
		}
		e.endUnavailable(ctx, id, &dataapi.Error{Code: dataapi.CodeSourceUnavailable})
	}
}

// endUnavailable ends a job for which its source is away.
func (e *Engine) endUnavailable(ctx context.Context, id ID, failure *dataapi.Error) {
	outcome := failed(failure)
	if _, err := e.end(ctx, id, outcome); err != nil && !errors.Is(err, ErrEnded) && !errors.Is(err, ErrNotFound) && ctx.Err() == nil {
		e.log.Warn("a job could not be ended whose source cannot be reached", "job", id.String(), "error", err)
	}
}

// expireLoop ends the jobs that have waited for their source for as long as their time limit, until ctx ends. It costs
// nothing as long as all sources answer.
func (e *Engine) expireLoop(ctx context.Context) {
	ticker := time.NewTicker(expireEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := e.expire(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("jobs whose source cannot be reached could not be looked at", "error", err)
		}
	}
}

func (e *Engine) expire(ctx context.Context) (err error) {
	defer claim.Recovered(&err)
	down := e.sources.allDown()
	if len(down) == 0 {
		return nil
	}
	current, release, ok := e.stack.Acquire()
	if !ok {
		return nil
	}
	defer release()
	unfinished, err := e.store.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, waiting := range unfinished {
		since, away := down[waiting.Source]
		if _, runs := e.runs.get(waiting.ID); !away || runs {
			continue
		}
		j, err := e.Get(ctx, waiting.ID)
		if err != nil || j.Running() || j.Status.Terminal() {
			continue
		}
		if limit := current.runtime.TimeLimit(j); limit > 0 && e.waited(j, since) >= limit {
			e.endUnavailable(ctx, j.ID, unreachable(limit))
		}
	}
	return ctx.Err()
}
