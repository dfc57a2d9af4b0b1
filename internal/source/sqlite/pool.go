package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

var errClosed = errors.New("sqlite: the source is closed")

// acquire returns a connection to the file that the path names now. It blocks while all connections run, at most
// for the admission wait. The connection goes back with release or discard.
func (s *Source) acquire(ctx context.Context) (*conn, error) {
	if err := s.admit(ctx); err != nil {
		return nil, err
	}
	c, err := s.connect(ctx)
	if err != nil {
		<-s.slots
		err = s.failure(ctx, err)
		s.noteFailure(err)
		return nil, err
	}
	return c, nil
}

// admit takes a slot.
func (s *Source) admit(ctx context.Context) error {
	if s.closed.Load() {
		return source.Unavailable(errClosed)
	}
	if err := ctx.Err(); err != nil {
		return contextError(err)
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(s.wait)
	defer timer.Stop()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return contextError(ctx.Err())
	case <-s.closing:
		return source.Unavailable(errClosed)
	case <-timer.C:
		return source.Overloaded(fmt.Errorf("sqlite: all %d connections stayed busy for %s", cap(s.slots), s.wait))
	}
}

// connect takes an idle connection, or opens one.
func (s *Source) connect(ctx context.Context) (*conn, error) {
	if s.closed.Load() {
		return nil, errClosed
	}
	s.mu.Lock()
	var c *conn
	if last := len(s.idle) - 1; last >= 0 {
		c, s.idle = s.idle[last], s.idle[:last]
	}
	away := !s.away.since.IsZero()
	s.mu.Unlock()
	if c != nil {
		if c.holds(s.path) {
			if away {
				s.noteSuccess()
			}
			return c, nil
		}
		s.logger.Info("the database file was replaced or removed; its connections are closed", "path", s.path)
		if err := closeAll(append(s.takeIdle(), c)); err != nil {
			s.logger.Warn("a connection could not be closed", "path", s.path, "error", err)
		}
	}
	if _, err := os.Stat(s.path); err != nil {
		return nil, &os.PathError{Op: "open", Path: s.path, Err: errors.Unwrap(err)}
	}
	c, err := s.open(ctx)
	if err == nil {
		s.noteSuccess()
	}
	return c, err
}

// open opens a connection. The driver panics when memory runs out.
func (s *Source) open(ctx context.Context) (_ *conn, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sqlite: opening a connection: %v", p)
		}
	}()
	return open(interruption{ctx, &s.closed}, s.path)
}

// release keeps the connection for the next run.
func (s *Source) release(c *conn) {
	s.mu.Lock()
	s.idle = append(s.idle, c)
	s.mu.Unlock()
	<-s.slots
}

// discard closes a connection that failed in a way that may last.
func (s *Source) discard(c *conn) {
	if err := c.close(); err != nil {
		s.logger.Warn("a connection could not be closed", "path", s.path, "error", err)
	}
	<-s.slots
}

func (s *Source) takeIdle() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := s.idle
	s.idle = nil
	return idle
}

func closeAll(conns []*conn) error {
	var failures []error
	for _, c := range conns {
		failures = append(failures, c.close())
	}
	return errors.Join(failures...)
}
