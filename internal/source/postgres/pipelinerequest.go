package postgres

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

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
	into := p.readers.Get().(*reader)
	defer p.release(into)
	for rest := r.result; len(rest) > 0; {
		length := binary.BigEndian.Uint32(rest)
		row := rest[4 : 4+length]
		rest = rest[4+length:]
		if err := into.readMessage(p, row); err != nil {
			return source.Failed(err)
		}
		if err := sink.Row(into.values); err != nil {
			return err
		}
	}
	return nil
}
