package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// allRows are the lines of the table, in order. Goals are never moved to where the product happens to be.
func allRows() []row {
	rows := pointRows()
	rows = append(rows, []row{
		{group: "claims", title: "point with row-level claims, 32 clients, of the same without", ours: "claimed hs256 32",
			limit: against("point hs256 32"), goal: 0.85},
		{group: "claims", title: "the same, of L with claims", ours: "claimed hs256 32",
			limit: oneAfterOther("respond 32", "pgbench claimed 32"), goal: 0.92},
		{group: "audit", title: "point with the audit log in a file, 32 clients, of the same without", ours: "audited hs256 32",
			limit: against("point hs256 32")},
		{group: "page", title: "page (100 x 6), 8 clients, of pgbench", ours: "page hs256 8",
			limit: against("pgbench page 8"), goal: 0.75},
		{group: "page", title: "the same, of L", ours: "page hs256 8", limit: oneAfterOther("respond page 8", "pgbench page 8"), goal: 0.92},
		{group: "big", title: "big (10,000 x 6), 1 client, of COPY", ours: "big hs256 1", limit: against("COPY 1"), goal: 1.4},
		{group: "big", title: "big (10,000 x 6), 4 clients, of COPY", ours: "big hs256 4", limit: against("COPY 4"), goal: 1.1},
		{group: "aggregate", title: "aggregate over 2,000,000 rows, of psql", ours: "aggregate hs256 1",
			limit: against("psql aggregate"), goal: 0.98},
		{group: "memory", title: "memory above idle, one result of 1,000,000 rows", ours: "memory 1", goal: 8, atMost: true},
		{group: "memory", title: "memory above idle, 50 of them at once", ours: "memory 50", goal: 64, atMost: true},
		{group: "firstbyte", title: "first byte of 1,000,000 rows, of psql's first row", ours: "first byte",
			limit: against("psql first row"), goal: 1.5, atMost: true},
		{group: "p99", title: "p99 at half the maximum, of respond at the same rate", ours: "p99 point",
			limit: against("p99 respond"), goal: 3, atMost: true},
		{group: "p99", title: "the same, of 30 s", ours: "p99 point, 30 s", limit: against("p99 respond, 30 s"), goal: 2.5, atMost: true},
		{group: "saturation", title: "10,000 connections, 1,000 of them asking without a pause, of 32 clients", ours: "saturated",
			limit: against("point hs256 32"), goal: 0.9},
		{group: "saturation", title: "memory above what it had before, meanwhile", ours: "memory of saturation", goal: 512, atMost: true},
		{group: "allocations", title: "allocations per row and cell in the encoder", ours: "allocations", atMost: true},
		{group: "sqlite", title: "SQLite, rows/s of 10,000 rows, of the bare step loop", ours: "sqlite rows",
			limit: against("sqlite steps"), goal: 0.7},
		{group: "sqlite", title: "the same, of a loop that also reads the cells", ours: "sqlite rows", limit: against("sqlite cells"), goal: 0.8},
	}...)
	rows = append(rows, observersRows()...)
	rows = append(rows, storeRows()...)
	rows = append(rows, cacheRows()...)
	rows = append(rows, formatRows()...)
	for _, p := range peers() {
		for _, load := range peerLoads {
			rows = append(rows, row{group: p.group, title: load.slug + ", of " + p.name, ours: load.measure("hs256"),
				limit: against(load.measure(p.name)), goal: p.goals[load.slug]})
		}
		if !p.proxied {
			rows = append(rows, row{group: p.group, title: "processor time of a point, " + p.name + "'s process, of ours", goal: p.dearer,
				ours: spentOn(peerLoads[0].measure(p.name)).name, limit: against(spentOn(peerLoads[0].measure("hs256")).name)})
		}
	}
	return rows
}

// pointRows hold the rate and the cost of single rows.
func pointRows() (rows []row) {
	for _, algorithm := range []struct{ title, name string }{{"HS256", "hs256"}, {"EdDSA", "ed25519"}} {
		for _, clients := range pointClients {
			rows = append(rows, row{group: "point", title: fmt.Sprintf("point, %d clients, %s, of L", clients, algorithm.title), goal: 0.95,
				ours: fmt.Sprint("point ", algorithm.name, " ", clients), limit: pointLimit(clients)})
		}
	}
	return append(rows,
		row{group: "point", title: "processor time of a point, 32 clients: the server's, of respond's", ours: "server's time, point", goal: 1.6, atMost: true},
		row{group: "point", title: "the same: PostgreSQL's, of pgbench's", ours: "PostgreSQL's time, point", goal: 1.1, atMost: true},
		row{group: "point", title: "objects allocated by a point beyond those of respond", ours: "objects, point", goal: 15, atMost: true},
		row{group: "claims", title: "PostgreSQL's processor time of a point with claims, of pgbench's", ours: "PostgreSQL's time, claimed"})
}

var pointClients = []int{8, 32, 128}

func pointLimit(clients int) *limit {
	return oneAfterOther(fmt.Sprint("respond ", clients), fmt.Sprint("pgbench point ", clients))
}

// peerSubject is a peer in the table.
type peerSubject struct {
	group, name string
	goals       map[string]float64 // none for those that are there to be seen
	dearer      float64            // how much more processor time than ours a point is to take in its process, at least; 0 for no goal
	start       func(l *lab) func(context.Context) (*peer, error)
	proxied     bool // behind Caddy's reverse_proxy
	graphql     bool
	rest        bool // asked by the path and the query of a URL
}

