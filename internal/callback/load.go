package callback

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// How hosts are judged.
const (
	// slowAfter is how long a try may take before it counts as slow: it gives its worker back then, and takes one of as many
	// places for slow tries, so that a host that accepts and says nothing is waited for without keeping others from theirs.
	slowAfter = time.Second

	// slowFor is how long a host is remembered as slow, unless it answers quickly. One try at a time goes to it.
	slowFor = time.Hour

	// knownHosts bounds what is remembered of hosts, of which one company can have as many names as it likes.
	knownHosts = 10_000

	// addressesFor is how long the addresses of a name are remembered: they only decide when its next try may begin.
	addressesFor = 10 * time.Minute
)

// load is what the tries that are under way use, and what is known of the hosts that they go to. It counts what there is
// each time: tries are few.
type load struct {
	options *Options

	mu        sync.Mutex
	tries     map[*tryRun]struct{}
	slow      map[place]time.Time // since when
	addresses map[string]known    // by host
}

// tryRun is a try that is under way.
type tryRun struct {
	delivery Delivery
	line     Line
	begun    time.Time

	// Guarded by the load's lock.
	slow      bool // it goes to a place that is known to be slow
	over      bool
	addresses []string                // that it is connected to, or tries to be
	cancel    context.CancelCauseFunc // nil: its context is not made yet
	cause     error                   // why it was broken off
}

// place is a host or an address, as one company knows it: what one company's receiver does is held against no other.
type place struct{ company, where string }

type known struct {
	addresses []string
	since     time.Time
}

func newLoad(options *Options) *load {
	return &load{
		options: options, tries: make(map[*tryRun]struct{}), slow: make(map[place]time.Time), addresses: make(map[string]known),
	}
}

// begin counts a try.
func (l *load) begin(delivery Delivery) *tryRun {
	l.mu.Lock()
	defer l.mu.Unlock()
	run := &tryRun{delivery: delivery, line: Line{Company: delivery.Company, Host: delivery.Host()}, begun: time.Now()}
	run.slow = l.isSlow(place{run.line.Company, run.line.Host})
	l.tries[run] = struct{}{}
	return run
}

// end takes a try back that has ended. Tried says that the receiver has been asked.
func (l *load) end(run *tryRun, tried bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tries, run)
	run.over = true
	if !tried {
		return
	}
	took := time.Since(run.begun)
	for _, where := range append(run.addresses, run.line.Host) {
		at := place{run.line.Company, where}
		switch {
		case took >= l.options.Timeout/3 && took >= slowAfter:
			makeRoom(l.slow)
			l.slow[at] = time.Now()
		case took < slowAfter:
			delete(l.slow, at)
		}
	}
}

// makeRoom forgets anything when too much is remembered.
func makeRoom[K comparable, V any](m map[K]V) {
	for key := range m {
		if len(m) < knownHosts {
			return
		}
		delete(m, key)
	}
}

// watch returns a context for the try that breakOff ends.
func (l *load) watch(ctx context.Context, run *tryRun) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, tryKey{}, run))
	l.mu.Lock()
	defer l.mu.Unlock()
	if run.cancel = cancel; run.cause != nil {
		cancel(run.cause)
	}
	return ctx, cancel
}

// breakOff ends a try.
func (l *load) breakOff(run *tryRun, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if run.cause = cause; run.cancel != nil {
		run.cancel(cause)
	}
}

// all returns the tries.
func (l *load) all() []*tryRun {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.tries))
}

// isSlow reports whether a place has last been slow.
func (l *load) isSlow(at place) bool {
	since, ok := l.slow[at]
	return ok && time.Since(since) < slowFor
}

// limit is how many tries may go to a place.
func (l *load) limit(at place) int {
	if l.isSlow(at) {
		return 1
	}
	return l.options.PerHost
}

// going counts the tries of a company to an address.
func (l *load) going(company, address string) (count int) {
	for run := range l.tries {
		if run.line.Company == company && slices.Contains(run.addresses, address) {
			count++
		}
	}
	return count
}

// enter takes a place of a company's at an address, and reports whether there is one.
func (l *load) enter(run *tryRun, address string) bool {
	if run == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := place{run.line.Company, address}
	if run.over || l.going(run.line.Company, address) >= l.limit(at) {
		return false
	}
	run.addresses = append(run.addresses, address)
	run.slow = run.slow || l.isSlow(at)
	return true
}

// leave gives it back.
func (l *load) leave(run *tryRun, address string) {
	if run == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	run.addresses = slices.DeleteFunc(run.addresses, func(a string) bool { return a == address })
}

// learn remembers which addresses a host has.
func (l *load) learn(host string, addresses []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	makeRoom(l.addresses)
	l.addresses[host] = known{addresses, time.Now()}
}

// capacity says what may be tried now. Slow tries leave the workers to others, up to as many as there are workers; and those
// of one company, up to as many as a company may have.
func (l *load) capacity() Capacity {
	l.mu.Lock()
	defer l.mu.Unlock()
	capacity := Capacity{
		PerCompany: l.options.PerCompany, Running: make(map[string]int),
		PerHost: l.options.PerHost, Hosts: make(map[string]int), Held: make(map[job.ID]int),
	}
	quick, slow, slowOf := 0, 0, make(map[string]int)
	lines, ends := make(map[Line]int), make(map[place]int)
	for run := range l.tries {
		capacity.Hosts[run.line.Host]++
		capacity.Held[run.delivery.JobID] = run.delivery.Attempt
		lines[run.line]++
		for _, address := range run.addresses {
			ends[place{run.line.Company, address}]++
		}
		if run.slow || time.Since(run.begun) >= slowAfter {
			slow++
			slowOf[run.line.Company]++
		} else {
			quick++
			capacity.Running[run.line.Company]++
		}
	}
	for company, n := range slowOf {
		capacity.Running[company] += max(0, n-l.options.PerCompany)
	}
	capacity.Deliveries = l.options.Workers - quick - max(0, slow-l.options.Workers)
	capacity.Left = func(line Line) int {
		l.mu.Lock()
		defer l.mu.Unlock()
		left, isSlow := l.left(line, lines[line], ends)
		if isSlow && (slow >= l.options.Workers || slowOf[line.Company] >= l.options.PerCompany) {
			return 0
		}
		return left
	}
	return capacity
}

// left is how many tries more may go to a host, by its name and by what is known of its addresses.
func (l *load) left(line Line, running int, ends map[place]int) (left int, slow bool) {
	at := place{line.Company, line.Host}
	left, slow = l.limit(at)-running, l.isSlow(at)
	known, ok := l.addresses[line.Host]
	if !ok || time.Since(known.since) >= addressesFor || len(known.addresses) == 0 {
		return left, slow
	}
	best, allSlow := 0, true
	for _, address := range known.addresses {
		end := place{line.Company, address}
		best = max(best, l.limit(end)-ends[end])
		allSlow = allSlow && l.isSlow(end)
	}
	return min(left, best), slow || allSlow
}
