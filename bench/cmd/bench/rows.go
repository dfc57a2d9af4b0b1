package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// allRows are the lines of the table, in order. Goals are never moved to where the product happens to be.
func allRows() []row {
	rows := []row{
		{group: "point", title: "point, 8 clients, HS256", ours: "point hs256 8",
			limit: oneAfterOther("respond 8", "pgbench point 8"), goal: 0.85},
		{group: "point", title: "point, 32 clients, HS256", ours: "point hs256 32",
			limit: oneAfterOther("respond 32", "pgbench point 32"), goal: 0.85},
		{group: "point", title: "point, 8 clients, EdDSA", ours: "point ed25519 8",
			limit: oneAfterOther("respond 8", "pgbench point 8"), goal: 0.85},
		{group: "point", title: "point, 32 clients, EdDSA", ours: "point ed25519 32",
			limit: oneAfterOther("respond 32", "pgbench point 32"), goal: 0.85},
		{group: "lane", title: "point, shared lane, 32 clients, of respond", ours: "shared hs256 32", limit: against("respond 32"), goal: 0.60},
		{group: "claims", title: "point with row-level claims, 32 clients, of the same without", ours: "claimed hs256 32",
			limit: against("point hs256 32"), goal: 0.85},
		{group: "audit", title: "point with the audit log in a file, 32 clients, of the same without", ours: "audited hs256 32",
			limit: against("point hs256 32")},
		{group: "page", title: "page (100 x 6), 8 clients, of pgbench", ours: "page hs256 8",
			limit: against("pgbench page 8"), goal: 0.75},
		{group: "big", title: "big (10,000 x 6), 1 client, of COPY", ours: "big hs256 1", limit: against("COPY 1"), goal: 1.3},
		{group: "big", title: "big (10,000 x 6), 4 clients, of COPY", ours: "big hs256 4", limit: against("COPY 4"), goal: 0.95},
		{group: "aggregate", title: "aggregate over 2,000,000 rows, of psql", ours: "aggregate hs256 1",
			limit: against("psql aggregate"), goal: 0.98},
		{group: "memory", title: "memory above idle, one result of 1,000,000 rows", ours: "memory 1", goal: 8, atMost: true},
		{group: "memory", title: "memory above idle, 50 of them at once", ours: "memory 50", goal: 64, atMost: true},
		{group: "firstbyte", title: "first byte of 1,000,000 rows, of psql's first row", ours: "first byte",
			limit: against("psql first row"), goal: 1.5, atMost: true},
		{group: "p99", title: "p99 at half the maximum, of respond at the same rate", ours: "p99 point",
			limit: against("p99 respond"), goal: 3, atMost: true},
		{group: "allocations", title: "allocations per row and cell in the encoder", ours: "allocations", atMost: true},
		{group: "sqlite", title: "SQLite, rows/s of 10,000 rows, of the bare step loop", ours: "sqlite rows",
			limit: against("sqlite steps"), goal: 0.7},
		{group: "sqlite", title: "the same, of a loop that also reads the cells", ours: "sqlite rows", limit: against("sqlite cells")},
	}
	rows = append(rows, observersRows()...)
	rows = append(rows, cacheRows()...)
	rows = append(rows, formatRows()...)
	for _, p := range peers() {
		for _, load := range peerLoads {
			rows = append(rows, row{group: p.group, title: load.slug + ", of " + p.name, ours: load.measure("hs256"),
				limit: against(load.measure(p.name)), goal: p.goals[load.slug]})
		}
	}
	return rows
}

// peerSubject is a peer in the table.
type peerSubject struct {
	group, name string
	goals       map[string]float64 // none for those that are there to be seen
	start       func(l *lab) func(context.Context) (*peer, error)
	proxied     bool // behind Caddy's reverse_proxy
	graphql     bool
}

func peers() []peerSubject {
	return []peerSubject{
		{group: "fastify", name: "Fastify", goals: map[string]float64{"point": 3, "page": 3, "big": 3},
			start: func(l *lab) func(context.Context) (*peer, error) { return l.fastify1 }},
		{group: "fastify", name: "Fastify x 2", goals: map[string]float64{"point": 6, "page": 6, "big": 7},
			start: func(l *lab) func(context.Context) (*peer, error) { return l.fastify2 }},
		{group: "proxy", name: "Caddy and Fastify", proxied: true,
			start: func(l *lab) func(context.Context) (*peer, error) { return l.fastify1 }},
		{group: "express", name: "Express",
			start: func(l *lab) func(context.Context) (*peer, error) { return l.express1 }},
		{group: "express", name: "Express x 2",
			start: func(l *lab) func(context.Context) (*peer, error) { return l.express2 }},
		{group: "postgraphile", name: "PostGraphile", graphql: true,
			start: func(l *lab) func(context.Context) (*peer, error) { return l.graphile }},
	}
}