func peers() []peerSubject {
	return []peerSubject{
		{group: "fastify", name: "Fastify", goals: map[string]float64{"point": 3, "page": 3, "big": 3}, dearer: 2.5,
			start: func(l *lab) func(context.Context) (*peer, error) { return l.fastify1 }},
		{group: "fastify", name: "Fastify x 2", goals: map[string]float64{"point": 6, "page": 6, "big": 7},
			start: func(l *lab) func(context.Context) (*peer, error) { return l.fastify2 }},
		{group: "proxy", name: "Caddy and Fastify", proxied: true,
			start: func(l *lab) func(context.Context) (*peer, error) { return l.fastify1 }},
		{group: "express", name: "Express", dearer: 6,
			start: func(l *lab) func(context.Context) (*peer, error) { return l.express1 }},
		{group: "express", name: "Express x 2",
			start: func(l *lab) func(context.Context) (*peer, error) { return l.express2 }},
		{group: "postgraphile", name: "PostGraphile", graphql: true, dearer: 8,
			start: func(l *lab) func(context.Context) (*peer, error) { return l.graphile }},
		{group: "prest", name: "pREST", rest: true, dearer: 2,
			start: func(l *lab) func(context.Context) (*peer, error) { return l.prest }},
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
	for _, m := range pointMeasures() {
		add(m)
	}
	for _, m := range append(observersMeasures(), storeMeasures()...) {
		add(m)
	}
	for _, p := range peers() {
		add(peerMeasure(p, peerLoads[0]))
		add(spentOn(peerLoads[0].measure(p.name)))
	}
	add(measure{name: "page hs256 8", unit: "/s", run: underLoad(ours((*lab).withHS256, "page"), 8)})
	add(pgbenchMeasure("page", 8))
	add(measure{name: "respond page 8", unit: "/s", run: underLoad(respondTarget("page"), 8)})
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
	for _, long := range []struct {
		name    string
		seconds int
	}{{"", 0}, {", 30 s", 30}} {
		add(measure{name: "p99 point" + long.name, unit: "ms", run: halfTheMaximum(ours((*lab).withHS256, "point"), long.seconds)})
		add(measure{name: "p99 respond" + long.name, unit: "ms", run: halfTheMaximum(respondTarget("point"), long.seconds)})
	}
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

// pointMeasures are those of single rows, and of what else single rows are held against.
func pointMeasures() (list []measure) {
	for _, clients := range pointClients {
		list = append(list, measure{name: fmt.Sprint("respond ", clients), unit: "/s", run: underLoad(respondTarget("point"), clients)})
		if clients <= 32 {
			list = append(list, cacheMeasure(clients))
		}
		list = append(list, measure{name: fmt.Sprint("point hs256 ", clients), unit: "/s", run: underLoad(ours((*lab).withHS256, "point"), clients)})
		if clients == 32 {
			list = append(list, spentOn("point hs256 32"))
			list = append(list, measure{name: "audited hs256 32", unit: "/s", run: underLoad(ours((*lab).withAudit, "point"), clients)})
			list = append(list, measure{name: "claimed hs256 32", unit: "/s", run: underLoad(ours((*lab).withHS256, "claimed"), clients)})
			list = append(list, pgbenchMeasure("claimed", clients))
		}
		list = append(list, pgbenchMeasure("point", clients))
		list = append(list, measure{name: fmt.Sprint("point ed25519 ", clients), unit: "/s", run: underLoad(ours((*lab).withEd25519, "point"), clients)})
	}
	list = append(list, measure{name: "server's time, point", unit: "x", pairs: serverWeighed("point")})
	list = append(list, measure{name: "PostgreSQL's time, point", unit: "x", pairs: databaseWeighed("point")})
	list = append(list, measure{name: "PostgreSQL's time, claimed", unit: "x", pairs: databaseWeighed("claimed")})
	list = append(list, measure{name: "objects, point", unit: "objects", run: objects("point")})
	return append(list, saturationMeasures()...)
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

// respondTarget is Caddy's static answer to an endpoint's requests, as long as the endpoint's.
func respondTarget(slug string) where {
	return func(ctx context.Context, l *lab) (target, int, error) {
		s, err := l.hs256(ctx)
		if err != nil {
			return target{}, 0, err
		}
		t := targetOf(slug, s.respond, s.token)
		if slug == "page" {
			t.port = s.respondPage
		}
		t.name += "-respond"
		return t, s.pid(), nil
	}
}

func pgbenchMeasure(slug string, clients int) measure {
	return measure{name: fmt.Sprintf("pgbench %s %d", slug, clients), unit: "/s",
		run: func(ctx context.Context, l *lab) (float64, error) { return l.pgbench(ctx, slug, clients) }}
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

// halfTheMaximum asks at half the rate that the point endpoint reaches, for so many seconds, or as long as other measures for 0.
func halfTheMaximum(at where, seconds int) func(context.Context, *lab) (float64, error) {
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
		return l.p99(ctx, t, l.maximum/2, cmp.Or(seconds, l.seconds))
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
		case p.rest:
			t.name, t.paths = slug+"-rest", restPaths(slug)
		}
		return t, service.pid(), nil
	}
}

// chosen reports whether a group is among these names, or there are none.
func chosen(names, group string) bool {
	return names == "" || slices.Contains(strings.Split(names, ","), group)
}

// choose returns the rows of these groups, all of them for an empty name. It fails with the groups that there are.
func choose(names string) (some []row, err error) {
	groups := make(map[string]bool)
	for _, r := range allRows() {
		groups[r.group] = true
		if chosen(names, r.group) {
			some = append(some, r)
		}
	}
	for name := range strings.SplitSeq(names, ",") {
		if names != "" && !groups[name] {
			return nil, fmt.Errorf("there is no row %q: choose of %s", name, strings.Join(slices.Sorted(maps.Keys(groups)), ", "))
		}
	}
	return some, nil
}
