package postgres

import (
	"log/slog"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

const (
	firstBackoff = 50 * time.Millisecond
	maxBackoff   = 2 * time.Second
)

// health remembers a failure to connect, so that a database that is down is not asked again by every request: one
// connection at a time tries, ever more seldom, and its recovery is noticed within maxBackoff.
type health struct {
	mu       sync.Mutex
	answered bool      // at least once
	failure  error     // nil while the database is well
	since    time.Time // when it failed first
	last     error     // the last failure, also when the database has answered since
	lastAt   time.Time
	probing  bool // somebody tries
	backoff  time.Duration
	retryAt  time.Time
}

// recent returns the last failure while it is too early to try again.
func (h *health) recent() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure != nil && (h.probing || time.Now().Before(h.retryAt)) {
		return h.failure
	}
	return nil
}

// ask reports whether to try to connect, by returning no error. Who tries notes the outcome.
func (h *health) ask() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil {
		return nil
	}
	if h.probing || time.Now().Before(h.retryAt) {
		return h.failure
	}
	h.probing = true
	return nil
}

// shorter reports whether the database has answered before, and has failed for less than this.
func (h *health) shorter(than time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answered && (h.failure == nil || time.Since(h.since) < than)
}

// note records the outcome of an attempt, and logs when it differs from the one before. It reports a recovery.
func (h *health) note(err error, logger *slog.Logger) (recovered bool) {
	before := h.record(err)
	switch {
	case err != nil && before != nil && refused(err) == refused(before):
	case err != nil && refused(err):
		logger.Error("the connection to the database is refused; waiting does not help", "error", err)
	case err != nil:
		logger.Error("the database is unavailable", "error", err)
	case before != nil:
		logger.Info("the database is available again")
		return true
	}
	return false
}

func (h *health) record(err error) (before error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before = h.failure
	h.failure = err
	now := time.Now()
	if err != nil {
		h.last, h.lastAt = err, now
	}
	switch {
	case err == nil:
		h.answered, h.probing, h.backoff = true, false, 0
	case before == nil:
		h.since, h.backoff = now, firstBackoff
		h.retryAt = h.since.Add(h.backoff)
	case h.probing: // and not one of those that began when the database was still well
		h.probing, h.backoff = false, min(2*h.backoff, maxBackoff)
		h.retryAt = now.Add(h.backoff)
	}
	return before
}

var _ source.Reporter = (*Source)(nil)

// Stats implements [source.Reporter].
func (s *Source) Stats() source.Stats {
	stats := source.Stats{
		InUse: max(0, len(s.slots)-s.size.heldBack()), Idle: int(s.pool.Stat().IdleResources()),
		Limit: cap(s.slots),
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
