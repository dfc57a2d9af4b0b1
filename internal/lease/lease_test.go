package lease_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/solucao42/caddy-data-api/internal/lease"
)

// resource counts how often it was closed.
type resource struct{ closed atomic.Int32 }

func (r *resource) Destruct() error {
	r.closed.Add(1)
	return nil
}

func create(r *resource) func() (*resource, error) {
	return func() (*resource, error) { return r, nil }
}

func hold(t *testing.T, pool *lease.Pool[*resource], g *lease.Generation, key string, r *resource) *resource {
	t.Helper()
	held, err := pool.Hold(g, key, create(r))
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !check(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

func TestReloadHandsTheResourceOver(t *testing.T) {
	pool := lease.NewPool[*resource]()
	before, after := lease.NewGeneration(), lease.NewGeneration()
	first, unused := new(resource), new(resource)
	hold(t, pool, before, "file", first)
	if got := hold(t, pool, after, "file", unused); got != first {
		t.Fatal("the second configuration opened the file again")
	}
	before.Retire(0)
	time.Sleep(20 * time.Millisecond)
	if first.closed.Load() != 0 {
		t.Fatal("closed under the configuration that holds it")
	}
	after.Retire(0)
	eventually(t, "closed", func() bool { return first.closed.Load() == 1 })
}

func TestRejectedReloadLeavesTheResource(t *testing.T) {
	pool := lease.NewPool[*resource]()
	running, rejected := lease.NewGeneration(), lease.NewGeneration()
	shared := new(resource)
	hold(t, pool, running, "file", shared)
	hold(t, pool, rejected, "file", nil)
	failure := errors.New("no such database")
	if _, err := pool.Hold(rejected, "other", func() (*resource, error) { return nil, failure }); !errors.Is(err, failure) {
		t.Fatalf("got %v", err)
	}
	rejected.Retire(0)
	rejected.Retire(0) // Caddy may clean up a configuration again
	time.Sleep(20 * time.Millisecond)
	if shared.closed.Load() != 0 {
		t.Fatal("a rejected configuration closed the resource of the running one")
	}
	running.Retire(0)
	eventually(t, "closed", func() bool { return shared.closed.Load() == 1 })
}

func TestHolderOutlivesItsConfiguration(t *testing.T) {
	pool := lease.NewPool[*resource]()
	g := lease.NewGeneration()
	held := hold(t, pool, g, "file", new(resource))
	if !g.Enter() {
		t.Fatal("a live generation refuses")
	}
	g.Retire(0)
	if !g.Enter() {
		t.Fatal("a generation that is held refuses")
	}
	g.Leave()
	time.Sleep(20 * time.Millisecond)
	if held.closed.Load() != 0 {
		t.Fatal("closed under a request")
	}
	g.Leave()
	eventually(t, "closed", func() bool { return held.closed.Load() == 1 })
	if g.Enter() {
		t.Fatal("a generation whose resources are gone lets somebody in")
	}
}

func TestGraceIsForRequestsOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := lease.NewPool[*resource]()
		g := lease.NewGeneration()
		held := hold(t, pool, g, "file", new(resource))
		g.Retire(2 * time.Second)
		time.Sleep(time.Second)
		if !g.Enter() {
			t.Fatal("a request within the grace is refused")
		}
		g.Leave()
		if held.closed.Load() != 0 {
			t.Fatal("closed within the grace")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if held.closed.Load() != 1 {
			t.Error("not closed after the grace")
		}
	})
}

func TestConcurrentHoldersCloseOnce(t *testing.T) {
	for range 200 {
		pool := lease.NewPool[*resource]()
		g := lease.NewGeneration()
		held := hold(t, pool, g, "file", new(resource))
		var holders sync.WaitGroup
		for range 8 {
			holders.Go(func() {
				for range 50 {
					if !g.Enter() {
						return
					}
					if held.closed.Load() != 0 {
						t.Error("closed under a holder")
					}
					g.Leave()
				}
			})
		}
		g.Retire(0)
		holders.Wait()
		eventually(t, "closed", func() bool { return held.closed.Load() == 1 })
	}
}
