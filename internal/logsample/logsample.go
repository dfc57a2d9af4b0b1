package logsample

import (
	"sync"
	"time"
)

const (
	// every is how long an event is not told again.
	every = 10 * time.Second

	// most is how many events are told apart. Others count as one.
	most = 64
)

// Sampler picks which occurrences of an event are told. It is safe for concurrent use, and its memory is bounded. The zero
// value is ready.
type Sampler struct {
	Now func() time.Time // the clock; default time.Now

	mu     sync.Mutex
	events map[string]*event
}

type event struct {
	told   time.Time
	untold int
}

// Take reports whether this occurrence of an event is to be told, and how many were not since the last one that was. The
// first is, then one in 10 s.
func (s *Sampler) Take(name string) (untold int, tell bool) {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	at := now()
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.event(name, at)
	if !seen.told.IsZero() && at.Sub(seen.told) < every {
		seen.untold++
		return 0, false
	}
	untold = seen.untold
	seen.told, seen.untold = at, 0
	return untold, true
}

// event finds what is known of an event. Where there is no room, the ones that are over make it.
func (s *Sampler) event(name string, at time.Time) *event {
	if known, ok := s.events[name]; ok {
		return known
	}
	if len(s.events) >= most {
		for other, seen := range s.events {
			if at.Sub(seen.told) >= every {
				delete(s.events, other)
			}
		}
	}
	if len(s.events) >= most && name != "" {
		return s.event("", at)
	}
	if s.events == nil {
		s.events = make(map[string]*event)
	}
	s.events[name] = &event{}
	return s.events[name]
}
