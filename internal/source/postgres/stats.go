package postgres

import "github.com/solucao42/caddy-data-api/source"

var _ source.Reporter = (*Source)(nil)

// Stats implements [source.Reporter].
func (s *Source) Stats() source.Stats {
	stats := source.Stats{
		InUse: max(0, len(s.slots)-s.size.heldBack()), Idle: int(s.pool.Stat().IdleResources()),
		Shared: s.pipelines.open(), Limit: cap(s.slots),
	}
	s.health.report(&stats)
	return stats
}

// report adds what is known of the way to the database.
func (h *health) report(stats *source.Stats) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure != nil {
		stats.UnavailableSince = h.since
	}
	stats.LastFailure, stats.LastFailureAt = h.last, h.lastAt
}

// heldBack is how many slots are taken although nobody uses them.
func (s *size) heldBack() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.withheld
}

// open is how many pipelined connections there are.
func (l *pipelines) open() (count int) {
	for _, pipeline := range l.all {
		if c := pipeline.current.Load(); c != nil && !c.over() {
			count++
		}
	}
	return count
}
