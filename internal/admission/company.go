package admission

import (
	"container/heap"
	"container/list"
	"time"
)

// company is what a gate knows of one. It is guarded by the gate's lock.
type company struct {
	running int        // places that it holds
	queue   *list.List // of *waiter, in the order of arrival; nil: nobody has waited yet

	// peak and before are the most places that it has used or wanted at once, in this window and in the one before.
	peak, before int

	turn  uint64 // when it had its last place, or began to wait: the lower comes first
	index int    // in the gate's turns, while it has waiters
}

// waiter is a caller who waits.
type waiter struct {
	ready    chan struct{} // gets one when it is admitted
	admitted bool          // guarded by the gate's lock
	timer    *time.Timer   // runs while it waits
}

func newWaiter() any {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &waiter{ready: make(chan struct{}, 1), timer: timer}
}

// recycle gives a waiter back that is in no queue, and whose ready is empty.
func (g *Gate) recycle(w *waiter) {
	w.timer.Stop()
	w.admitted = false
	g.waiters.Put(w)
}

func (c *company) waiting() int {
	if c.queue == nil {
		return 0
	}
	return c.queue.Len()
}

// wants is how many places are kept for the company.
func (c *company) wants() int { return max(c.peak, c.before) }

// want notes that a company uses, or would use, this many places at once.
func (g *Gate) want(c *company, places int) {
	places = min(places, g.capacity)
	if places <= c.peak {
		return
	}
	g.wanted -= c.wants()
	c.peak = places
	g.wanted += c.wants()
}

// rollWhenDue begins a new window when the present one is over.
func (g *Gate) rollWhenDue(now time.Duration) {
	if now-g.rolled >= window {
		g.roll(now)
	}
}

// roll begins a new window: what companies have wanted is forgotten by and by, and companies that want nothing are.
func (g *Gate) roll(now time.Duration) {
	long := now-g.rolled >= 2*window
	g.rolled = now
	g.wanted = 0
	for name, c := range g.companies {
		c.before = c.peak
		if long {
			c.before = 0
		}
		c.peak = min(c.running+c.waiting(), g.capacity)
		if c.wants() == 0 {
			delete(g.companies, name)
			continue
		}
		g.wanted += c.wants()
	}
	g.admit() // there may be less to keep
}

// mayEnter reports whether a place is free that is not kept for others.
func (g *Gate) mayEnter(c *company) bool {
	if g.running >= g.capacity {
		return false
	}
	kept := min(g.wanted-c.wants(), g.capacity/2)
	return c.running < g.capacity-kept
}

// hold changes how many places a company holds, and its turn with it.
func (g *Gate) hold(c *company, change int) {
	g.running += change
	c.running += change
	if c.waiting() > 0 {
		heap.Fix(&g.turns, c.index)
	}
}

// admit gives free places to those who wait.
func (g *Gate) admit() {
	for len(g.turns) > 0 {
		// When the first may not have a place nobody may: room is kept from those only who hold half of all places, and
		// the others hold at least as many.
		c := g.turns[0]
		if !g.mayEnter(c) {
			return
		}
		w := c.queue.Remove(c.queue.Front()).(*waiter)
		g.waiting--
		w.admitted = true
		w.ready <- struct{}{}
		g.turn++
		c.turn = g.turn
		if c.queue.Len() == 0 {
			heap.Remove(&g.turns, c.index)
		}
		g.hold(c, +1)
	}
}

func (g *Gate) enqueue(c *company, w *waiter) *list.Element {
	if c.queue == nil {
		c.queue = list.New()
	}
	place := c.queue.PushBack(w)
	g.waiting++
	if c.queue.Len() == 1 {
		g.turn++
		c.turn = g.turn
		heap.Push(&g.turns, c)
	}
	return place
}

// abandon takes a waiter out of its queue.
func (g *Gate) abandon(c *company, place *list.Element) {
	c.queue.Remove(place)
	g.waiting--
	if c.queue.Len() == 0 {
		heap.Remove(&g.turns, c.index)
	}
}

// waitingByCompany counts those who wait.
func (g *Gate) waitingByCompany() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	waiting := make(map[string]int, len(g.companies))
	for name, c := range g.companies {
		waiting[name] = c.waiting()
	}
	return waiting
}

// turns is a heap of the companies that have waiters: first comes who holds the fewest places, and among equals who has
// waited longest for its turn.
type turns []*company //nolint:recvcheck // package heap wants these receivers

func (t turns) Len() int { return len(t) }

func (t turns) Less(i, j int) bool {
	if t[i].running != t[j].running {
		return t[i].running < t[j].running
	}
	return t[i].turn < t[j].turn
}

func (t turns) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push is for package heap.
func (t *turns) Push(c any) {
	c.(*company).index = len(*t)
	*t = append(*t, c.(*company))
}

// Pop is for package heap.
func (t *turns) Pop() any {
	last := len(*t) - 1
	c := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return c
}
