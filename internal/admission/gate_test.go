package admission_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

func enter(t *testing.T, gate *admission.Gate, company string) admission.Pass {
	t.Helper()
	pass, err := gate.Enter(t.Context(), company)
	if err != nil {
		t.Fatalf("%s: %v", company, err)
	}
	return pass
}

// crowd is callers who enter, note that they are inside, and leave when they are told.
type crowd struct {
	t    *testing.T
	gate *admission.Gate

	mu     sync.Mutex
	order  []string // who came in
	passes map[string][]admission.Pass
	failed map[string]int
}

func newCrowd(t *testing.T, gate *admission.Gate) *crowd {
	return &crowd{t: t, gate: gate, passes: make(map[string][]admission.Pass), failed: make(map[string]int)}
}

// arrive brings callers one after the other.
func (c *crowd) arrive(company string, n int) {
	for range n {
		go func() {
			pass, err := c.gate.Enter(c.t.Context(), company)
			c.mu.Lock()
			defer c.mu.Unlock()
			if err != nil {
				c.failed[company]++
				return
			}
			c.order = append(c.order, company)
			c.passes[company] = append(c.passes[company], pass)
		}()
		synctest.Wait()
	}
}

func (c *crowd) inside(company string) int {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.passes[company])
}

// leave lets the first caller of a company go.
func (c *crowd) leave(company string) {
	c.mu.Lock()
	pass := c.passes[company][0]
	c.passes[company] = c.passes[company][1:]
	c.mu.Unlock()
	pass.Leave()
	synctest.Wait()
}

// empty lets everybody go until nobody waits.
func (c *crowd) empty() {
	for {
		synctest.Wait()
		c.mu.Lock()
		var passes []admission.Pass
		for company := range c.passes {
			passes = append(passes, c.passes[company]...)
			c.passes[company] = nil
		}
		c.mu.Unlock()
		if len(passes) == 0 {
			return
		}
		for _, pass := range passes {
			pass.Leave()
		}
	}
}

func TestAloneACompanyMayHaveEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, admission.New(admission.Options{Capacity: 8}))
		defer c.empty()
		c.arrive("a", 20)
		if n := c.inside("a"); n != 8 {
			t.Fatalf("%d inside, want 8", n)
		}
		c.leave("a")
		if n := c.inside("a"); n != 8 {
			t.Fatalf("%d inside after one has left, want 8", n)
		}
	})
}

func TestAnotherCompanyIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, admission.New(admission.Options{Capacity: 4}))
		defer c.empty()
		c.arrive("a", 200)
		c.arrive("b", 1)
		c.leave("a")
		if n := c.inside("b"); n != 1 {
			t.Fatal("the place that came free went to the company that holds the most")
		}
		// Both want more than there is: they come to hold equally many, however long either's work takes.
		c.arrive("b", 200)
		for range 50 {
			c.leave("a")
		}
		if a, b := c.inside("a"), c.inside("b"); a != 2 || b != 2 {
			t.Fatalf("a holds %d and b %d, want 2 each", a, b)
		}
		for range 50 {
			c.leave("b")
		}
		if a, b := c.inside("a"), c.inside("b"); a != 2 || b != 2 {
			t.Fatalf("a holds %d and b %d, want 2 each", a, b)
		}
	})
}

// More companies than places: each has its turn before any has its second.
func TestCompaniesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, admission.New(admission.Options{Capacity: 1}))
		defer c.empty()
		c.arrive("first", 1)
		companies := []string{"a", "b", "c", "d"}
		for i, company := range companies {
			c.arrive(company, 10*(i+1))
		}
		c.leave("first")
		for range 40 {
			for _, company := range companies {
				if c.inside(company) > 0 {
					c.leave(company)
				}
			}
		}
		for round := range 10 {
			turns := slices.Clone(c.order[1+4*round : 5+4*round])
			slices.Sort(turns)
			if !slices.Equal(turns, companies) {
				t.Fatalf("round %d went to %v", round, turns)
			}
		}
	})
}

// A company that asks now and then finds a place at once: room is kept, as much as it has used.
func TestRoomIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := admission.New(admission.Options{Capacity: 8})
		c := newCrowd(t, gate)
		defer c.empty()
		enter(t, gate, "quiet").Leave()
		c.arrive("a", 100)
		if n := c.inside("a"); n != 7 {
			t.Fatalf("the busy company holds %d, want 7", n)
		}
		for range 300 { // over minutes
			started := time.Now()
			pass := enter(t, gate, "quiet")
			if waited := time.Since(started); waited > 0 {
				t.Fatalf("the quiet company waited %s", waited)
			}
			time.Sleep(50 * time.Millisecond)
			pass.Leave()
			c.arrive("a", 1)
			c.leave("a")
			time.Sleep(time.Second)
		}
	})
}

func TestKeptRoomHasBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := admission.New(admission.Options{Capacity: 8})
		c := newCrowd(t, gate)
		defer c.empty()
		for i := range 100 {
			enter(t, gate, fmt.Sprint("quiet ", i)).Leave()
		}
		c.arrive("a", 8)
		if n := c.inside("a"); n != 4 {
			t.Fatalf("a hundred quiet companies leave %d places to a busy one, want 4", n)
		}
		// What nobody wants any more is not kept, and the caller that waits is told.
		time.Sleep(500 * time.Millisecond)
		c.empty()
		time.Sleep(2 * time.Minute)
		c.arrive("a", 8)
		if n := c.inside("a"); n != 8 {
			t.Fatalf("minutes later the busy company holds %d, want 8", n)
		}
	})
}

// What a company wanted a while ago is kept for it no longer, although nobody enters or leaves when that time is over.
func TestKeptRoomComesFreeByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, admission.New(admission.Options{Capacity: 4, MaxWait: 2 * time.Minute}))
		defer c.empty()
		c.arrive("b", 2)
		c.leave("b")
		c.leave("b") // two places are kept for it
		time.Sleep(31 * time.Second)
		c.arrive("a", 4)
		if n := c.inside("a"); n != 2 {
			t.Fatalf("%d of a are inside beside the room that is kept, want 2", n)
		}
		time.Sleep(31 * time.Second)
		if n := c.inside("a"); n != 4 {
			t.Fatalf("%d of a are inside when nobody else has wanted anything for a minute, want 4", n)
		}
	})
}

func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := admission.New(admission.Options{Capacity: 1, MaxWait: 2 * time.Second})
		inside := enter(t, gate, "a")
		started := time.Now()
		_, err := gate.Enter(t.Context(), "a")
		if waited := time.Since(started); waited != 2*time.Second || !dataapi.HasCode(err, dataapi.CodeOverloaded) {
			t.Fatalf("after %s: %v", waited, err)
		}
		if failure := dataapi.AsError(err); failure.RetryAfter <= 0 || failure.Detail == "" {
			t.Fatalf("the refusal does not say when to come back, or why: %+v", failure)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := gate.Enter(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("when ctx ends: %v", err)
		}
		if _, err := gate.Enter(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("when ctx has ended: %v", err)
		}
		inside.Leave()
		enter(t, gate, "b").Leave()
	})
}

func TestQueuesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, admission.New(admission.Options{Capacity: 1, MaxQueue: 3, MaxQueued: 5}))
		defer c.empty()
		c.arrive("a", 10)
		c.arrive("b", 10)
		if c.failed["a"] != 6 || c.failed["b"] != 8 {
			t.Fatalf("refused at once: %v, want 6 of a and 8 of b", c.failed)
		}
	})
}

// Whatever happens to whom, no place is lost and none is given twice.
func TestGateUnderLoad(t *testing.T) {
	const capacity = 5
	gate := admission.New(admission.Options{Capacity: capacity, MaxWait: 3 * time.Millisecond, MaxQueue: 8, MaxQueued: 20})
	var inside, admitted, refused atomic.Int64
	var group sync.WaitGroup
	for worker := range 64 {
		group.Go(func() {
			for i := range 300 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%7)*time.Millisecond)
				pass, err := gate.Enter(ctx, fmt.Sprint(worker%6))
				if err == nil {
					if n := inside.Add(1); n > capacity {
						t.Errorf("%d inside of %d", n, capacity)
					}
					time.Sleep(time.Duration(i%3) * 100 * time.Microsecond)
					inside.Add(-1)
					pass.Leave()
					admitted.Add(1)
				} else {
					refused.Add(1)
				}
				cancel()
			}
		})
	}
	group.Wait()
	if admitted.Load() == 0 || refused.Load() == 0 {
		t.Fatalf("%d admitted, %d refused: the test shows nothing", admitted.Load(), refused.Load())
	}
	if running, waiting := gate.Load(); running != 0 || waiting != 0 {
		t.Fatalf("in the end %d are inside and %d wait", running, waiting)
	}
}

func TestEnteringDoesNotAllocate(t *testing.T) {
	gate := admission.New(admission.Options{Capacity: 8})
	ctx := t.Context()
	n := testing.AllocsPerRun(1000, func() {
		pass, err := gate.Enter(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		pass.Leave()
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGate(b *testing.B) {
	gate := admission.New(admission.Options{Capacity: 64})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			pass, err := gate.Enter(context.Background(), "acme")
			if err != nil {
				b.Fatal(err)
			}
			pass.Leave()
		}
	})
}
