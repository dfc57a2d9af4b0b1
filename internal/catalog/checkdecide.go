package catalog

import (
	"cmp"
	"maps"
	"reflect"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/source"
)

// decide takes in what sources have said. Of an endpoint that was accepted before it keeps what callers were told at first.
func (g *ground) decide(verdicts map[*Endpoint]*verdict) {
	for endpoint, v := range verdicts {
		before := g.verdicts[endpoint]
		if before == nil || before.told == nil {
			g.verdicts[endpoint] = v
			continue
		}
		next := *v
		if v.kind == unanswered || v.kind == undecided { // what was said before holds, and the source is asked again
			next = *before
			next.reason, next.aside, next.doubted = v.reason, v.aside, true
		} else {
			next.told, next.failure = before.told, before.failure
		}
		g.verdicts[endpoint] = &next
	}
}

// decideFirst is decide for what is said before the sources have been waited for: what they have said since then holds.
func (g *ground) decideFirst(verdicts map[*Endpoint]*verdict) {
	for endpoint, v := range verdicts {
		if before := g.verdicts[endpoint]; v.aside && before != nil && before.kind != undecided {
			delete(verdicts, endpoint)
		}
	}
	g.decide(verdicts)
}

// inquired is an endpoint of which a source is to be asked.
type inquired struct {
	endpoint *Endpoint
	doubted  bool // a run has met something else than the source has said
}

// toAsk lists the endpoints of a company of which the source is to be asked: those that it has not accepted, those that
// are doubted, and files that are at fault and yet say enough to be asked about.
func (g *ground) toAsk(b *branch, current *state) (endpoints []inquired) {
	if g.verdicts == nil || b == nil {
		return nil
	}
	asked := make(map[*Endpoint]bool)
	ask := func(endpoint *Endpoint) {
		v := g.verdicts[endpoint]
		wanted := v == nil || !v.aside && time.Since(v.slow) > slowAgain && (v.kind != accepted || v.doubted)
		if wanted && !asked[endpoint] {
			asked[endpoint] = true
			endpoints = append(endpoints, inquired{endpoint, v != nil && v.doubted})
		}
	}
	for _, file := range sortedKeys(b.files) {
		if live := current.live.endpoints[file]; live != nil && live != b.files[file].endpoint && current.unchecked[live] {
			ask(live)
		}
		if read := b.files[file]; read.endpoint != nil && (read.sound || read.endpoint.Places.Askable) {
			ask(read.endpoint)
		}
	}
	return endpoints
}

// sameStatement reports whether a source that accepts one of the endpoints accepts the other.
func sameStatement(a, b *Endpoint) bool {
	return a.Source == b.Source && a.Statement.SQL == b.Statement.SQL &&
		reflect.DeepEqual(a.Statement.Params, b.Statement.Params) && maps.EqualFunc(a.Statement.Columns, b.Statement.Columns,
		func(one, other source.ColumnSpec) bool { return reflect.DeepEqual(one, other) })
}

// pending lists what waits for a source that cannot be asked.
func (g *ground) pending(s *state) Diagnostics {
	var list Diagnostics
	add := func(endpoint *Endpoint, effect string) {
		if s.down[endpoint.Source] == nil {
			return // nobody has tried
		}
		at := cmp.Or(endpoint.Places.Source, document.Place{Line: 1, Column: 1})
		list = append(list, Diagnostic{
			File: endpoint.File, Line: at.Line, Column: at.Column,
			Message: "source " + endpoint.Source + " cannot be asked about the statement, so it is unchecked", Effect: effect,
		})
	}
	for _, b := range g.branches {
		for file := range b.files {
			if s.waiting[file] != nil {
				add(b.files[file].endpoint, effectWaiting)
			}
		}
	}
	for endpoint := range s.unchecked {
		if s.live.endpoints[endpoint.File] == endpoint {
			add(endpoint, effectUnchecked)
		}
	}
	return list.Sorted()
}
