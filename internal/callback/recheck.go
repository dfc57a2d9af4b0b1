package callback

import (
	"context"
	"fmt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
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
		err := current.config.Authorize(ctx, run.delivery)
		if err != nil && ctx.Err() == nil && !dataapi.AsError(err).Code.Passing() {
			d.load.breakOff(run, notAuthorized(err))
		}
	}
}

// notAuthorized is what comes of a try whose user may not be told. Where that cannot be known at present, there was none.
func notAuthorized(err error) error {
	if dataapi.AsError(err).Code.Passing() {
		return fmt.Errorf("%w: whether the user may be told is not known: %w", errNotTried, err)
	}
	return because(NotPermitted, fmt.Errorf("%w: the user may not be told any more: %w", errRefused, err))
}
