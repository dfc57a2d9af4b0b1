package postgres

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/puddle/v2"
)

const (
	// lookAfter is how long a connection was idle before its socket is looked at: under load none is, and it costs nothing.
	lookAfter = 10 * time.Millisecond

	// probeTimeout is how long an idle connection that there are doubts about has to answer.
	probeTimeout = time.Second
)

// socketState is what can be told of an idle connection without asking the server.
type socketState int

const (
	quiet          socketState = iota // nothing has come: it lives, or has died silently
	hasUnreadInput                    // something has come unasked, such as the server's farewell
	ended                             // the server has closed it
)

// sound reports whether a connection of the pool can be used. What died while it was idle must not meet a statement: of one
// that was sent nobody could tell whether it has run.
func (c *conn) sound(idle time.Duration) bool {
	if idle < lookAfter {
		return true
	}
	switch state := look(c.socket); {
	case state == ended:
		return false
	case state == hasUnreadInput, c.source.doubted(idle):
		return c.answers()
	}
	return true
}

// answers asks the server for a sign of life, and waits for it for at most probeTimeout.
func (c *conn) answers() bool {
	socket := c.pg.Conn()
	if socket.SetDeadline(time.Now().Add(probeTimeout)) != nil {
		return false
	}
	if _, err := c.pg.Exec(context.Background(), "").ReadAll(); err != nil {
		return false
	}
	return socket.SetDeadline(time.Time{}) == nil
}

// doubt has the idle connections probed: what has silenced one connection, such as a firewall that has forgotten them, has
// probably silenced others. A run that takes one of them before it was probed probes it.
func (s *Source) doubt() {
	s.doubtsSince.Store(time.Now().UnixNano())
	select {
	case s.doubts <- struct{}{}:
	default: // that is about to be done
	}
}

// doubted reports whether there are doubts about a connection that has been idle for so long.
func (s *Source) doubted(idle time.Duration) bool {
	since := s.doubtsSince.Load()
	return since != 0 && time.Now().UnixNano()-since < idle.Nanoseconds()
}

// probe asks all idle connections for a sign of life, and closes those that give none.
func (s *Source) probe() {
	var all sync.WaitGroup
	for _, resource := range s.pool.AcquireAllIdle() {
		all.Go(func() { discardIfBroken(resource) })
	}
	all.Wait()
}

func discardIfBroken(resource *puddle.Resource[*conn]) {
	if resource.Value().answers() {
		resource.Release()
		return
	}
	_ = resource.Value().pg.Conn().Close() // without a farewell, which nobody would hear
	resource.Destroy()
}

// socketOf returns the socket under a connection, nil when it is not to be had.
func socketOf(connection net.Conn) syscall.RawConn {
	if secured, ok := connection.(*tls.Conn); ok {
		connection = secured.NetConn()
	}
	socket, ok := connection.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
