package pgstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// mostGathered bounds how many writes share a transaction.
const mostGathered = 64

// gather lets writes that come at the same time share a transaction: the database waits for its disk once for all of them, and
// plans, locks and answers once. One that comes alone begins at once, and none waits for another to come: what comes while a
// transaction is under way is the next one.
type gather[T any] struct {
	// run does writes in one transaction.
	run func(ctx context.Context, together []T) error

	// apart reports whether two writes cannot share a transaction. Nil: any can.
	apart func(a, b T) bool

	mu      sync.Mutex
	waiting []*gathered[T]
	running bool
}

// gathered is a write that waits for others, or is done.
type gathered[T any] struct {
	value T
	err   error
	done  chan struct{} // closed when err is set
}

// do runs a write, together with others, and returns its outcome. When ctx ends before it has begun, do returns ctx's error;
// later its end changes nothing.
func (g *gather[T]) do(ctx context.Context, value T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mine := &gathered[T]{value: value, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, mine)
	if !g.running {
		g.running = true
		go g.work(context.WithoutCancel(ctx))
	}
	g.mu.Unlock()
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
	}
	if g.withdraw(mine) {
		return ctx.Err()
	}
	<-mine.done
	return mine.err
}

// withdraw takes a write back, unless it has begun.
func (g *gather[T]) withdraw(mine *gathered[T]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, mine)
	if i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	return i >= 0
}

// work runs writes until none waits.
func (g *gather[T]) work(ctx context.Context) {
	for {
		together := g.next()
		if together == nil {
			return
		}
		g.settle(ctx, together)
	}
}

// settle does writes together. What the database refuses for the sake of one of them is tried again one by one.
func (g *gather[T]) settle(ctx context.Context, together []*gathered[T]) {
	values := make([]T, len(together))
	for i, w := range together {
		values[i] = w.value
	}
	err := g.run(ctx, values)
	for i, w := range together {
		w.err = err
		if len(together) > 1 && isOfData(err) {
			w.err = g.run(ctx, values[i:i+1])
		}
		close(w.done)
	}
}

// isOfData reports whether the database has refused what was to be written: a data exception, an integrity constraint, a limit.
func isOfData(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && errors.Is(err, pgdb.ErrUnavailable) && slices.ContainsFunc([]string{"22", "23", "54"}, func(class string) bool {
		return strings.HasPrefix(failure.Code, class)
	})
}

// next takes those that have waited longest and can share a transaction, or says that the worker is not needed.
func (g *gather[T]) next() (together []*gathered[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(w *gathered[T]) bool {
		if len(together) == mostGathered || g.apart != nil && slices.ContainsFunc(together, func(other *gathered[T]) bool {
			return g.apart(w.value, other.value)
		}) {
			return false
		}
		together = append(together, w)
		return true
	})
	if together == nil {
		g.running = false
	}
	return together
}
