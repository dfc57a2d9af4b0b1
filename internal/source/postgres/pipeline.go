package postgres

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/source"
)

// PipelineTimeout is the longest time limit of a run that may share a connection: who allows a second knows it to be short.
const PipelineTimeout = time.Second

// MaxPipelines is the most pipelines that a source may have.
const MaxPipelines = 16

const (
	pipelineLimit     = 100 * time.Millisecond // the statement_timeout of a shared session, since others wait behind it
	pipelineStall     = 10 * time.Millisecond  // after which nobody else lines up behind a statement
	pipelineResult    = readBuffer             // bytes of a result on the wire that is kept for its reader
	pipelineRow       = 4 << 20                // bytes of a row that are read, if only to drop them; a larger one ends the connection
	pipelineArguments = 16 << 10               // bytes of one run's arguments
	pipelineLength    = 256                    // runs that may line up on one connection
	pipelineRetry     = time.Second            // after which a connection that could not be made is tried for again
	pipelineYield     = time.Minute            // for which a pipeline that gave way stays away
)

// A pipeline is a connection that many runs share at once: each sends its statement without waiting for the answers to those
// before it, which saves PostgreSQL and us most system calls. Between two of them is a Sync, so that the fault of one
// ends none but its own transaction, and no run reads a result but its own.
//
// A statement must be short and leave nothing behind: its time limit is [PipelineTimeout] at most; it needs neither claims
// nor a role; it was found not to act on its session. What proves to be slow, large, or in need of another plan runs
// again, on a connection of its own, where its fate is that of every run; it only reads, and nobody has seen anything of
// it yet. So does whatever was lined up when the connection is lost, but for what the server was at then: that may be what has
// ended the server.
//
// A run that its caller leaves cannot be cancelled inside the database, since a cancel request would meet whichever
// statement is on: it ends by itself, within 100 ms from its beginning.
type pipeline struct {
	source  *Source
	current atomic.Pointer[pipelineConn] // nil while there is none

	mu       sync.Mutex
	dialling bool
	again    bool      // the connection that is being made is out of date already
	retryAt  time.Time // earlier than that no connection is made
	closed   bool
	running  sync.WaitGroup // of dialling, and of the connection's goroutines
}

// pipelines spread runs over all pipelines of a source.
type pipelines struct {
	all  []*pipeline
	turn atomic.Uint32
}

func newPipelines(s *Source, count int) *pipelines {
	l := &pipelines{}
	for range count {
		l.all = append(l.all, &pipeline{source: s})
	}
	return l
}

func (l *pipelines) close() {
	for _, pipeline := range l.all {
		pipeline.close()
	}
}

// next returns the pipeline whose turn it is, or nil when that one is not ready.
func (l *pipelines) next() *pipelineConn {
	if len(l.all) == 0 {
		return nil
	}
	return l.all[int(l.turn.Add(1))%len(l.all)].ready()
}

// ready returns the connection, unless something on it takes its time. When there is none, one is made meanwhile.
func (l *pipeline) ready() *pipelineConn {
	c := l.current.Load()
	if c == nil || c.over() {
		l.dial()
		return nil
	}
	if time.Since(c.born) > maxLifetime {
		l.retire(c)
		return nil
	}
	switch stall := c.stall(); {
	case stall > cancelGrace: // the server is gone without a word
		c.end()
		l.source.doubt()
		return nil
	case stall > pipelineStall:
		return nil
	}
	return c
}

// retire ends a connection when everything on it has been answered, or given up. Nothing more is sent there.
func (l *pipeline) retire(c *pipelineConn) {
	if !l.current.CompareAndSwap(c, nil) {
		return
	}
	stop := context.AfterFunc(l.source.closing, c.end)
	time.AfterFunc(2*PipelineTimeout, func() {
		stop()
		c.end()
	})
}

// replace has the connection replaced by one that is made from now on. What is under way on it is answered.
func (l *pipeline) replace() {
	l.mu.Lock()
	c := l.current.Load()
	l.again = l.dialling
	l.mu.Unlock()
	if c != nil {
		l.retire(c)
		l.dial()
	}
}

