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
	if err := s.admit(ctx); err != nil {
		return err
	}
	defer s.slots.Release(1)

	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.closing, func() { cancel(errClosed) })()

	for {
		retry, err := s.attempt(ctx, running, do)
		if !retry {
			return err
		}
		s.pool.Reset() // what dropped one idle connection has probably dropped them all
	}
}

// admit waits for a slot. The semaphore stands before the pool so that a connection that is still being closed counts.
func (s *Source) admit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return interrupted(err)
	}
	if s.closing.Err() != nil {
		return dataapi.Wrap(dataapi.CodeSourceUnavailable, errClosed)
	}
	if s.slots.TryAcquire(1) {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, s.config.MaxWait)
	defer cancel()
	if s.slots.Acquire(waiting, 1) == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return interrupted(err)
	}
	return dataapi.Wrap(dataapi.CodeOverloaded, fmt.Errorf("no connection of %d came free within %s", s.config.MaxConns, s.config.MaxWait))
}

func (s *Source) attempt(ctx, running context.Context, do work) (retry bool, err error) {
	resource, err := s.pool.Acquire(running)
	for err == nil && expired(resource) {
		resource.Destroy()
		resource, err = s.pool.Acquire(running)
	}
	if err != nil {
		if ctx.Err() != nil {
			return false, interrupted(ctx.Err())
		}
		return false, dataapi.Wrap(dataapi.CodeSourceUnavailable, err)
	}
	c := resource.Value()
	fresh := !c.used
	c.used = true
	defer func() { // deferred, because a sink may panic
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
	if c.pg.IsClosed() && !fresh && !delivered && running.Err() == nil {
		return true, err
	}
	return false, c.translate(ctx, running, err, time.Since(started))
}