// peerLoad is what peers are asked.
type peerLoad struct {
	slug    string
	clients int
}

var peerLoads = []peerLoad{{"point", 32}, {"page", 8}, {"big", 4}}

func (p peerLoad) measure(subject string) string {
	return fmt.Sprintf("%s %s %d", p.slug, subject, p.clients)
}

// allMeasures are what rows can be made of, and the order in which a round takes them: what a row compares is measured
// side by side.
func allMeasures() ([]string, map[string]measure) {
	var names []string
	known := make(map[string]measure)
	add := func(m measure) {
		names = append(names, m.name)
		known[m.name] = m
	}
	for _, clients := range []int{8, 32} {
		add(measure{name: fmt.Sprint("respond ", clients), unit: "/s", run: underLoad(respondTarget, clients)})
		add(cacheMeasure(clients))
		add(measure{name: fmt.Sprint("point hs256 ", clients), unit: "/s", run: underLoad(ours((*lab).withHS256, "point"), clients)})
		if clients == 32 {
			add(measure{name: "audited hs256 32", unit: "/s", run: underLoad(ours((*lab).withAudit, "point"), clients)})
			add(measure{name: "shared hs256 32", unit: "/s", run: underLoad(ours((*lab).withHS256, "shared"), clients)})
			add(measure{name: "claimed hs256 32", unit: "/s", run: underLoad(ours((*lab).withHS256, "claimed"), clients)})
		}
		add(measure{name: fmt.Sprint("pgbench point ", clients), unit: "/s",
			run: func(ctx context.Context, l *lab) (float64, error) { return l.pgbench(ctx, "point", clients) }})
		add(measure{name: fmt.Sprint("point ed25519 ", clients), unit: "/s", run: underLoad(ours((*lab).withEd25519, "point"), clients)})
	}
	for _, m := range observersMeasures() {
		add(m)
	}
	for _, p := range peers() {
		add(peerMeasure(p, peerLoads[0]))
	}
	add(measure{name: "page hs256 8", unit: "/s", run: underLoad(ours((*lab).withHS256, "page"), 8)})
	add(measure{name: "pgbench page 8", unit: "/s",
		run: func(ctx context.Context, l *lab) (float64, error) { return l.pgbench(ctx, "page", 8) }})
	for _, p := range peers() {
		add(peerMeasure(p, peerLoads[1]))
	}
	for _, clients := range []int{1, 4} {
		add(measure{name: fmt.Sprint("big hs256 ", clients), unit: "/s", run: underLoad(ours((*lab).withHS256, "big"), clients)})
		add(measure{name: fmt.Sprint("COPY ", clients), unit: "/s",
			run: func(ctx context.Context, l *lab) (float64, error) { return l.copyOut(ctx, "big", clients) }})
	}
	for _, p := range peers() {
		add(peerMeasure(p, peerLoads[2]))
	}
	for _, m := range formatMeasures() {
		add(m)
	}
	add(measure{name: "aggregate hs256 1", unit: "/s", run: func(ctx context.Context, l *lab) (float64, error) {
		t, _, err := ours((*lab).withHS256, "aggregate")(ctx, l)
		if err != nil {
			return 0, err
		}
		return l.rate(ctx, t)
	}})
	add(measure{name: "psql aggregate", unit: "/s",
		run: func(ctx context.Context, l *lab) (float64, error) { return l.psqlRate(ctx, "aggregate") }})
	add(measure{name: "first byte", unit: "ms", run: func(ctx context.Context, l *lab) (float64, error) {
		t, _, err := ours((*lab).withHS256, "million")(ctx, l)
		if err != nil {
			return 0, err
		}
		return firstByte(ctx, t)
	}})
	add(measure{name: "psql first row", unit: "ms",
		run: func(ctx context.Context, l *lab) (float64, error) { return l.psqlFirstRow(ctx, "million") }})
	add(measure{name: "p99 point", unit: "ms", run: halfTheMaximum(ours((*lab).withHS256, "point"))})
	add(measure{name: "p99 respond", unit: "ms", run: halfTheMaximum(respondTarget)})
	add(measure{name: "sqlite rows", unit: "rows/s", run: func(ctx context.Context, l *lab) (float64, error) {
		rate, err := underLoad(ours((*lab).withHS256, "lite"), 1)(ctx, l)
		return rate * 10_000, err
	}})
	add(measure{name: "sqlite steps", unit: "rows/s",
		run: func(ctx context.Context, l *lab) (float64, error) { return l.stepSQLite(ctx, false) }})
	add(measure{name: "sqlite cells", unit: "rows/s",
		run: func(ctx context.Context, l *lab) (float64, error) { return l.stepSQLite(ctx, true) }})
	add(measure{name: "memory 1", unit: "MiB",
		run: func(ctx context.Context, l *lab) (float64, error) { return l.peak(ctx, 1) }})
	add(measure{name: "memory 50", unit: "MiB", once: true,
		run: func(ctx context.Context, l *lab) (float64, error) { return l.peak(ctx, 50) }})
	add(measure{name: "allocations", unit: "a row", once: true, run: allocations})
	return names, known
}

