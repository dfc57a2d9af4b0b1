package postgres

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/values"
	"github.com/solucao42/caddy-data-api/source"
)

// pipelineRequest is one run on a pipeline. It belongs to the run until it is lined up, then to the pipeline, and to the run again
// when done has something to receive. A run that leaves before that never touches it again.
type pipelineRequest struct {
	plan      *plan
	args      [][]byte
	backoff   *pipelineBackoff // of the query; nil when it runs nothing
	statement *pipelineStatement
	prepares  bool        // it runs nothing
	left      atomic.Bool // nobody waits for the answer
	done      chan struct{}

	result []byte // the contents of the rows' messages, each behind 4 bytes of length
	err    error
}

var pipelineRequests = sync.Pool{New: func() any { return &pipelineRequest{done: make(chan struct{}, 1)} }}

func newPipelineRequest(p *plan, args [][]byte, backoff *pipelineBackoff) *pipelineRequest {
	r := pipelineRequests.Get().(*pipelineRequest)
	r.plan, r.args, r.backoff = p, args, backoff
	return r
}

// recycle gives the request back. Nobody else may know it.
func (r *pipelineRequest) recycle() {
	r.plan, r.args, r.backoff, r.statement, r.prepares, r.err = nil, nil, nil, nil, false, nil
	r.result = r.result[:0]
	pipelineRequests.Put(r)
}

// observe holds against the query what its run has cost others. The pipeline does it, so that it is done for a caller who does not
// wait for the end, too.
func (r *pipelineRequest) observe(took time.Duration) {
	if r.backoff != nil {
		r.backoff.observe(took, r.err)
	}
}

// keep copies the content of a row's message, as long as somebody waits for it and the result is not too large.
func (r *pipelineRequest) keep(row []byte) {
	if r.err != nil || r.left.Load() {
		return
	}
	if len(r.result)+4+len(row) > pipelineResult {
		r.err = errPipelineResult
		return
	}
	r.result = binary.BigEndian.AppendUint32(r.result, uint32(len(row)))
	r.result = append(r.result, row...)
}

// push hands the columns and the rows to the sink, whose error it returns unchanged.
func (r *pipelineRequest) push(sink source.Sink) error {
	p := r.plan
	if err := sink.Columns(p.columns); err != nil {
		return err
	}
	into := p.readers.Get().(*values.Reader)
	defer p.release(into)
	for rest := r.result; len(rest) > 0; {
		length := binary.BigEndian.Uint32(rest)
		row := rest[4 : 4+length]
		rest = rest[4+length:]
		if err := into.ReadMessage(row); err != nil {
			return source.Failed(err)
		}
		if err := sink.Row(into.Values); err != nil {
			return err
		}
	}
	return nil
}

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
