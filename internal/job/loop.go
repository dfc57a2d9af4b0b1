package job

import (
	"context"
	"maps"
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
	room := e.room(newest.settings)
	if room.Jobs <= 0 {
		return 0, time.Time{}, nil
	}
	jobs, next, err := e.store.Claim(ctx, e.options.Owner, now, now.Add(e.options.Lease), room)
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
	e.count(j.Company, +1)
	e.loop.Go(func(ctx context.Context) {
		defer release()
		defer e.count(j.Company, -1)
		e.work(ctx, j, current)
	})
}

// count notes that a job of a company has begun or ended.
func (e *Engine) count(company string, change int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running[company] += change
	if e.running[company] == 0 {
		delete(e.running, company)
	}
}

// room returns how many jobs more may run.
func (e *Engine) room(settings Settings) Room {
	e.mu.Lock()
	defer e.mu.Unlock()
	room := Room{Jobs: settings.Workers, PerCompany: settings.PerCompany, Running: maps.Clone(e.running)}
	for _, running := range e.running {
		room.Jobs -= running
	}
	return room
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
