package execution

import (
	"slices"
	"strings"
	"sync"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
)

// maxOlder is how many revisions before the present one are kept of each endpoint.
const maxOlder = 5

// history remembers what has been live. It lives as long as the set of queries that it belongs to.
type history struct {
	mu    sync.Mutex
	live  map[dataapi.Address]*catalog.Endpoint
	older map[dataapi.Address][]*catalog.Endpoint
}

// follow takes in the endpoints of a new snapshot and returns the older revisions of each: those that were live and that
// their database had accepted, the latest first. An endpoint that goes, or is switched off, takes its older revisions with
// it for good, which is how an author withdraws them.
func (h *history) follow(endpoints []*catalog.Endpoint, accepted func(*catalog.Endpoint) bool) map[dataapi.Address][]*catalog.Endpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	live, older := make(map[dataapi.Address]*catalog.Endpoint), make(map[dataapi.Address][]*catalog.Endpoint)
	for _, endpoint := range endpoints {
		if !endpoint.Active {
			continue
		}
		live[endpoint.Address] = endpoint
		list := h.older[endpoint.Address]
		if before := h.live[endpoint.Address]; before != nil && before != endpoint && accepted(before) {
			list = append([]*catalog.Endpoint{before}, list...)
		}
		if len(list) == 0 {
			continue
		}
		seen := map[string]bool{endpoint.Revision: true}
		list = slices.DeleteFunc(slices.Clone(list), func(e *catalog.Endpoint) bool {
			twice := seen[e.Revision]
			seen[e.Revision] = true
			return twice
		})
		if len(list) > 0 {
			older[endpoint.Address] = list[:min(len(list), maxOlder)]
		}
	}
	h.live, h.older = live, older
	return older
}

// FindRevision is Find for a caller who asks for a revision; empty: for the present one. An older one is had under the
// conditions of the present: its source, its shares, its rate, its being active. A caller whom a share or its user limits gets only a
// revision that can be limited so. The error of one that cannot be had is dataapi.CodeRevisionNotFound, and lists those
// that can.
func (p *Plan) FindRevision(caller identity.Principal, namespace, slug, revision string) (Call, error) {
	call, err := p.Find(caller.Company.Slug, namespace, slug)
	if err != nil || revision == "" {
		return call, err
	}
	if revision == call.Endpoint.Revision {
		call.pinned = true
		return call, nil
	}
	var had []string
	for _, endpoint := range p.older[call.Endpoint.Address] {
		older, ok := p.olderCall(caller, call, endpoint)
		switch {
		case ok && endpoint.Revision == revision:
			return older, nil
		case ok:
			had = append(had, endpoint.Revision)
		}
	}
	kept := "no older one is kept"
	if len(had) > 0 {
		kept = "older ones are " + strings.Join(had, ", ")
	}
	return Call{}, dataapi.Errorf(dataapi.CodeRevisionNotFound, "There is no such revision. The present one is %s; %s.", call.Endpoint.Revision, kept)
}

// olderCall is a call of an older revision, when the caller may have it.
func (p *Plan) olderCall(caller identity.Principal, present Call, endpoint *catalog.Endpoint) (Call, bool) {
	query, ok := p.queries[endpoint]
	if !ok || endpoint.Source != present.Endpoint.Source {
		return Call{}, false // another source may show more: under another role, or without asking who calls
	}
	older := Call{Endpoint: endpoint, query: query, shared: present.shared, pinned: true}
	if endpoint.Company != caller.Company.Slug {
		// What was not shared then is not shared now: it may show what was taken out before.
		if older.before, ok = endpoint.Shares[caller.Company.Slug]; !ok {
			return Call{}, false
		}
	}
	for _, context := range present.contexts(caller) {
		for name := range context {
			if present.Endpoint.Contract.Has(name) && !sameParameter(present.Endpoint.Contract, endpoint.Contract, name) {
				return Call{}, false // nothing would limit it
			}
		}
	}
	return older, true
}

// sameParameter reports whether two contracts have a parameter of the same type under a name.
func sameParameter(a, b *params.Contract, name string) bool {
	find := func(contract *params.Contract) (params.Param, bool) {
		list := contract.Params()
		i := slices.IndexFunc(list, func(p params.Param) bool { return p.Name == name })
		if i < 0 {
			return params.Param{}, false
		}
		return list[i], true
	}
	one, inA := find(a)
	other, inB := find(b)
	return inA && inB && one.Type == other.Type && one.Array == other.Array
}
