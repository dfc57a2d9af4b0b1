package admission

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Options describe a gate. Zero values stand for the defaults.
type Options struct {
	Capacity  int           // how many may be inside at once at first, at least 1; see SetCapacity
	MaxWait   time.Duration // how long one waits at most; default 2 s
	MaxQueue  int           // how many of one company wait at most; default 1000
	MaxQueued int           // how many wait at most in all; default 8000
	Now       func() time.Time
}

// The defaults of [Options].
const (
	DefaultMaxWait   = 2 * time.Second
	DefaultMaxQueue  = 1000
	DefaultMaxQueued = 8000
)

// window is how long a company's use of the gate is remembered: for one to two windows.
const window = 30 * time.Second

// Gate lets a number of callers in at once, and divides the places among their companies.
//
// A place that comes free goes to the company that holds the fewest, and among equals to the one that has waited longest
// for its turn: companies that all want more than there is hold equally many places, whether their work is short or long.
// Inside a company it is first come, first served.
//
// As long as a company is alone it may hold every place. Otherwise room is kept for the others, as many places as they
// have used, or wanted, at the same time within the last half minute, and half of all places at most: so that a company
// that asks now and then finds a place at once, although another would fill them all.
//
// It is safe for concurrent use. Entering and leaving take one short lock each, and allocate nothing while there is room.
type Gate struct {
	options Options
	epoch   time.Time

	mu        sync.Mutex
	capacity  int
	running   int
	waiting   int
	companies map[string]*company
	turns     turns         // of the companies that wait
	turn      uint64        // the last one that was given
	rolled    time.Duration // when the window began
	wanted    int           // the sum of what each company wants

	waiters sync.Pool // for the next to wait: at a gate that is full, nearly everybody does for a moment
}

// New makes a gate. It panics when the capacity is below 1.
func New(options Options) *Gate {
	if options.Capacity < 1 {
		panic("admission: a gate needs a capacity of at least 1")
	}
	if options.MaxWait <= 0 {
		options.MaxWait = DefaultMaxWait
	}
	if options.MaxQueue <= 0 {
		options.MaxQueue = DefaultMaxQueue
	}
	if options.MaxQueued <= 0 {
		options.MaxQueued = DefaultMaxQueued
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Gate{options: options, capacity: options.Capacity, epoch: options.Now(), companies: make(map[string]*company), waiters: sync.Pool{New: newWaiter}}
}

// Pass is a place inside. The zero Pass holds none.
type Pass struct {
	gate    *Gate
	company *company
}

// Enter takes a place for a company, and waits for one if it has to. The caller leaves with [Pass.Leave]. Errors: ctx's
// own, and dataapi.CodeOverloaded when too many wait already or no place came free in time.
func (g *Gate) Enter(ctx context.Context, name string) (Pass, error) {
	if err := ctx.Err(); err != nil {
		return Pass{}, err
	}
	now := g.options.Now().Sub(g.epoch)
	g.mu.Lock()
	g.rollWhenDue(now)
	c := g.companies[name]
	if c == nil {
		c = new(company)
		g.companies[name] = c
	}
	g.want(c, c.running+c.waiting()+1)
	if c.waiting() == 0 && g.mayEnter(c) {
		g.hold(c, +1)
		g.mu.Unlock()
		return Pass{g, c}, nil
	}
	patience, patient := patienceOf(ctx)
	if !patient && (c.waiting() >= g.options.MaxQueue || g.waiting >= g.options.MaxQueued) {
		err := g.overloaded(c, fmt.Errorf("%d of the company wait, and %d in all", c.waiting(), g.waiting))
		g.mu.Unlock()
		return Pass{}, err
	}
	w := g.waiters.Get().(*waiter)
	place := g.enqueue(c, w)
	windowEnds := g.rolled + window - now
	g.mu.Unlock()
	if !patient {
		return g.wait(ctx, c, w, place, g.options.MaxWait, windowEnds)
	}
	defer patience.Wait()()
	return g.wait(ctx, c, w, place, patience.MaxWait, windowEnds)
}

// wait blocks until the waiter has a place, its time is over, or ctx ends. Should the window end while it waits, it
// starts the next one, since no other caller may arrive.
func (g *Gate) wait(
	ctx context.Context, c *company, w *waiter, place *list.Element, maxWait, windowEnds time.Duration,
) (Pass, error) {
	defer g.recycle(w)
	for left := maxWait; left > 0 && ctx.Err() == nil; {
		pause := min(left, windowEnds)
		w.timer.Reset(pause)
		select {
		case <-w.ready:
			return Pass{g, c}, nil
		case <-ctx.Done():
		case <-w.timer.C:
			left -= pause
			windowEnds = g.rollAfterPause()
		}
	}
	g.mu.Lock()
	if w.admitted {
		g.mu.Unlock()
		<-w.ready
		if err := ctx.Err(); err != nil {
			Pass{g, c}.Leave()
			return Pass{}, err
		}
		return Pass{g, c}, nil
	}
	g.abandon(c, place)
	err := ctx.Err()
	if err == nil {
		err = g.overloaded(c, fmt.Errorf("no place of %d came free within %s", g.capacity, maxWait))
	}
	g.mu.Unlock()
	return Pass{}, err
}

// rollAfterPause begins a new window when it is time, and returns how long it lasts still.
func (g *Gate) rollAfterPause() time.Duration {
	now := g.options.Now().Sub(g.epoch)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rollWhenDue(now)
	return max(g.rolled+window-now, time.Millisecond) // now may be older than another's roll
}

// Leave gives the place back; it must be called once for each pass.
func (p Pass) Leave() {
	g, c := p.gate, p.company
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold(c, -1)
	g.admit()
}

// overloaded words a refusal. It is called with the gate locked.
func (g *Gate) overloaded(c *company, cause error) error {
	failure := &dataapi.Error{Code: dataapi.CodeOverloaded, RetryAfter: g.options.MaxWait, Err: cause}
	if c.running > 0 {
		failure.Detail = "Your company has reached its current limit of concurrent queries on this database. " +
			"Wait as long as the Retry-After header says."
	}
	return failure
}

// Load returns how many are inside and how many wait.
func (g *Gate) Load() (running, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running, g.waiting
}

// SetCapacity changes how many may be inside at once, at least 1. Where fewer may than are, nobody enters until enough
// have left.
func (g *Gate) SetCapacity(capacity int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.capacity = max(1, capacity)
	g.admit()
}
