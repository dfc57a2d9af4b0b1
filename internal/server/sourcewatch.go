package server

import (
	"context"
	"time"
)

const (
	// watchSourcesEvery is how often it is looked whether a source has gone or come back. That costs it nothing.
	watchSourcesEvery = time.Second
	// askSilentEvery is how often a source that is down is asked, so that its return is noticed when no call tries it: a load
	// balancer sends none to a server that is not ready.
	askSilentEvery = 2 * time.Second
	// askWellEvery is how often one that is well is asked. Where nobody calls, its end would not be noticed.
	askWellEvery = 30 * time.Second
)

// watchSources follows, as long as ctx lives, whether sources can be reached, and tells of each change.
func (s *Server) watchSources(ctx context.Context) {
	ticker := time.NewTicker(watchSourcesEvery)
	defer ticker.Stop()
	watched := make(map[string]*watchedSource)
	for name, source := range s.settings.Sources {
		watched[name] = &watchedSource{source: source, up: true, asked: time.Now(), answered: make(chan struct{}, 1)}
		watched[name].answered <- struct{}{}
	}
	for {
		for name, source := range watched {
			if health, changed := source.look(ctx); changed && s.settings.SourceChanged != nil {
				health.Name = name
				s.settings.SourceChanged(health)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// watchedSource is what the watch knows of one.
type watchedSource struct {
	source   *Source
	up       bool
	asked    time.Time
	answered chan struct{} // holds a token unless it is being asked
}

// look looks at what is known of the source, and has it asked when it is time.
func (w *watchedSource) look(ctx context.Context) (health SourceHealth, changed bool) {
	health = w.source.health()
	changed = health.Up != w.up
	w.up = health.Up
	every := askWellEvery
	if !w.up {
		every = askSilentEvery
	}
	if time.Since(w.asked) < every {
		return health, changed
	}
	select {
	case <-w.answered:
		w.asked = time.Now()
		go func() {
			defer func() { w.answered <- struct{}{} }()
			_ = w.source.ask(ctx) // what comes of it is kept
		}()
	default:
	}
	return health, changed
}
