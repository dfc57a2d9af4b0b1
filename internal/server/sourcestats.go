package server

import (
	"time"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/source"
)

// SourceStats are the figures of a source at one moment.
type SourceStats struct {
	source.Stats      // the zero value where the source does not say
	Reported     bool // it does say
	admission.Load
}

// Unavailable is since when the source cannot be reached; zero: it can, or nobody has tried.
func (s *SourceStats) Unavailable() time.Time {
	if s.Reported {
		return s.Stats.UnavailableSince
	}
	return s.Load.UnavailableSince
}

// Stats returns the figures of this moment. It neither blocks nor asks the database.
func (s *Source) Stats() SourceStats {
	stats := SourceStats{Load: s.admitted.Load()}
	if s.reporter != nil {
		stats.Reported, stats.Stats = true, s.reporter.Stats()
	}
	return stats
}

// describe adds the figures to a state that was just found.
func (s *Source) describe(state *admin.SourceState) {
	stats := s.Stats()
	state.Waiting, state.Failures = stats.Waiting, stats.Failures
	if stats.Reported {
		state.Connections = &admin.Connections{InUse: stats.InUse, Idle: stats.Idle, Limit: stats.Limit}
	}
	if last := stats.Last; !last.At.IsZero() {
		state.LastFailure = &admin.SourceFailure{At: last.At.UTC(), Class: last.Class}
	}
	if at := stats.LastFailureAt; stats.LastFailure != nil && !at.Before(stats.Last.At) {
		state.LastFailure = &admin.SourceFailure{At: at.UTC(), Class: "unavailable", Error: stats.LastFailure.Error()}
	}
	state.Since = s.enter(state.State, stats.Unavailable()).UTC()
}

// enter notes the state that the source was found in, and returns since when it is in that.
func (s *Source) enter(state string, unavailable time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != state {
		if s.since = time.Now(); s.state == "" {
			s.since = s.configured
		}
		s.state = state
	}
	if state != admin.SourceAnswers && !unavailable.IsZero() {
		s.since = unavailable
	}
	return s.since
}
