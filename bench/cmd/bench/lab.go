package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

// lab holds what the measures use. Each part is started when the first measure asks for it.
type lab struct {
	root, peers string // directories: of the repository, and of the peers
	dir         string // for everything that is written
	caddy       string // the binary
	seconds     int    // of one measure under load
	profiles    string // directory for CPU profiles; empty: none
	environment []string
	database    *database
	sqlite      string

	closers []func()

	peersInstalled                   func(context.Context) error
	hs256, ed25519, forMemory, proxy func(context.Context) (*server, error)
	audited                          func(context.Context) (*server, error)
	stored, hs256Too                 func(context.Context) (*server, error)
	unobserved, unobservedToo        func(context.Context) (*server, error)
	fastify1, fastify2               func(context.Context) (*peer, error)
	express1, express2               func(context.Context) (*peer, error)
	graphile, prest                  func(context.Context) (*peer, error)
	server, client                   float64 // processor time of the last measure under load, in seconds
	requests                         float64
	costs                            map[string]cost // of the measures under load in this round, by name
	maximum                          float64         // requests/s of the point endpoint in this round; 0 when it was not measured
}

// newLab starts the database and prepares the rest.
func newLab(ctx context.Context, root string) (*lab, error) {
	dir, err := os.MkdirTemp("", "data-api-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{root: root, peers: filepath.Join(root, "bench", "peers"), dir: dir, costs: make(map[string]cost)}
	l.onClose(func() { _ = os.RemoveAll(dir) })
	started := time.Now()
	say("starting PostgreSQL and loading the data")
	if l.database, err = startDatabase(ctx); err != nil {
		l.close()
		return nil, err
	}
	l.onClose(l.database.cluster.Remove)
	l.sqlite = filepath.Join(dir, "bench.db")
	if err := fillSQLite(l.sqlite); err != nil {
		l.close()
		return nil, err
	}
	say("the data is there after %.1f s", time.Since(started).Seconds())

	l.peersInstalled = once("the peers' packages", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, l.installPeers(ctx)
	}).err
	l.fastify1 = l.peerOnce("fastify.js", 1)
	l.fastify2 = l.peerOnce("fastify.js", 2)
	l.express1 = l.peerOnce("express.js", 1)
	l.express2 = l.peerOnce("express.js", 2)
	l.graphile = l.peerOnce("postgraphile.js", 1)
	l.prest = once("pREST", l.startPrest).get
	l.hs256 = once("Caddy with HS256", func(ctx context.Context) (*server, error) {
		return l.startServer(ctx, "hs256", serverOptions{hs256: true})
	}).get
	l.proxy = once("Caddy in front of Fastify", func(ctx context.Context) (*server, error) {
		fastify, err := l.fastify1(ctx)
		if err != nil {
			return nil, err
		}
		return l.startServer(ctx, "proxy", serverOptions{fastify: fastify.port})
	}).get
	l.ed25519 = once("Caddy with Ed25519", func(ctx context.Context) (*server, error) {
		return l.startServer(ctx, "ed25519", serverOptions{})
	}).get
	l.audited = once("Caddy with the audit log in a file", func(ctx context.Context) (*server, error) {
		return l.startServer(ctx, "audited", serverOptions{hs256: true, audited: true})
	}).get
	l.stored = once("Caddy with its store in PostgreSQL", func(ctx context.Context) (*server, error) {
		return l.startServer(ctx, "stored", serverOptions{hs256: true, stored: true})
	}).get
	l.hs256Too = once("another Caddy with HS256", func(ctx context.Context) (*server, error) {
		return l.startServer(ctx, "hs256-too", serverOptions{hs256: true})
	}).get
	l.unobserved = once("Caddy that counts no calls", func(ctx context.Context) (*server, error) {
		return l.startServer(ctx, "unobserved", serverOptions{hs256: true, unobserved: true})
	}).get
	l.unobservedToo = once("another Caddy that counts no calls", func(ctx context.Context) (*server, error) {
		return l.startServer(ctx, "unobserved-too", serverOptions{hs256: true, unobserved: true})
	}).get
	l.forMemory = once("Caddy to weigh", func(ctx context.Context) (*server, error) {
		return l.startServer(ctx, "memory", serverOptions{})
	}).get
	return l, nil
}

func (l *lab) peerOnce(script string, processes int) func(context.Context) (*peer, error) {
	return once(fmt.Sprintf("%s in %d process(es)", script, processes), func(ctx context.Context) (*peer, error) {
		return l.startPeer(ctx, script, processes)
	}).get
}

func (l *lab) onClose(f func()) { l.closers = append(l.closers, f) }

// close ends everything, the last first.
func (l *lab) close() {
	for _, closer := range slices.Backward(l.closers) {
		closer()
	}
}

// lazy is a part that is made once; when that fails, it has failed for good.
type lazy[T any] struct {
	get func(context.Context) (T, error)
}

func (z lazy[T]) err(ctx context.Context) error {
	_, err := z.get(ctx)
	return err
}

func once[T any](name string, start func(context.Context) (T, error)) lazy[T] {
	var first sync.Once
	var made T
	var err error
	return lazy[T]{func(ctx context.Context) (T, error) {
		first.Do(func() {
			say("starting %s", name)
			made, err = start(ctx)
		})
		return made, err
	}}
}

// cost is the processor time of one request, in microseconds.
type cost struct{ server, database float64 }

// longer is how many times as long a measure goes on when nothing was answered in time.
const longer = 5

// load measures requests per second, and remembers what they cost.
func (l *lab) load(ctx context.Context, pid int, t target, clients int) (float64, error) {
	if err := t.check(ctx); err != nil { // wrk would not say what is wrong
		return 0, err
	}
	if _, err := l.wrk(ctx, t, clients, 1); err != nil { // connections, statements and compilers get warm
		return 0, err
	}
	server, database := rig.CPUTime(pid), rig.CPUTime(l.database.pid)
	counted, err := l.wrk(ctx, t, clients, l.seconds)
	if err == nil && counted.Requests == 0 {
		counted, err = l.wrk(ctx, t, clients, longer*l.seconds)
	}
	if err != nil {
		return 0, err
	}
	if counted.Requests == 0 {
		return 0, fmt.Errorf("not one answer within %d seconds", longer*l.seconds)
	}
	l.requests = counted.Requests
	l.server, l.client = rig.CPUTime(pid)-server, rig.CPUTime(l.database.pid)-database
	return counted.perSecond(), nil
}

// spentOn is the server's processor time for a request of a measure of this round, in microseconds.
func spentOn(name string) measure {
	return measure{name: "time of " + name, unit: "us", of: name, run: func(_ context.Context, l *lab) (float64, error) {
		return l.costs[name].server, nil
	}}
}

// lastCost returns what a request of the last measure cost, and forgets it.
func (l *lab) lastCost() (cost, bool) {
	if l.requests == 0 {
		return cost{}, false
	}
	c := cost{server: l.server / l.requests * 1e6, database: l.client / l.requests * 1e6}
	l.requests = 0
	return c, true
}
