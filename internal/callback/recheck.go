package callback

import (
	"context"
	"fmt"
)

// tryRun is a try that is under way.
type tryRun struct {
	delivery Delivery
	cancel   context.CancelCauseFunc
}

// watch makes a try one that Recheck can break off.
func (d *Dispatcher) watch(ctx context.Context, delivery Delivery) (watched context.Context, end func()) {
	watched, cancel := context.WithCancelCause(ctx)
	run := &tryRun{delivery: delivery, cancel: cancel}
	d.mu.Lock()
	d.trying[run] = struct{}{}
	d.mu.Unlock()
	return watched, func() {
		d.mu.Lock()
		delete(d.trying, run)
		d.mu.Unlock()
		cancel(nil)
	}
}

// Recheck asks again whether the users of the tries that are under way may be told, by the newest configuration, and
// breaks those off that may not: they are dead letters then. Call it when somebody has lost a permission. Deliveries that
// wait are asked about before each try.
func (d *Dispatcher) Recheck(ctx context.Context) {
	current, release, ok := d.stack.Acquire()
	if !ok {
		return
	}
	defer release()
	if current.config.Permit == nil {
		return
	}
	d.mu.Lock()
	trying := make([]*tryRun, 0, len(d.trying))
	for run := range d.trying {
		trying = append(trying, run)
	}
	d.mu.Unlock()
	for _, run := range trying {
		if err := current.config.Permit(ctx, run.delivery); err != nil && ctx.Err() == nil {
			run.cancel(notPermitted(err))
		}
	}
}

func notPermitted(err error) error {
	return fmt.Errorf("%w: the user may not be told any more: %w", errRefused, err)
}
