package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/solucao42/caddy-data-api/source"
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
func (s *Source) useSlot(ctx context.Context, wait *patience, do work) error {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	for {
		kept, retry, err := s.attempt(ctx, running, cancel, do)
		if retry {
			s.pool.Reset() // what dropped one idle connection has probably dropped them all
			continue
		}
		failure, unconnected := errors.AsType[unconnectedError](err) // a type of its own: no sink returns it
		switch {
		case !unconnected && kept:
			return err
		case !unconnected:
			s.vacate()
			return err
		case !s.mayPass(failure.error, wait):
			s.vacate()
			return s.unavailable(failure.error)
		case wait.pauses > 0 && s.size.withhold():
			return errWithheld
		}
		if err := wait.pause(ctx); err != nil {
			s.vacate()
			return interrupted(err)
		}
	}
}

// vacate gives a slot back.
func (s *Source) vacate() { <-s.slots }

// admit waits for a slot, in the order of arrival. The slots stand before the pool so that a connection that is still being closed counts.
func (s *Source) admit(ctx context.Context, wait *patience) error {
	if err := ctx.Err(); err != nil {
		return interrupted(err)
	}
	if s.closing.Err() != nil {
		return source.Unavailable(errClosed)
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
	return source.Overloaded(fmt.Errorf("no connection of %d came free within %s", s.size.capacity(), s.config.MaxWait))
}

// attempt does work on one connection. Kept says that the connection still holds the slot, and gives it back when it is
// closed; retry, that nothing can have run, so that the work can be done on another one.
func (s *Source) attempt(ctx, running context.Context, cancel context.CancelCauseFunc, do work) (kept, retry bool, err error) {
	resource, err := s.acquire(running)
	if err != nil {
		if ctx.Err() != nil {
			return false, false, interrupted(ctx.Err())
		}
		return false, false, unconnectedError{err}
	}
	c := resource.Value()
	fresh := !c.used
	c.used, c.given, c.sent = true, false, false
	c.beginRun(cancel)
	panicked := true
	defer func() { // deferred, because a sink may panic
		c.abort.Store(nil)
		switch {
		case c.reusable():
			resource.Release()
		case !panicked && c.farewell.unanswered.Load():
			kept, c.vacated = true, s.vacate
			resource.Destroy()
			s.doubt()
		default:
			resource.Destroy()
		}
		if panicked {
			s.vacate()
		}
	}()
	started := time.Now()
	delivered, err := do(running, c)
	panicked = false
	if err == nil {
		return false, false, nil
	}
	if c.pg.IsClosed() && !fresh && !delivered && !tooLarge(err) && running.Err() == nil && !c.mayHaveRun(err) {
		return false, true, err
	}
	return false, false, c.translate(ctx, running, err, time.Since(started))
}

// acquire returns a connection of the pool that is young enough and not known to be dead.
func (s *Source) acquire(running context.Context) (*puddle.Resource[*conn], error) {
	for {
		resource, err := s.pool.Acquire(running)
		if err != nil {
			return nil, err
		}
		if !expired(resource) && resource.Value().sound(resource.IdleDuration()) {
			return resource, nil
		}
		resource.Destroy()
	}
}

// mayHaveRun reports whether the database can have run the statement, in part or as a whole, before this error.
func (c *conn) mayHaveRun(err error) bool {
	if !c.sent {
		return false
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		// A session that ends before it has taken notice of the statement says nothing else than that.
		return !fatal(answer) || c.wire.heard
	}
	if write, ok := errors.AsType[*net.OpError](err); ok && write.Op == "write" {
		return false // what was to be run did not leave
	}
	return true
}
