package server

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/metrics"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// View shows the configuration's gauges. With company, those that are about companies name them.
func (s *Services) View(company bool) *metrics.View {
	expiries := &keyExpiries{services: s}
	return &metrics.View{
		Company: company, Catalog: s.server.catalogNames, Store: s.lookAtStore,
		Read: func() metrics.State {
			state := metrics.State{
				Endpoints: len(s.server.catalog.Current().Endpoints()), Faults: s.server.catalog.FaultCount(), CatalogRead: s.server.catalog.ReadAt(),
				CacheBytes: s.Cache.Bytes(), KeyExpiry: expiries.read(time.Now()), SigningSince: signingSince(s.TokenKeys),
				DeadCallbacks: s.dead.count(),
			}
			if standing := s.Standing(); standing != nil {
				state.Standing = &metrics.Standing{Servers: standing.Servers, Silence: standing.Silence, Signals: standing.Signals}
			}
			for _, name := range slices.Sorted(maps.Keys(s.server.settings.Sources)) {
				state.Sources = append(state.Sources, s.server.settings.Sources[name].gauges(name))
			}
			return state
		},
	}
}

func (s *Server) catalogNames() metrics.Catalog {
	snapshot := s.catalog.Current()
	names := metrics.Catalog{Companies: make(map[string]bool), Endpoints: make(map[dataapi.Address]bool)}
	for slug := range snapshot.Companies() {
		names.Companies[slug] = true
	}
	for _, endpoint := range snapshot.Endpoints() {
		names.Endpoints[endpoint.Address] = true
	}
	return names
}

func (s *Services) lookAtStore(ctx context.Context) (metrics.StoreState, error) {
	size, err := s.Store.Size(ctx)
	if err != nil {
		return metrics.StoreState{}, err
	}
	counts, err := s.engine.Counts(ctx)
	if err != nil {
		return metrics.StoreState{}, err
	}
	due, err := s.Store.DeliveriesDue(ctx, time.Now())
	if err != nil {
		return metrics.StoreState{}, err
	}
	state := metrics.StoreState{
		Size: size, JobsWaiting: counts.Waiting, JobsRunning: counts.Running, OldestJob: counts.Oldest, CallbacksDue: due,
	}
	return state, s.Store.Ping(ctx)
}

// gauges are the figures of a source.
func (s *Source) gauges(name string) metrics.SourceState {
	state := metrics.SourceState{Name: name, Up: s.health().Up, Waiting: s.admitted.Waiting()}
	if s.reporter != nil {
		stats := s.reporter.Stats()
		state.Counted, state.InUse, state.Idle, state.Limit = true, stats.InUse, stats.Idle, stats.Limit
	}
	return state
}

// signingSince is since when the present key signs; zero: it is the configuration's secret.
func signingSince(ring *token.KeyRing) time.Time {
	for _, key := range ring.List() {
		if key.State == token.KeySigning {
			return key.SignsFrom
		}
	}
	return time.Time{}
}

// keyExpiries remembers when the keys of companies expire: to find that out, all keys are looked at.
type keyExpiries struct {
	services *Services

	mu      sync.Mutex
	changed <-chan struct{} // closed when known is not true any more
	known   map[string]time.Time
	first   time.Time // of known; zero: it is empty
}

func (e *keyExpiries) read(now time.Time) map[string]time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.changed: // a nil channel never is
	default:
		if e.changed != nil && (e.first.IsZero() || now.Before(e.first)) {
			return e.known
		}
	}
	e.changed = e.services.Keys.Changed()
	e.known = e.services.Keys.NextExpiries(now)
	e.first = time.Time{}
	for _, at := range e.known {
		if e.first.IsZero() || at.Before(e.first) {
			e.first = at
		}
	}
	return e.known
}
