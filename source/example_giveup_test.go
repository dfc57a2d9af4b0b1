package source_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

// plainConn is a connection of a driver that knows no context, to a database that ends a statement only with its connection.
type plainConn struct {
	places chan struct{} // of the source: holds one for each connection that is in use
	closed chan struct{}
	busy   sync.WaitGroup // calls of the driver that have not returned
}

func (c *plainConn) next() error { <-c.closed; return net.ErrClosed } // the next row
func (c *plainConn) cancel()     {}                                   // asks the database to end the statement
func (c *plainConn) close()      { close(c.closed) }

// call calls the driver. A database that has not ended the statement half a second after ctx loses its connection.
func (c *plainConn) call(ctx context.Context, driver func() error) error {
	done := make(chan error, 1) // with room for what nobody receives any more
	c.busy.Go(func() { done <- driver() })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		c.cancel()
	}
	select {
	case <-done:
	case <-time.After(500 * time.Millisecond):
		c.close()
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return source.TimedOut(ctx.Err())
	}
	return context.Canceled
}

// release gives the place back, once the driver has returned from everything. It does not wait for that.
func (c *plainConn) release() {
	go func() {
		c.busy.Wait()
		<-c.places
	}()
}

// A driver may not return before its database answers. It is called in a goroutine, so that Run can return in time; the sink is
// not, for it is gone when Run has returned. The place at the source is taken until the driver returns, since the database may
// still be at work.
func Example_givingUp() {
	places := make(chan struct{}, 1)
	run := func(ctx context.Context) error {
		places <- struct{}{}
		conn := &plainConn{places: places, closed: make(chan struct{})}
		defer conn.release()
		return conn.call(ctx, conn.next)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	fmt.Println(source.Code(run(ctx)))

	places <- struct{}{} // the place comes back
	fmt.Println("the next one runs")
	// Output:
	// EXECUTION_TIMEOUT
	// the next one runs
}
