package pgstore

import (
	"math"
	"time"
)

// Leases, delays and retention are decided by the database's clock alone. What a caller means by an instant follows from
// the length of time between it and the caller's now:
//
//   - Claim and ClaimDeliveries are handed now and until. The length between them is the lease, and is stored with the job:
//     Extend begins another of this length.
//   - A job's end, and a delivery's, are told with the instant at which they came: retention is counted from there.
//   - Release and SettleDelivery name an instant and no now. They go by how far the caller's clock was from the database's
//     when it last claimed something, which is at most some seconds ago on a server that works.
//
// In an SQL statement now is `coalesce($n, data_api.now_ns())`, with a parameter of [Store.clock].

// nano is an instant as it is stored: nanoseconds since 1970, nil for the zero time. Instants outside of what fits are brought
// to the nearest that does, which keeps their order to all others.
func nano(at time.Time) *int64 {
	if at.IsZero() {
		return nil
	}
	ns := at.UnixNano()
	switch {
	case at.Before(time.Unix(0, 0)):
		ns = 0
	case at.After(time.Unix(0, math.MaxInt64)):
		ns = math.MaxInt64
	}
	return &ns
}

// instant reads what nano has written.
func instant(ns *int64) time.Time {
	if ns == nil {
		return time.Time{}
	}
	return time.Unix(0, *ns).UTC()
}

// clock is the parameter that stands for now in a statement: nil, the database's clock, but in tests.
func (s *Store) clock(now time.Time) *int64 {
	if s.options.callersClock {
		return nano(now)
	}
	return nil
}

// due is the pair of parameters for an instant that a caller reckons from now: the instant itself, in tests, or else how
// long after the database's now it is. In a statement it is `coalesce($n, data_api.now_ns() + $m)`.
func (s *Store) due(at, now time.Time) (exact *int64, after int64) {
	if s.options.callersClock {
		return nano(at), 0
	}
	return nil, int64(clamped(at.Sub(now)))
}

// dueLater is due of an instant whose caller does not say what now is.
func (s *Store) dueLater(at time.Time) (exact *int64, after int64) {
	now := time.Now()
	if seen := s.seen.Load(); seen != nil {
		now = seen.now.Add(time.Since(seen.at))
	}
	return s.due(at, now)
}

// reading is what a caller's clock showed, and when that was by the monotonic one of this process.
type reading struct{ now, at time.Time }

// learnClock remembers a caller's clock, which need not be that of this process: see claim.Steady.
func (s *Store) learnClock(now time.Time) { s.seen.Store(&reading{now, time.Now()}) }

// farthest keeps sums of instants and lengths within 64 bits.
const farthest = 100 * 365 * 24 * time.Hour

func clamped(d time.Duration) time.Duration { return min(max(d, -farthest), farthest) }
