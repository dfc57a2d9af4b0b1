package job

import (
	"context"
	"time"

	"github.com/solucao42/caddy-data-api/internal/claim"
)

const sweepBatch = 200 // jobs, and chunks, that one transaction removes

// claim claims jobs for the workers that are free, and begins them. It is a [claim.Func].
func (e *Engine) claim(ctx context.Context, now time.Time) (claimed int, next time.Time, err error) {
	newest, ok := e.stack.Newest()
	if !ok {
		return 0, time.Time{}, nil
	}
	capacity := e.sources.capacity(newest.settings)
	if capacity.Jobs <= 0 {
		return 0, time.Time{}, nil
	}
	capacity.Held = e.runs.held()
	jobs, next, err := e.store.Claim(ctx, e.options.Owner, now, now.Add(e.options.Lease), capacity)
	for _, j := range jobs {
		e.begin(j)
	}
	return len(jobs), next, err
}

// begin runs a claimed job.
func (e *Engine) begin(j Job) {
	current, release, ok := e.stack.Acquire()
	if !ok { // the last runtime was detached in between
		e.loop.Go(func(ctx context.Context) { e.giveBack(ctx, j) })
		return
	}
	line := Line{Source: j.Source, Company: j.Company}
	e.sources.tried(j.Source)
	e.sources.change(line, +1, 0)
	under := &run{attempt: j.Attempt, begun: e.options.Now()}
	remove := e.runs.add(j.ID, under)
	e.loop.Go(func(ctx context.Context) {
		defer release()
		defer e.sources.change(line, -1, 0)
		defer remove()
		e.work(ctx, j, current, under)
	})
}

// waitForSource takes the worker from a job, and returns what gives it back.
func (e *Engine) waitForSource(line Line) (over func()) {
	e.sources.change(line, -1, +1)
	e.loop.Wake()
	return func() { e.sources.change(line, +1, -1) }
}

// sourceAnswers notes that a source can be reached.
func (e *Engine) sourceAnswers(source string) {
	if e.sources.answered(source) {
		e.log.Info("a source can be reached again", "source", source)
		e.loop.Wake()
	}
}

// sweepLoop removes what has expired, until ctx ends.
func (e *Engine) sweepLoop(ctx context.Context) {
	ticker := time.NewTicker(e.options.SweepEvery)
	defer ticker.Stop()
	for {
		if err := e.sweep(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("expired jobs could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (e *Engine) sweep(ctx context.Context) (err error) {
	defer claim.Recovered(&err)
	for more := true; more && ctx.Err() == nil; {
		if more, err = e.store.Sweep(ctx, e.options.Now(), sweepBatch); err != nil {
			return err
		}
	}
	return ctx.Err()
}
