package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// cancelAgain is how long a cancel request is given before it is sent again.
	cancelAgain = 200 * time.Millisecond

	// cancelSettle is how long the server may take to pass a cancel request on: it must not meet the session's next query.
	cancelSettle = 100 * time.Millisecond
)

// canceller cancels what a connection runs inside the database, when its context ends. It repeats the request until the
// server has answered: PostgreSQL drops one that comes while it waits for the next message, as between a query's Bind and
// Execute, and the query would then run on. After cancelGrace the connection is given up.
type canceller struct {
	pg   *pgconn.PgConn
	stop context.CancelFunc
	done chan struct{}
}

// HandleCancel implements ctxwatch.Handler.
func (c *canceller) HandleCancel(context.Context) {
	deadline := time.Now().Add(cancelGrace)
	_ = c.pg.Conn().SetDeadline(deadline) // fails only when the connection is closed already
	stopped, stop := context.WithCancel(context.Background())
	c.stop, c.done = stop, make(chan struct{})
	// A request under way is not broken off: it could reach the session's next query, and PgBouncer 1.18 dies when the
	// client of a cancel request goes away.
	request, cancel := context.WithDeadline(context.Background(), deadline)
	go func() {
		defer close(c.done)
		defer cancel()
		again := time.NewTicker(cancelAgain)
		defer again.Stop()
		for stopped.Err() == nil && request.Err() == nil {
			_ = c.pg.CancelRequest(request) // a lost server is found by the connection itself
			select {
			case <-stopped.Done():
			case <-request.Done():
			case <-again.C:
			}
		}
		time.Sleep(cancelSettle)
	}()
}

// HandleUnwatchAfterCancel implements ctxwatch.Handler.
func (c *canceller) HandleUnwatchAfterCancel() {
	c.stop()
	<-c.done
	_ = c.pg.Conn().SetDeadline(time.Time{})
}
