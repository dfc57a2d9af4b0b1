package job

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"time"
)

const (
	storeRetry = time.Second // before a store that failed is asked again
	lookEvery  = time.Second // how often to look for jobs that nobody has announced: another process may have accepted them
	sweepBatch = 200         // jobs, and chunks, that one transaction removes
)

// claimLoop claims jobs for free workers until ctx ends. Jobs run under jobs, which ends only to abort them.
func (e *Engine) claimLoop(ctx, jobs context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.wake:
		case <-timer.C:
		}
		wait, err := e.claimAll(ctx, jobs)
		if err != nil && ctx.Err() == nil {
			e.log.Error("jobs could not be claimed", "error", err)
			wait = storeRetry
		}
		timer.Reset(wait)
	}
}

// claimAll claims until the workers are busy or nothing is left, and returns after what time to look again.
func (e *Engine) claimAll(ctx, jobs context.Context) (wait time.Duration, err error) {
	defer recovered(&err)
	for ctx.Err() == nil {
		newest, ok := e.stack.Newest()
		if !ok {
			break
		}
		room := e.room(newest.settings)
		if room.Jobs <= 0 {
			break
		}
		now := e.options.Now()
		claimed, next, err := e.store.Claim(ctx, e.options.Owner, now, now.Add(e.options.Lease), room)
		if err != nil {
			return 0, err
		}
		for _, j := range claimed {
			e.begin(jobs, j)
		}
		if len(claimed) > 0 {
			continue
		}
		if next.IsZero() {
			break
		}
		return min(max(next.Sub(now), time.Millisecond), lookEvery), nil
	}
	return lookEvery, nil
}

// begin runs a claimed job in a goroutine of its own.
func (e *Engine) begin(ctx context.Context, j Job) {
	current, release, ok := e.stack.Acquire()
	if !ok {
		// The last runtime was detached in between.
		e.giveBack(ctx, j)
		return
	}
	e.count(j.Company, +1)
	e.workers.Go(func() {
		defer e.poke()
		defer func() {
			e.count(j.Company, -1)
			release()
		}()
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
	defer recovered(&err)
	for more := true; more && ctx.Err() == nil; {
		if more, err = e.store.Sweep(ctx, e.options.Now(), sweepBatch); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// recovered turns a panic into an error: it must be deferred itself.
func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
	}
}
