package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/solucao42/caddy-data-api/source"
)

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
		s.pipelines.yield()
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
