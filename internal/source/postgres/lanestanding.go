package postgres

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	laneSlow     = 25 * time.Millisecond  // that a statement may take when others wait behind it
	laneFirstBan = 500 * time.Millisecond // for one that took longer once: the machine may be to blame
	laneBan      = time.Minute            // for one that is too slow again and again, or was ended or too large
	laneForgiven = 1000                   // quick runs that make up for a slow one
	laneRecord   = 8 * laneForgiven       // what is held against a statement at most
)

// standing is how a query stands with lanes. It is safe for concurrent use. The zero value is a good one.
type standing struct {
	banned atomic.Int64 // until this Unix time in nanoseconds
	record atomic.Int64 // laneForgiven for each slow run, less the quick ones since
}

// away reports whether the query stays away from lanes now.
func (s *standing) away(now time.Time) bool { return now.UnixNano() < s.banned.Load() }

// judge looks at a run that made whoever stood behind it wait so long. A slow query stays away from lanes: briefly at first, since
// anything can be slow for once on a busy machine, and twice as long each time that it happens again before enough quick runs
// have made up for it. One that the server had to end, or whose result was too large, stays away for long at once.
func (s *standing) judge(took time.Duration, err error) {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	switch {
	case errors.Is(err, errLaneResult), answered && answer.Code == queryCanceled:
		s.stayAway(laneBan)
	case took > laneSlow && !s.away(time.Now()): // what stalls several lanes at once counts once
		before := max(0, s.record.Load())
		s.record.Store(min(before+laneForgiven, laneRecord)) // a quick run that is lost here is made again
		s.stayAway(laneFirstBan << (before / laneForgiven))
	case err == nil && s.record.Load() > 0:
		s.record.Add(-1)
	}
}

// stayAway keeps the query off lanes for this long, at most laneBan, unless it stays away for longer already.
func (s *standing) stayAway(ban time.Duration) {
	until := time.Now().Add(min(ban, laneBan)).UnixNano()
	for before := s.banned.Load(); before < until && !s.banned.CompareAndSwap(before, until); {
		before = s.banned.Load()
	}
}