// where finds a target, and the process that answers there.
type where func(ctx context.Context, l *lab) (target, int, error)

func (l *lab) withHS256(ctx context.Context) (*server, error)   { return l.hs256(ctx) }
func (l *lab) withAudit(ctx context.Context) (*server, error)   { return l.audited(ctx) }
func (l *lab) withEd25519(ctx context.Context) (*server, error) { return l.ed25519(ctx) }

// ours is an endpoint of a server.
func ours(which func(*lab, context.Context) (*server, error), slug string) where {
	return func(ctx context.Context, l *lab) (target, int, error) {
		s, err := which(l, ctx)
		if err != nil {
			return target{}, 0, err
		}
		return targetOf(slug, s.port, s.token), s.pid(), nil
	}
}

// respondTarget is Caddy's static answer to the point endpoint's requests.
func respondTarget(ctx context.Context, l *lab) (target, int, error) {
	s, err := l.hs256(ctx)
	if err != nil {
		return target{}, 0, err
	}
	t := targetOf("point", s.respond, s.token)
	t.name = "respond"
	return t, s.pid(), nil
}

// underLoad asks as fast as this many clients can.
func underLoad(at where, clients int) func(context.Context, *lab) (float64, error) {
	return func(ctx context.Context, l *lab) (float64, error) {
		t, pid, err := at(ctx, l)
		if err != nil {
			return 0, err
		}
		return l.load(ctx, pid, t, clients)
	}
}

// halfTheMaximum asks at half the rate that the point endpoint reaches.
func halfTheMaximum(at where) func(context.Context, *lab) (float64, error) {
	return func(ctx context.Context, l *lab) (float64, error) {
		if l.maximum == 0 {
			var err error
			if l.maximum, err = underLoad(ours((*lab).withHS256, "point"), 32)(ctx, l); err != nil {
				return 0, err
			}
			l.lastCost() // it is not of this measure
		}
		t, _, err := at(ctx, l)
		if err != nil {
			return 0, err
		}
		return l.p99(ctx, t, l.maximum/2)
	}
}

func peerMeasure(p peerSubject, load peerLoad) measure {
	return measure{name: load.measure(p.name), unit: "/s", run: underLoad(p.target(load.slug), load.clients)}
}

// target is an endpoint of the peer. Its token is the product's own: both know the secret.
func (p peerSubject) target(slug string) where {
	return func(ctx context.Context, l *lab) (target, int, error) {
		service, err := p.start(l)(ctx)
		if err != nil {
			return target{}, 0, err
		}
		s, err := l.hs256(ctx)
		if err != nil {
			return target{}, 0, err
		}
		t := targetOf(slug, service.port, s.token)
		switch {
		case p.proxied:
			front, err := l.proxy(ctx)
			if err != nil {
				return target{}, 0, err
			}
			t.port = front.proxy
		case p.graphql:
			t.name, t.path, t.bodies = slug+"-graphql", "/graphql", graphqlBodies(slug)
		}
		return t, service.pid(), nil
	}
}

// choose returns the rows of these groups, all of them for an empty name. It fails with the groups that there are.
func choose(names string) (chosen []row, err error) {
	wanted := strings.Split(names, ",")
	groups := make(map[string]bool)
	for _, r := range allRows() {
		groups[r.group] = true
		if names == "" || slices.Contains(wanted, r.group) {
			chosen = append(chosen, r)
		}
	}
	for _, name := range wanted {
		if names != "" && !groups[name] {
			return nil, fmt.Errorf("there is no row %q: choose of %s", name, strings.Join(slices.Sorted(maps.Keys(groups)), ", "))
		}
	}
	return chosen, nil
}
