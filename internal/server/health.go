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
	Ready bool `json:"-"` // the catalog is loaded, the store can be written, and at least one source answers

	Catalog CatalogHealth  `json:"catalog"`
	Store   PartHealth     `json:"store"`
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

// SourceHealth is that of a source.
type SourceHealth struct {
	Name string `json:"name"`
	PartHealth
	Since time.Time `json:"since,omitzero"` // when it went
}

const (
	// healthFresh is how long one answer of the store is good for: load balancers ask from many nodes.
	healthFresh = time.Second
	// healthPatience is how long whoever asks waits for the store.
	healthPatience = time.Second
)

// Health says what can be served. It opens the store unless it is open, asks the store at most once a second whether it can
// write, waits a second for it, and asks no source: [Services.Attach] looks after those.
func (s *Server) Health() Health {
	health := Health{
		Catalog: CatalogHealth{Endpoints: len(s.catalog.Current().Endpoints()), Faults: s.catalog.FaultCount()},
		Store:   PartHealth{Up: true},
	}
	_, err := s.writing.Ask(func(ctx context.Context) (struct{}, error) {
		opened, err := s.Open()
		if err == nil {
			err = opened.Store.Ping(ctx)
		}
		return struct{}{}, err
	})
	if err != nil {
		health.Store = PartHealth{Error: err.Error()}
	}
	anySource := false
	for _, name := range slices.Sorted(maps.Keys(s.settings.Sources)) {
		source := s.settings.Sources[name].health()
		source.Name = name
		anySource = anySource || source.Up
		health.Sources = append(health.Sources, source)
	}
	health.Ready = health.Store.Up && anySource && !s.catalog.ReadAt().IsZero()
	return health
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
