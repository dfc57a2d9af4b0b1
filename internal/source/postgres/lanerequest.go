package postgres

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// laneRequest is one run on a lane. It belongs to the run until it is lined up, then to the lane, and to the run again
// when done has something to receive. A run that leaves before that never touches it again.
type laneRequest struct {
	plan      *plan
	args      [][]byte
	statement *laneStatement
	prepares  bool        // it runs nothing
	left      atomic.Bool // nobody waits for the answer
	done      chan struct{}

	slow   bool // it has made others wait
	rows   int
	result []byte // the rows' values, as they stand in its messages
	err    error
}

var laneRequests = sync.Pool{New: func() any { return &laneRequest{done: make(chan struct{}, 1)} }}

func newLaneRequest(p *plan, args [][]byte) *laneRequest {
	r := laneRequests.Get().(*laneRequest)
	r.plan, r.args = p, args
	return r
}

// recycle gives the request back. Nobody else may know it.
func (r *laneRequest) recycle() {
	r.plan, r.args, r.statement, r.prepares, r.slow, r.err = nil, nil, nil, false, false, nil
	r.rows, r.result = 0, r.result[:0]
	laneRequests.Put(r)
}

// keep copies a row's message, as long as somebody waits for it and the result is not too large.
func (r *laneRequest) keep(row []byte) {
	if r.err != nil || r.left.Load() {
		return
	}
	if len(row) < 2 || int(binary.BigEndian.Uint16(row)) != len(r.plan.codecs) {
		r.err = errLanePlan
		return
	}
	values := row[2:]
	if len(r.result)+len(values) > laneResult {
		r.err = errLaneResult
		return
	}
	r.result = append(r.result, values...)
	r.rows++
}

// push hands the columns and the rows to the sink, whose error it returns unchanged.
func (r *laneRequest) push(sink result.Sink) error {
	p := r.plan
	if err := sink.Columns(p.columns); err != nil {
		return err
	}
	reader := p.readers.Get().(*reader)
	defer p.release(reader)
	rest := r.result
	for range r.rows {
		var err error
		if rest, err = reader.readValues(p, rest); err != nil {
			return dataapi.Wrap(dataapi.CodeInternal, err)
		}
		if err := sink.Row(reader.values); err != nil {
			return err
		}
	}
	return nil
}
