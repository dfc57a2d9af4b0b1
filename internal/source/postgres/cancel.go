package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// answerGrace is how long the database has to obey a cancel request while a caller waits whose time is up.
	answerGrace = 800 * time.Millisecond

	// cancelGrace is how long it has when nobody waits any more, so that the connection is kept if it can be.
	cancelGrace = 5 * time.Second

	// linger is how long a connection that was given up keeps its place while the server is there and still works on what
	// ran: as many statements as before may run at once, and not more.
	linger = 5 * time.Second

	// cancelAgain is how long a cancel request is given before it is sent again.
	cancelAgain = 200 * time.Millisecond

	// cancelSettle is how long the server may take to pass a cancel request on: it must not meet the session's next query.
	cancelSettle = 100 * time.Millisecond
)

// farewell is how the server takes it that what it runs is cancelled.
type farewell struct {
	acknowledged atomic.Bool // it has taken the request: it is there
	unanswered   atomic.Bool // it did not end what ran within the grace: the connection is given up
}

// canceller cancels what a connection runs inside the database, when its context ends. It repeats the request until the
// server has answered: PostgreSQL drops one that comes while it waits for the next message, as between a query's Bind and
// Execute, and the query would then run on. PostgreSQL also works on for a while where it does not look for requests, and a
// connection can be dead silently: after the grace it is given up.
type canceller struct {
	pg       *pgconn.PgConn
	farewell *farewell
	deadline time.Time
	stop     context.CancelFunc
	done     chan struct{}
}

// HandleCancel implements ctxwatch.Handler.
func (c *canceller) HandleCancel(ended context.Context) {
	grace := cancelGrace
	if errors.Is(ended.Err(), context.DeadlineExceeded) {
		grace = answerGrace
	}
	c.deadline = time.Now().Add(grace)
	_ = c.pg.Conn().SetDeadline(c.deadline) // fails only when the connection is closed already
	stopped, stop := context.WithCancel(context.Background())
	c.stop, c.done = stop, make(chan struct{})
	// A request under way is not broken off: it could reach the session's next query, and PgBouncer 1.18 dies when the
	// client of a cancel request goes away.
	request, cancel := context.WithDeadline(context.Background(), c.deadline)
	go func() {
		defer close(c.done)
		defer cancel()
		again := time.NewTicker(cancelAgain)
		defer again.Stop()
		for stopped.Err() == nil && request.Err() == nil {
			// A lost server is found by the connection itself.
			if err := c.pg.CancelRequest(request); err == nil && request.Err() == nil {
				c.farewell.acknowledged.Store(true)
			}
			select {
			case <-stopped.Done():
			case <-request.Done():
			case <-again.C:
			}
		}
		if request.Err() == nil { // else there is no next query
			time.Sleep(cancelSettle)
		}
	}()
}

// HandleUnwatchAfterCancel implements ctxwatch.Handler.
func (c *canceller) HandleUnwatchAfterCancel() {
	late := !time.Now().Before(c.deadline)
	c.stop()
	<-c.done
	if late {
		c.farewell.unanswered.Store(true)
		return // the driver closes the connection, with a deadline of its own
	}
	_ = c.pg.Conn().SetDeadline(time.Time{})
}
