package callback

import (
	"context"
	"fmt"
)

// Recheck asks again whether the users of the tries that are under way may be told, by the newest configuration, and
// breaks those off that may not: they are dead letters then. Call it when somebody has lost a permission. Deliveries that
// wait are asked about before each try.
func (d *Dispatcher) Recheck(ctx context.Context) {
	current, release, ok := d.stack.Acquire()
	if !ok {
		return
	}
	defer release()
	if current.config.Authorize == nil {
		return
	}
	for _, run := range d.load.all() {
		if err := current.config.Authorize(ctx, run.delivery); err != nil && ctx.Err() == nil {
			d.load.breakOff(run, notAuthorized(err))
		}
	}
}

func notAuthorized(err error) error {
	return fmt.Errorf("%w: the user may not be told any more: %w", errRefused, err)
}
