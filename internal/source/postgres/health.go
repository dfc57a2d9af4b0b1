package postgres

import (
	"log/slog"
	"sync"
	"time"
)

const (
	firstBackoff = 50 * time.Millisecond
	maxBackoff   = 2 * time.Second
)

// health remembers a failure to connect for a moment, so that a database that is down is not asked again by every
// request, and its recovery is noticed within maxBackoff.
type health struct {
	mu      sync.Mutex
	failure error // nil while the database is well
	backoff time.Duration
	retryAt time.Time
}

// recent returns the last failure while it is too early to try again.
func (h *health) recent() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure != nil && time.Now().Before(h.retryAt) {
		return h.failure
	}
	return nil
}

// note records the outcome of an attempt, and logs when it differs from the one before.
func (h *health) note(err error, logger *slog.Logger) {
	h.mu.Lock()
	before := h.failure
	h.failure = err
	if err == nil {
		h.backoff = 0
	} else {
		h.backoff = min(max(2*h.backoff, firstBackoff), maxBackoff)
		h.retryAt = time.Now().Add(h.backoff)
	}
	h.mu.Unlock()

	switch {
	case err != nil && before != nil && refused(err) == refused(before):
	case err != nil && refused(err):
		logger.Error("the connection to the database is refused; waiting does not help", "error", err)
	case err != nil:
		logger.Error("the database is unavailable", "error", err)
	case before != nil:
		logger.Info("the database is available again")
	}
}
