package main

// How often a server asks, in seconds, and how much it gathers: as internal/claim, pgstore and its signals have it.
const (
	lookEvery     = 0.8
	announceEvery = 0.1
	gathered      = 64
	workers       = 16
)

// server does what a server does at its store.
type server struct {
	w       *world
	accepts lane
	results lane
	ends    lane

	ready    int // accepted here and not claimed. A job is claimed where it was accepted, mostly: that server is awake
	free     int
	claiming bool

	announcing, toAnnounce bool
}

// lane is a row of writes of one kind that share statements.
type lane struct {
	of      kind
	cost    fitted
	waiting []func()
	running bool
}

func newServer(w *world) *server {
	return &server{
		w: w, free: workers,
		accepts: lane{of: kindAccept, cost: w.accept}, results: lane{of: kindStore, cost: w.store}, ends: lane{of: kindEnd, cost: w.end},
	}
}

// start begins the loops, each somewhere in its first round.
func (s *server) start() {
	w := s.w
	s.every(1, kindFollow, w.follow.cpu) // of a second: it asks twice, and says now and then that it is alive
	s.every(lookEvery, kindLookJobs, w.lookJobs.cpu)
	s.every(lookEvery, kindLookDeliveries, w.lookDeliveries.cpu)
	if w.jobs > 0 {
		w.after(s.untilNext(), s.arrive)
	}
}

func (s *server) every(interval float64, of kind, cpu float64) {
	var again func()
	again = func() {
		s.w.ask(statement{kind: of, cpu: cpu, done: func() {}})
		s.w.after(interval, again)
	}
	s.w.after(interval*s.w.random.Float64(), again)
}

func (s *server) untilNext() float64 {
	return s.w.random.ExpFloat64() * float64(s.w.servers) / s.w.jobs
}

// arrive is a call that is a job.
func (s *server) arrive() {
	w := s.w
	w.after(s.untilNext(), s.arrive)
	w.outcome.asked++
	begun := w.now
	s.write(&s.accepts, func() {
		w.outcome.accepted++
		w.times = append(w.times, w.now-begun)
		s.ready++
		s.claim()
	})
}

// write has a write share a statement with others that wait.
func (s *server) write(l *lane, done func()) {
	l.waiting = append(l.waiting, done)
	if !l.running {
		s.next(l)
	}
}

func (s *server) next(l *lane) {
	n := min(len(l.waiting), gathered)
	l.running = n > 0
	if n == 0 {
		return
	}
	together := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	if l.of == kindAccept {
		s.w.outcome.commits++
	}
	s.w.ask(statement{kind: l.of, cpu: l.cost.of(n), durable: true, done: func() {
		for _, done := range together {
			done()
		}
		s.next(l)
	}})
}

// claim takes as many jobs as there are workers, one claim at a time.
func (s *server) claim() {
	n := min(s.ready, s.free)
	if n == 0 || s.claiming {
		return
	}
	s.claiming = true
	s.ready -= n
	s.free -= n
	s.w.ask(statement{kind: kindClaim, cpu: s.w.costs.claim.of(n), durable: true, done: func() {
		s.claiming = false
		for range n {
			s.write(&s.results, func() { s.write(&s.ends, s.end) })
		}
		s.claim()
	}})
}

// end is the end of a job, which others are signalled soon.
func (s *server) end() {
	s.w.outcome.ended++
	s.free++
	s.claim()
	s.toAnnounce = true
	if s.w.signals && !s.announcing {
		s.announce()
	}
}

func (s *server) announce() {
	s.announcing = s.toAnnounce
	if !s.toAnnounce {
		return
	}
	s.toAnnounce = false
	s.w.ask(statement{kind: kindNotify, cpu: s.w.notify.cpu, done: func() {}})
	// Each server's backend wakes for it: work of its own, on any core. Taken together, so that there are fewer events.
	bunch := 1 + s.w.servers/10
	for n := s.w.servers; n > 0; n -= bunch {
		s.w.ask(statement{kind: kindNotify, cpu: s.w.hear.cpu * float64(min(n, bunch)), done: func() {}})
	}
	s.w.after(announceEvery, s.announce)
}
