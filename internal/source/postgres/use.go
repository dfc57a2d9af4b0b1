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

var errClosed = errors.New("the source is closed")

// attempts are the tries of one piece of work, each on a connection: a second one where the database had dropped the first
// connection while it was idle. They hold a slot, which no more runs have than max_conns. Use them so:
//
//	a := s.attempts(ctx)
//	defer a.end() // deferred, because a sink may panic
//	for c := a.next(); c != nil; c = a.next() {
//		a.done(work(a.running, c))
//	}
//	return a.err
type attempts struct {
	source  *Source
	ctx     context.Context         //nolint:containedctx // the caller's
	running context.Context         //nolint:containedctx // ends when the work is to end inside the database
	cancel  context.CancelCauseFunc // of running
	wait    patience
	slot    bool // one is held

	resource *puddle.Resource[*conn] // that the try has; nil: none
	fresh    bool                    // its connection was never used
	begun    time.Time               // the try

	over bool
	err  error // of the work; those of [source.Query]
}

func (s *Source) attempts(ctx context.Context) *attempts {
	a := &attempts{source: s, ctx: ctx}
	a.running, a.cancel = context.WithCancelCause(ctx)
	return a
}

// next returns a connection for a try, and waits for one if it has to: for a slot, and where no connection can be made for a
// moment, for that. Nil: the work is over.
func (a *attempts) next() *conn {
	s := a.source
	for !a.over {
		if !a.slot {
			if err := s.admit(a.ctx, &a.wait); err != nil {
				return a.finish(err)
			}
			a.slot = true
		}
		resource, err := s.acquire(a.running)
		switch {
		case err == nil:
			return a.begin(resource)
		case a.ctx.Err() != nil:
			return a.finish(interrupted(a.ctx.Err()))
		case !s.mayPass(err, &a.wait):
			return a.finish(s.unavailable(err))
		case a.wait.pauses > 0 && s.size.withhold():
			a.slot = false // behind it no connection can be had: it stays taken, and the work lines up for another one
		default:
			if err := a.wait.pause(a.ctx); err != nil {
				return a.finish(interrupted(err))
			}
		}
	}
	return nil
}

func (a *attempts) begin(resource *puddle.Resource[*conn]) *conn {
	c := resource.Value()
	a.resource, a.fresh, a.begun = resource, !c.used, time.Now()
	c.used, c.given, c.sent = true, false, false
	c.beginRun(&a.cancel)
	return c
}

// done ends a try. Delivered says that the outside has seen something of it, so that it cannot be done again.
func (a *attempts) done(delivered bool, err error) {
	c := a.resource.Value()
	again := err != nil && c.pg.IsClosed() && !a.fresh && !delivered && !tooLarge(err) && a.running.Err() == nil && !c.mayHaveRun(err)
	if err != nil && !again {
		err = c.translate(a.ctx, a.running, err, time.Since(a.begun))
	}
	a.giveBack(false)
	if again {
		a.source.pool.Reset() // what dropped one idle connection has probably dropped them all
		return
	}
	a.finish(err)
}

// finish ends the work.
func (a *attempts) finish(err error) *conn {
	a.over, a.err = true, err
	return nil
}

// giveBack gives a connection back to the pool, unless its session is not as it was: then it is closed. One that is given up
// while the server may still work on what ran keeps the slot until it is closed.
func (a *attempts) giveBack(panicked bool) {
	resource := a.resource
	a.resource = nil
	c := resource.Value()
	c.abort.Store(nil)
	switch {
	case c.reusable():
		resource.Release()
	case !panicked && c.farewell.unanswered.Load():
		a.slot, c.vacated = false, a.source.size.leave()
		resource.Destroy()
		a.source.doubt()
	default:
		resource.Destroy()
	}
}

// end gives back what is held still.
func (a *attempts) end() {
	if a.resource != nil {
		a.giveBack(true)
	}
	if a.slot {
		a.source.vacate()
	}
	a.cancel(nil)
}

// vacate gives a slot back.
func (s *Source) vacate() { <-s.slots }

// admit waits for a slot, in the order of arrival. The slots come before the pool so that a connection that is still being
// closed counts. Behind a gate, which knows how many there are, hardly anybody waits here.
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

const (
	firstPause = 25 * time.Millisecond // before a run that got no connection tries again
	maxPause   = 200 * time.Millisecond
)

// patience is how long one run goes on waiting for a connection, from when it first has to. The zero value has not waited.
type patience struct {
	until  time.Time
	pauses int
}

// left is how much of a wait that may take this long in all is left.
func (p *patience) left(most time.Duration) time.Duration {
	if p.until.IsZero() {
		p.until = time.Now().Add(most)
	}
	return time.Until(p.until)
}

// pause waits a moment, longer each time, or until ctx ends.
func (p *patience) pause(ctx context.Context) error {
	pause := min(firstPause<<min(p.pauses, 8), maxPause)
	p.pauses++
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mayPass reports whether a run that got no connection may have one before its patience ends: other connections are there
// and will come free, the database may grant one more, or it has only just gone, as when it is restarted. A refusal
// lasts, and so does an outage that has lasted already; a database that never answered is not waited for.
func (s *Source) mayPass(err error, wait *patience) bool {
	switch {
	case s.closing.Err() != nil, wait.left(s.config.MaxWait) <= 0:
		return false
	case s.size.connections() > 0:
		return true
	case crowded(err):
		return true
	case refused(err):
		return false
	}
	return s.health.shorter(s.config.MaxWait)
}

// unavailable is what a caller gets who got no connection.
func (s *Source) unavailable(err error) error {
	if s.closing.Err() != nil || errors.Is(err, puddle.ErrClosedPool) {
		err = errClosed
	}
	if crowded(err) {
		return source.Overloaded(err)
	}
	return source.Unavailable(err)
}
