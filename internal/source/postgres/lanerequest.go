package postgres

import (
	"encoding/binary"
	"fmt"
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
	result []byte // the rows' values: each as 4 bytes of length, all ones for NULL, and its bytes
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

const laneNull = ^uint32(0)

// keep copies a row, as long as somebody waits for it and the result is not too large.
func (r *laneRequest) keep(values [][]byte) {
	if r.err != nil || r.left.Load() {
		return
	}
	if len(values) != len(r.plan.codecs) {
		r.err = errLanePlan
		return
	}
	for _, value := range values {
		if len(r.result)+4+len(value) > laneResult {
			r.err = errLaneResult
			return
		}
		if value == nil {
			r.result = binary.BigEndian.AppendUint32(r.result, laneNull)
			continue
		}
		r.result = binary.BigEndian.AppendUint32(r.result, uint32(len(value)))
		r.result = append(r.result, value...)
	}
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
		size := 0
		for i := range reader.cells {
			var value []byte
			length := binary.BigEndian.Uint32(rest)
			rest = rest[4:]
			if length != laneNull {
				value, rest = rest[:length:length], rest[length:]
			}
			if err := reader.cells[i].read(value, &reader.values[i]); err != nil {
				return fmt.Errorf("column %q: %w", p.columns[i].Name, err)
			}
			if size += len(reader.values[i].Bytes); size > maxRow {
				return dataapi.Wrap(dataapi.CodeInternal, errRowTooLarge)
			}
		}
		if err := sink.Row(reader.values); err != nil {
			return err
		}
	}
	return nil
}
