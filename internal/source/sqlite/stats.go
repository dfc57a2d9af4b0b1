package sqlite

import (
	"errors"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

var _ source.Reporter = (*Source)(nil)

// away remembers that the file could not be opened.
type away struct {
	since time.Time // when that began; zero: it was opened last
	last  error
	at    time.Time // of last
}

// Stats implements [source.Reporter].
func (s *Source) Stats() source.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return source.Stats{
		InUse: len(s.slots), Idle: len(s.idle), Limit: cap(s.slots),
		UnavailableSince: s.away.since, LastFailure: s.away.last, LastFailureAt: s.away.at,
	}
}

// noteFailure remembers that the file could not be opened. Other errors are the caller's, or those of an end.
func (s *Source) noteFailure(err error) {
	if source.Code(err) != unavailable || s.closed.Load() {
		return
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away.since.IsZero() {
		s.away.since = now
	}
	s.away.last, s.away.at = errors.Unwrap(err), now
}

// unavailable is the code of [source.Unavailable].
var unavailable = source.Code(source.Unavailable(errClosed))

// noteSuccess remembers that the file was opened.
func (s *Source) noteSuccess() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away.since = time.Time{}
}
