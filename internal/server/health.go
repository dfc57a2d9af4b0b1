package server

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Health is what a configuration can serve at one moment.
type Health struct {
	// The catalog is loaded, at least one source answers, and the store can be written, or is one that servers share and was
	// heard of lately enough: then calls are answered that do not need it.
	Ready bool `json:"-"`

	Catalog CatalogHealth  `json:"catalog"`
	Store   StoreHealth    `json:"store"`
	Sources []SourceHealth `json:"sources"`
}

// CatalogHealth is what is served.
type CatalogHealth struct {
	Endpoints int `json:"endpoints"`
	Faults    int `json:"faults"`
}

// PartHealth says whether a part is well, and why not.
type PartHealth struct {
	Up    bool   `json:"up"`
	Error string `json:"error,omitempty"` // for operators
}

// StoreHealth is that of the store.
type StoreHealth struct {
	PartHealth
	Servers int  `json:"servers,omitempty"` // that share it and are alive
	Stale   bool `json:"stale,omitempty"`   // others' changes were not heard of for too long
}

// SourceHealth is that of a source.
type SourceHealth struct {
	Name string `json:"name"`
	PartHealth
	Since time.Time `json:"since,omitzero"` // when it went
}

const (
	// healthFresh is how long one answer of the store is good for: load balancers ask from many nodes.
	healthFresh = time.Second
	// healthPatience is how long a request waits for the store.
	healthPatience = time.Second
)

// Health says what can be served. It opens the store unless it is open, asks the store at most once a second whether it can
// write, waits a second for it, and asks no source: [Services.Attach] looks after those.
func (s *Server) Health() Health {
	health := Health{
		Catalog: CatalogHealth{Endpoints: len(s.catalog.Current().Endpoints()), Faults: s.catalog.FaultCount()},
		Store:   StoreHealth{PartHealth: PartHealth{Up: true}},
	}
	_, err := s.writing.Ask(func(ctx context.Context) (struct{}, error) {
		opened, err := s.Open()
		if err == nil {
			err = opened.Store.Ping(ctx)
		}
		return struct{}{}, err
	})
	if err != nil {
		health.Store.PartHealth = PartHealth{Error: err.Error()}
	}
	anySource := false
	for _, name := range slices.Sorted(maps.Keys(s.settings.Sources)) {
		source := s.settings.Sources[name].health()
		source.Name = name
		anySource = anySource || source.Up
		health.Sources = append(health.Sources, source)
	}
	health.Ready = s.storeServes(&health) && anySource && !s.catalog.ReadAt().IsZero()
	return health
}

// storeServes reports whether calls can be answered with the store as it is.
func (s *Server) storeServes(health *Health) bool {
	opened := s.opened.Load()
	if opened == nil {
		return health.Store.Up
	}
	standing := opened.Standing()
	if standing == nil {
		return health.Store.Up
	}
	health.Store.Servers, health.Store.Stale = standing.Servers, standing.Stale
	return !standing.Stale
}

// health is what is known of the source without asking it.
func (s *Source) health() SourceHealth {
	if s.reporter != nil {
		stats := s.reporter.Stats()
		if stats.UnavailableSince.IsZero() {
			return SourceHealth{PartHealth: PartHealth{Up: true}}
		}
		down := SourceHealth{Since: stats.UnavailableSince}
		if stats.LastFailure != nil {
			down.Error = stats.LastFailure.Error()
		}
		return down
	}
	if failure := s.silence.Load(); failure != nil {
		return SourceHealth{PartHealth: PartHealth{Error: failure.why}, Since: failure.since}
	}
	return SourceHealth{PartHealth: PartHealth{Up: true}}
}

// silence is why a source, which does not say so itself, did not answer when it was asked last.
type silence struct {
	why   string
	since time.Time
}

// note remembers whether the source has answered.
func (s *Source) note(err error) {
	if !silent(err) {
		s.silence.Store(nil)
		return
	}
	failure := &silence{why: err.Error(), since: time.Now()}
	if cause := errors.Unwrap(err); cause != nil {
		failure.why = cause.Error()
	}
	if before := s.silence.Load(); before != nil {
		failure.since = before.since
	}
	s.silence.Store(failure)
}
