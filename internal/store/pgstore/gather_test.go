package pgstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// heldGather is a gather whose first write lasts until it is let go. Each later call of run is noted.
type heldGather struct {
	gather[int]
	release chan struct{}
	held    sync.WaitGroup

	noting sync.Mutex
	calls  [][]int
}

func newHeldGather(t *testing.T, run func(values []int) error) *heldGather {
	t.Helper()
	h := &heldGather{release: make(chan struct{})}
	begun := make(chan struct{})
	h.run = func(_ context.Context, values []int) error {
		if values[0] < 0 {
			close(begun)
			<-h.release
			return nil
		}
		h.noting.Lock()
		defer h.noting.Unlock()
		h.calls = append(h.calls, slices.Clone(values))
		return run(values)
	}
	h.held.Go(func() {
		if err := h.do(context.Background(), -1); err != nil {
			t.Error(err)
		}
	})
	<-begun
	return h
}

// begin has a write wait behind the one that is held, in the order of the calls.
func (h *heldGather) begin(ctx context.Context, value int) (outcome <-chan error) {
	h.mu.Lock()
	before := len(h.waiting)
	h.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- h.do(ctx, value) }()
	for {
		h.mu.Lock()
		n := len(h.waiting)
		h.mu.Unlock()
		if n > before {
			return done
		}
	}
}

func (h *heldGather) letGo() {
	close(h.release)
	h.held.Wait()
}

func TestWritesAtTheSameTimeShareATransaction(t *testing.T) {
	h := newHeldGather(t, func([]int) error { return nil })
	h.apart = func(a, b int) bool { return a%10 == b%10 }
	var outcomes []<-chan error
	for _, value := range []int{1, 2, 11, 3, 21} {
		outcomes = append(outcomes, h.begin(context.Background(), value))
	}
	h.letGo()
	for _, outcome := range outcomes {
		if err := <-outcome; err != nil {
			t.Error(err)
		}
	}
	slices.SortFunc(h.calls, slices.Compare)
	if want := [][]int{{1, 2, 3}, {11}, {21}}; fmt.Sprint(h.calls) != fmt.Sprint(want) {
		t.Errorf("the transactions were %v, not %v", h.calls, want)
	}
}

func TestOnlySoManyWritesShareATransaction(t *testing.T) {
	h := newHeldGather(t, func([]int) error { return nil })
	var outcomes []<-chan error
	for value := range 2*mostGathered + 1 {
		outcomes = append(outcomes, h.begin(context.Background(), value))
	}
	h.letGo()
	for _, outcome := range outcomes {
		<-outcome
	}
	for _, call := range h.calls {
		if len(call) > mostGathered {
			t.Errorf("%d writes were one transaction", len(call))
		}
	}
}

func TestAWriteThatWaitsCanBeTakenBack(t *testing.T) {
	h := newHeldGather(t, func([]int) error { return nil })
	ctx, cancel := context.WithCancel(context.Background())
	gone, stays := h.begin(ctx, 1), h.begin(context.Background(), 2)
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the write whose caller has gone: %v", err)
	}
	h.letGo()
	if err := <-stays; err != nil {
		t.Error(err)
	}
	if fmt.Sprint(h.calls) != "[[2]]" {
		t.Errorf("the transactions were %v", h.calls)
	}
}

// What has begun has an outcome, and its caller hears it, whether or not the caller's context has ended.
func TestAWriteThatHasBegunIsWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var g gather[int]
	g.run = func(ctx context.Context, _ []int) error {
		cancel()
		return errors.Join(ctx.Err(), errBound)
	}
	if err := g.do(ctx, 1); !errors.Is(err, errBound) || errors.Is(err, context.Canceled) {
		t.Errorf("the outcome is %v", err)
	}
	if err := g.do(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a write of a caller who has gone: %v", err)
	}
}

func TestOneThatIsRefusedSpoilsNoOther(t *testing.T) {
	refused := fmt.Errorf("%w: %w", pgdb.ErrUnavailable, &pgconn.PgError{Severity: "ERROR", Code: "22021"})
	h := newHeldGather(t, func(values []int) error {
		if slices.Contains(values, 2) {
			return refused
		}
		return nil
	})
	first, second, third := h.begin(context.Background(), 1), h.begin(context.Background(), 2), h.begin(context.Background(), 3)
	h.letGo()
	if err := errors.Join(<-first, <-third); err != nil {
		t.Error(err)
	}
	if err := <-second; !errors.Is(err, refused) {
		t.Errorf("the one that is refused: %v", err)
	}
}
