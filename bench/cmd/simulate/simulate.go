package main

import (
	"container/heap"
	"math/rand/v2"
	"slices"
)

// kind is what the database works on.
type kind int

const (
	kindFollow kind = iota
	kindLookJobs
	kindLookDeliveries
	kindNotify
	kindAccept
	kindClaim
	kindStore
	kindEnd
	kinds
)

var (
	all         = []kind{kindFollow, kindLookJobs, kindLookDeliveries, kindNotify, kindAccept, kindClaim, kindStore, kindEnd}
	ofJobs      = []kind{kindAccept, kindClaim, kindStore, kindEnd}
	ofQuestions = []kind{kindFollow, kindLookJobs, kindLookDeliveries}
)

// scenario is what is simulated.
type scenario struct {
	servers int
	cores   int
	signals bool    // else servers only ask
	jobs    float64 // a second, of all servers
	span    float64 // seconds
}

// outcome is what came of a simulation.
type outcome struct {
	busy        [kinds]float64 // seconds of a core
	cores, span float64
	asked       int // jobs
	accepted    int
	ended       int
	commits     int // of acceptances
	median, p99 float64
}

// used is which part of all cores something takes.
func (o *outcome) used(of ...kind) (part float64) {
	for _, k := range of {
		part += o.busy[k] / o.cores / o.span
	}
	return part
}

func (o *outcome) together() float64 { return float64(o.accepted) / float64(max(o.commits, 1)) }

// held reports whether the store was quick enough, and has done all that it was asked for.
func (o *outcome) held() bool {
	return o.p99 <= heldWithin && o.used(all...) <= heldUsed && float64(o.ended) >= 0.9*float64(o.asked)
}

// event is something that happens at a time.
type event struct {
	at float64
	do func()
}

type agenda []event

func (a *agenda) Len() int           { return len(*a) }
func (a *agenda) Less(i, j int) bool { return (*a)[i].at < (*a)[j].at }
func (a *agenda) Swap(i, j int)      { (*a)[i], (*a)[j] = (*a)[j], (*a)[i] }
func (a *agenda) Push(e any)         { *a = append(*a, e.(event)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// world is a database, its servers, and the time.
type world struct {
	*costs
	scenario
	now    float64
	agenda agenda
	random *rand.Rand

	// The database: statements wait for a core, in their order, and commits for the disk, which takes all that wait at once.
	free    int
	waiting []statement
	syncing bool
	toSync  []func()

	outcome outcome
	times   []float64 // of acceptances
}

// statement is a piece of work for the database.
type statement struct {
	kind    kind
	cpu     float64
	durable bool
	done    func()
}

func (w *world) after(delay float64, do func()) { heap.Push(&w.agenda, event{w.now + delay, do}) }

// ask sends a statement. Its processor time varies by half about what was measured.
func (w *world) ask(s statement) {
	s.cpu *= 0.5 + w.random.Float64()
	w.waiting = append(w.waiting, s)
	w.run()
}

func (w *world) run() {
	for w.free > 0 && len(w.waiting) > 0 {
		s := w.waiting[0]
		w.waiting = w.waiting[1:]
		w.free--
		w.outcome.busy[s.kind] += s.cpu
		w.after(s.cpu, func() {
			w.free++
			if s.durable {
				w.toSync = append(w.toSync, s.done)
				w.sync()
			} else {
				s.done()
			}
			w.run()
		})
	}
}

// sync has the disk take what waits, as PostgreSQL's commits share a flush.
func (w *world) sync() {
	if w.syncing || len(w.toSync) == 0 {
		return
	}
	w.syncing = true
	flushed := w.toSync
	w.toSync = nil
	w.after(w.flush, func() {
		w.syncing = false
		for _, done := range flushed {
			done()
		}
		w.sync()
	})
}

// simulate lets the servers work for a while.
func simulate(c *costs, s scenario) outcome {
	w := &world{costs: c, scenario: s, free: s.cores, random: rand.New(rand.NewPCG(1, 2))}
	w.outcome.cores, w.outcome.span = float64(s.cores), s.span
	for range s.servers {
		newServer(w).start()
	}
	for len(w.agenda) > 0 && w.agenda[0].at <= s.span {
		next := heap.Pop(&w.agenda).(event)
		w.now = next.at
		next.do()
	}
	slices.Sort(w.times)
	if n := len(w.times); n > 0 {
		w.outcome.median, w.outcome.p99 = w.times[n/2], w.times[n*99/100]
	}
	return w.outcome
}
