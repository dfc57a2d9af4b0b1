package postgres

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	pipelineSlow           = 25 * time.Millisecond      // that a statement may take when others wait behind it
	firstPipelineBackoff   = 500 * time.Millisecond     // for one that took longer once: the machine may be to blame
	maxPipelineBackoff     = time.Minute                // for one that is too slow again and again, or was ended or too large
	pipelineRunsPerSlowOne = 1000                       // quick runs that make up for a slow one
	pipelineMaxRecord      = 8 * pipelineRunsPerSlowOne // what is held against a statement at most
)

// pipelineBackoff keeps a query that is slow off pipelines for a while. It is safe for concurrent use. The zero value is a good one.
type pipelineBackoff struct {
	banned atomic.Int64 // until this Unix time in nanoseconds
	record atomic.Int64 // pipelineRunsPerSlowOne for each slow run, less the quick ones since
}

// active reports whether the query stays away from pipelines now.
func (s *pipelineBackoff) active(now time.Time) bool { return now.UnixNano() < s.banned.Load() }

// observe looks at a run that made those behind it wait so long. A slow query stays away from pipelines: briefly at first, since
// anything can be slow for once on a busy machine, and twice as long each time that it happens again before enough quick runs
// have made up for it. One that the server had to end, or whose result was too large, stays away for long at once.
func (s *pipelineBackoff) observe(took time.Duration, err error) {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	switch {
	case errors.Is(err, errPipelineResult), answered && answer.Code == queryCanceled:
		s.backOff(maxPipelineBackoff)
	case took > pipelineSlow && !s.active(time.Now()): // what stalls several pipelines at once counts once
		before := max(0, s.record.Load())
		s.record.Store(min(before+pipelineRunsPerSlowOne, pipelineMaxRecord)) // a quick run that is lost here is made again
		s.backOff(firstPipelineBackoff << (before / pipelineRunsPerSlowOne))
	case err == nil && s.record.Load() > 0:
		s.record.Add(-1)
	}
}

// backOff keeps the query off pipelines for this long, at most maxPipelineBackoff, unless it stays away for longer already.
func (s *pipelineBackoff) backOff(ban time.Duration) {
	until := time.Now().Add(min(ban, maxPipelineBackoff)).UnixNano()
	for before := s.banned.Load(); before < until && !s.banned.CompareAndSwap(before, until); {
		before = s.banned.Load()
	}
}