// dial makes a connection in the background. A database that is down is not asked again at once: see health.
func (l *pipeline) dial() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.current.Load(); c != nil && !c.over() {
		return // somebody was quicker
	}
	if l.dialling || l.closed || l.source.health.recent() != nil || time.Now().Before(l.retryAt) {
		return
	}
	l.dialling = true
	l.running.Go(func() {
		c, err := l.source.openPipeline()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dialling = false
		again := l.again
		l.again = false
		if err != nil {
			l.retryAt = time.Now().Add(pipelineRetry)
			return // and noted by health
		}
		if l.closed || again {
			c.end() // it is made anew when it is needed
			return
		}
		l.running.Go(c.write)
		l.running.Go(c.read)
		l.current.Store(c)
	})
}

// replace has the connections of all pipelines replaced. No run fails for it.
func (l *pipelines) replace() {
	for _, pipeline := range l.all {
		pipeline.replace()
	}
}

// end ends the connections of all pipelines. What was under way runs elsewhere, and new ones are made when they are needed.
func (l *pipelines) end() {
	for _, pipeline := range l.all {
		if c := pipeline.current.Load(); c != nil {
			c.end()
		}
	}
}

// yield ends the connections of all pipelines for a while, because the database grants none to anybody else. What was under way
// runs elsewhere.
func (l *pipelines) yield() {
	for _, pipeline := range l.all {
		pipeline.mu.Lock()
		pipeline.retryAt = time.Now().Add(pipelineYield)
		pipeline.mu.Unlock()
	}
	l.end()
}

// close ends the connection, and waits for its goroutines. What was under way fails.
func (l *pipeline) close() {
	l.mu.Lock()
	l.closed = true
	if c := l.current.Load(); c != nil {
		c.end()
	}
	l.mu.Unlock()
	l.running.Wait()
}

// openPipeline makes a connection as every other is made, and takes it out of the driver's hands.
func (s *Source) openPipeline() (*pipelineConn, error) {
	ctx, cancel := context.WithTimeout(s.closing, 2*s.target.Load().Connect.ConnectTimeout)
	defer cancel()
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	limit := strconv.FormatInt(pipelineLimit.Milliseconds(), 10)
	if _, err := c.pg.Exec(ctx, "SET statement_timeout = "+limit).ReadAll(); err != nil {
		c.close()
		return nil, err
	}
	raw, err := c.pg.Hijack()
	if err != nil {
		c.close()
		return nil, err
	}
	c.stopWatching()
	raw.Frontend.SetMaxBodyLen(pipelineRow)
	return newPipelineConn(raw, c.wire), nil
}

// Share implements [source.Shared]: it runs the query on a pipeline.
func (q *query) Share(ctx context.Context, call source.Call, sink source.Sink) (done bool, err error) {
	p := q.plan.Load()
	if p == nil || !q.shareable(ctx, p) || len(call.Args) != len(q.statement.Params) { // which Run reports
		return false, nil
	}
	c := q.source.pipelines.next()
	if c == nil {
		return false, nil
	}
	bound, err := q.bind(nil, call.Args)
	if err != nil || lengthOf(bound) > pipelineArguments {
		return false, nil // the other way reports it
	}
	r := newPipelineRequest(p, bound, &q.backoff)
	if !c.offer(r) {
		r.recycle()
		return false, nil
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		r.left.Store(true)
		return true, interrupted(ctx.Err())
	case <-c.ended:
		select {
		case <-r.done: // it may be what has ended the connection
		default:
			r.left.Store(true)
			return false, nil
		}
	}
	defer r.recycle()
	if r.err != nil {
		return q.judge(r.err, given(r.args))
	}
	return true, r.push(sink)
}

// shareable reports whether a run may share a connection with others.
func (q *query) shareable(ctx context.Context, p *plan) bool {
	deadline, limited := ctx.Deadline()
	if !limited || q.arrays || !q.source.runsAlone(p) || ctx.Err() != nil || q.source.closing.Err() != nil {
		return false
	}
	now := time.Now()
	return deadline.Sub(now) <= PipelineTimeout && !q.backoff.active(now)
}

// judge decides what becomes of a run that failed on a pipeline.
func (q *query) judge(err error, given bool) (done bool, _ error) {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case errors.Is(err, errPipelineLost):
		return true, source.Interrupted(err)
	case !ok, answer.Code == queryCanceled, outdated(err):
		return false, nil
	case passes(answer):
		return true, source.Interrupted(err)
	}
	return true, blame(answer, err, given)
}

func lengthOf(args [][]byte) int {
	length := 0
	for _, arg := range args {
		length += len(arg)
	}
	return length
}
