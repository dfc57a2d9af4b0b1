package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// work is done on one connection. Delivered says that the outside has seen something of it, so that it cannot be done
// again.
type work func(ctx context.Context, c *conn) (delivered bool, err error)

var errClosed = errors.New("the source is closed")

// use does work on a connection, once more on a new one when the database had dropped the first while it was idle.
// Its errors are those of [source.Query].
func (s *Source) use(ctx context.Context, do work) error {
	var wait patience
	for {
		if err := s.admit(ctx, &wait); err != nil {
			return err
		}
		if err := s.useSlot(ctx, &wait, do); !errors.Is(err, errWithheld) {
			return err
		}
	}
}

// errWithheld means that the run lines up for a slot anew: behind its own no connection can be had.
var errWithheld = errors.New("the slot is withheld")

// useSlot does work in a slot, which it gives back. Where no connection can be made for a moment, it waits for one.
func (s *Source) useSlot(ctx context.Context, wait *patience, do work) (err error) {
	defer func() {
		if !errors.Is(err, errWithheld) {
			<-s.slots
		}
	}()
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	for {
		retry, err := s.attempt(ctx, running, cancel, do)
		if retry {
			s.pool.Reset() // what dropped one idle connection has probably dropped them all
			continue
		}
		failure, unconnected := errors.AsType[unconnectedError](err) // a type of its own: no sink returns it
		switch {
		case !unconnected:
			return err
		case !s.mayPass(failure.error, wait):
			return s.unavailable(failure.error)
		case wait.pauses > 0 && s.size.withhold():
			return errWithheld
		}
		if err := wait.pause(ctx); err != nil {
			return interrupted(err)
		}
	}
}

// admit waits for a slot, in the order of arrival. The slots stand before the pool so that a connection that is still being closed counts.
func (s *Source) admit(ctx context.Context, wait *patience) error {
	if err := ctx.Err(); err != nil {
		return interrupted(err)
	}
	if s.closing.Err() != nil {
		return dataapi.Wrap(dataapi.CodeSourceUnavailable, errClosed)
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(wait.left(s.config.MaxWait))
	defer timer.Stop()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return interrupted(ctx.Err())
	case <-timer.C:
	}
	if err := s.health.recent(); err != nil {
		return s.unavailable(err)
	}
	return dataapi.Wrap(dataapi.CodeOverloaded, fmt.Errorf("no connection of %d came free within %s", s.size.capacity(), s.config.MaxWait))
}

func (s *Source) attempt(ctx, running context.Context, cancel context.CancelCauseFunc, do work) (retry bool, err error) {
	resource, err := s.pool.Acquire(running)
	for err == nil && expired(resource) {
		resource.Destroy()
		resource, err = s.pool.Acquire(running)
	}
	if err != nil {
		if ctx.Err() != nil {
			return false, interrupted(ctx.Err())
		}
		return false, unconnectedError{err}
	}
	c := resource.Value()
	fresh := !c.used
	c.used = true
	c.occupy(cancel)
	defer func() { // deferred, because a sink may panic
		c.abort.Store(nil)
		if c.reusable() {
			resource.Release()
		} else {
			resource.Destroy()
		}
	}()
	started := time.Now()
	delivered, err := do(running, c)
	if err == nil {
		return false, nil
	}
	if c.pg.IsClosed() && !fresh && !delivered && !tooLarge(err) && running.Err() == nil {
		return true, err
	}
	return false, c.translate(ctx, running, err, time.Since(started))
}
