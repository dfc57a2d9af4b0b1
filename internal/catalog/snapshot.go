package catalog

import (
	"maps"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
)

// Snapshot is the catalog at one time. It is immutable and safe for concurrent use.
type Snapshot struct {
	companies map[string]*identity.Company
	endpoints []*Endpoint               // by address
	routes    map[dataapi.Address]route // by the caller's company, namespace and slug
	reached   map[string][]Reached      // by the caller's company, ordered by namespace and slug
}

// route is what a caller's company reaches under a namespace and slug.
type route struct {
	endpoint *Endpoint
	shared   params.ShareContext
}

// newSnapshot indexes companies and endpoints. Only what is active, of an active company, can be reached.
func newSnapshot(companies map[string]*identity.Company, endpoints []*Endpoint) *Snapshot {
	s := &Snapshot{
		companies: companies, endpoints: endpoints,
		routes: make(map[dataapi.Address]route, len(endpoints)),
	}
	slices.SortFunc(s.endpoints, func(a, b *Endpoint) int { return a.Address.Compare(b.Address) })
	reachable := make([]*Endpoint, 0, len(endpoints))
	for _, endpoint := range s.endpoints {
		if owner := companies[endpoint.Company]; endpoint.Active && owner != nil && owner.Active {
			reachable = append(reachable, endpoint)
			s.routes[endpoint.Address] = route{endpoint: endpoint}
		}
	}
	shared := make(map[dataapi.Address]int)
	for _, endpoint := range reachable {
		for company, context := range endpoint.Shares {
			if companies[company] == nil {
				continue
			}
			address := dataapi.Address{Company: company, Namespace: endpoint.Namespace, Slug: endpoint.Slug}
			if own, ok := s.routes[address]; ok && own.endpoint.Company == company {
				continue // a company's own endpoint goes first
			}
			shared[address]++
			s.routes[address] = route{endpoint, context}
		}
	}
	for address, count := range shared {
		if count > 1 { // a fault that loading reports; neither is right
			delete(s.routes, address)
		}
	}
	s.reached = make(map[string][]Reached)
	for address, found := range s.routes {
		s.reached[address.Company] = append(s.reached[address.Company], Reached{found.endpoint, found.shared})
	}
	for _, list := range s.reached {
		slices.SortFunc(list, func(a, b Reached) int { return a.Endpoint.ComparePath(b.Endpoint.Address) })
	}
	return s
}

// Reached is an endpoint that a company can call.
type Reached struct {
	Endpoint *Endpoint
	Shared   params.ShareContext // what its owner has limited the company to; nil for the owner itself
}

// Reached returns everything that [Snapshot.Find] finds for a company, ordered by namespace/slug. The slice must not be
// changed.
func (s *Snapshot) Reached(company string) []Reached { return s.reached[company] }

// Find returns what a company means by namespace and slug: its own active endpoint, else an active one of an active
// company that is shared with it, together with the share's context. The context is nil for the company's own endpoint.
// Unknown, inactive and foreign endpoints all give false. It does not allocate.
func (s *Snapshot) Find(company, namespace, slug string) (*Endpoint, params.ShareContext, bool) {
	found, ok := s.routes[dataapi.Address{Company: company, Namespace: namespace, Slug: slug}]
	return found.endpoint, found.shared, ok
}

// Endpoints returns every endpoint, inactive ones included, ordered by address. The slice is the caller's own.
func (s *Snapshot) Endpoints() []*Endpoint { return slices.Clone(s.endpoints) }

// Company returns a company, be it active or not.
func (s *Snapshot) Company(slug string) (*identity.Company, bool) {
	company, ok := s.companies[slug]
	return company, ok
}

// Companies returns every company by slug, inactive ones included. The map is the caller's own.
func (s *Snapshot) Companies() map[string]*identity.Company { return maps.Clone(s.companies) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
