package lease

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// Generation is one configuration's hold on pooled resources. The zero value is not usable; call [NewGeneration].
type Generation struct {
	holders atomic.Int64 // the configuration itself counts as one until it is retired

	mu      sync.Mutex
	release []func()
	retired bool
}

// NewGeneration returns a generation that its configuration holds until [Generation.Retire].
func NewGeneration() *Generation {
	g := new(Generation)
	g.holders.Store(1)
	return g
}

// ErrReleased means that a generation has given its resources back already.
var ErrReleased = errors.New("this configuration has been replaced and its resources are released")

// Enter holds the generation; each successful call needs one [Generation.Leave]. It reports false when the resources
// are gone, which only a caller that comes long after the configuration was retired can meet. It never blocks.
func (g *Generation) Enter() bool {
	for {
		holders := g.holders.Load()
		if holders == 0 {
			return false
		}
		if g.holders.CompareAndSwap(holders, holders+1) {
			return true
		}
	}
}

// Leave lets go of the generation. The last one to leave gives the resources back, which may take a while, so that
// happens in a goroutine of its own.
func (g *Generation) Leave() {
	if g.holders.Add(-1) > 0 {
		return
	}
	g.mu.Lock()
	release := g.release
	g.release = nil
	g.mu.Unlock()
	done := g.giveBack(release)
	if caddy.Exiting() {
		// The process ends as soon as Caddy has cleaned up: what is not written by then is not written.
		<-done
	}
}

// Retire ends the configuration's own hold after grace. The grace is for requests that the old server has accepted but
// that have not reached [Generation.Enter] yet; when the process exits there is none. It returns at once, and
// calling it again does nothing.
func (g *Generation) Retire(grace time.Duration) {
	g.mu.Lock()
	again := g.retired
	g.retired = true
	g.mu.Unlock()
	switch {
	case again:
	case grace <= 0 || caddy.Exiting():
		g.Leave()
	default:
		time.AfterFunc(grace, g.Leave)
	}
}

func (g *Generation) giveBack(release []func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, give := range slices.Backward(release) {
			give()
		}
	}()
	return done
}

// Pool holds resources of one type that configurations share. Its keys are the identity of a resource, such as an
// absolute path: two configurations that mean the same file must get the same one.
type Pool[T caddy.Destructor] struct {
	pool *caddy.UsagePool
}

// NewPool returns an empty pool.
func NewPool[T caddy.Destructor]() *Pool[T] { return &Pool[T]{pool: caddy.NewUsagePool()} }

// Hold returns the resource of this key and keeps it until the generation is given back. create makes it when
// nobody holds one; it must not block, and so opens nothing: that is for the first use.
func (p *Pool[T]) Hold(g *Generation, key string, create func() (T, error)) (T, error) {
	value, _, err := p.pool.LoadOrNew(key, func() (caddy.Destructor, error) { return create() })
	if err != nil {
		var none T
		return none, err
	}
	// Only a successful load is ever released: a release too many would close the resource under its other holders.
	g.mu.Lock()
	g.release = append(g.release, func() { _, _ = p.pool.Delete(key) })
	g.mu.Unlock()
	return value.(T), nil
}
