package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// pipelineConn is a connection that runs share. One goroutine writes, another reads: the two halves of the driver's frontend
// do not touch each other.
type pipelineConn struct {
	raw  *pgconn.HijackedConn
	wire *wire // what its frontend reads through
	born time.Time

	offered chan *pipelineRequest // to the writer
	sent    chan *pipelineRequest // from the writer to the reader, in the order of the answers
	since   atomic.Int64          // when the reader began to wait for an answer, after born; 0 while nothing is awaited
	ended   chan struct{}
	end     func() // closes the connection; runs that wait for an answer run again elsewhere

	statements map[*plan]*pipelineStatement // prepared; the writer's
	named      int                          // the writer's
	flushed    time.Time                    // the writer's: when it wrote last
	socket     syscall.RawConn              // may be nil
}

// pipelineStatement is a statement that was prepared on a pipeline, or is about to be.
type pipelineStatement struct {
	name  string
	unfit atomic.Bool // it could not be prepared, or answers with something else than the plan expects
}

var (
	errPipelineResult = errors.New("the result is too large for a shared connection")
	errPipelinePlan   = errors.New("the plan does not fit")
	errPipelineLost   = errors.New("the connection was lost while the statement ran")
)

func newPipelineConn(raw *pgconn.HijackedConn, wire *wire) *pipelineConn {
	c := &pipelineConn{
		raw: raw, wire: wire, born: time.Now(), ended: make(chan struct{}), statements: make(map[*plan]*pipelineStatement),
		flushed: time.Now(), socket: socketOf(raw.Conn),
		offered: make(chan *pipelineRequest, pipelineLength), sent: make(chan *pipelineRequest, pipelineLength),
	}
	c.end = sync.OnceFunc(func() {
		close(c.ended)
		_ = raw.Conn.Close()
	})
	return c
}

func (c *pipelineConn) over() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// stall is how long the reader has been waiting for the end of an answer.
func (c *pipelineConn) stall() time.Duration {
	since := c.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(c.born) - time.Duration(since)
}

// offer lines a request up. It reports false when too many wait.
func (c *pipelineConn) offer(r *pipelineRequest) bool {
	select {
	case c.offered <- r:
		return true
	default:
		return false
	}
}

// write sends requests until the connection ends. What has come meanwhile leaves with the same system call.
func (c *pipelineConn) write() {
	defer c.end()
	for {
		select {
		case <-c.ended:
			return
		case r := <-c.offered:
			if !c.sound() || !c.send(r) {
				return
			}
		}
		runtime.Gosched() // runs that are about to line up may still do so
		for more := true; more; {
			select {
			case r := <-c.offered:
				if !c.send(r) {
					return
				}
			default:
				more = false
			}
		}
		_ = c.raw.Conn.SetWriteDeadline(time.Now().Add(cancelGrace)) // fails only when the connection is closed
		if err := c.raw.Frontend.Flush(); err != nil {
			return
		}
		c.flushed = time.Now()
	}
}

// sound reports whether a connection on which nothing is under way may still be used: see [conn.sound].
func (c *pipelineConn) sound() bool {
	return time.Since(c.flushed) < lookAfter || c.since.Load() != 0 || len(c.sent) > 0 || look(c.socket) == quiet
}

// send puts a request's messages into the buffer, with those that prepare its statement where that is needed. It reports
// false when the connection has ended.
func (c *pipelineConn) send(r *pipelineRequest) bool {
	if r.left.Load() {
		return true
	}
	statement := c.statements[r.plan]
	if statement == nil || statement.unfit.Load() {
		var ok bool
		if statement, ok = c.prepare(r.plan); !ok {
			return false
		}
	}
	r.statement = statement
	frontend := c.raw.Frontend
	frontend.SendBind(&pgproto3.Bind{PreparedStatement: statement.name, Parameters: r.args, ResultFormatCodes: r.plan.formats})
	frontend.SendExecute(&pgproto3.Execute{})
	frontend.SendSync(&pgproto3.Sync{})
	return c.await(r)
}

// prepare sends what prepares a plan's statement. Whether it could be prepared is known when its answer has been read,
// which is before that of any run.
func (c *pipelineConn) prepare(p *plan) (*pipelineStatement, bool) {
	frontend := c.raw.Frontend
	if len(c.statements) >= maxStatements { // as on every connection
		clear(c.statements)
		frontend.SendQuery(&pgproto3.Query{String: "DEALLOCATE ALL"})
		if !c.await(newPipelineRequest(p, nil, nil)) {
			return nil, false
		}
	}
	c.named++
	statement := &pipelineStatement{name: "pipeline" + strconv.Itoa(c.named)}
	c.statements[p] = statement
	frontend.SendParse(&pgproto3.Parse{Name: statement.name, Query: p.sql, ParameterOIDs: p.paramOIDs})
	frontend.SendDescribe(&pgproto3.Describe{ObjectType: 'S', Name: statement.name})
	frontend.SendSync(&pgproto3.Sync{})
	r := newPipelineRequest(p, nil, nil)
	r.statement, r.prepares = statement, true
	return statement, c.await(r)
}

func (c *pipelineConn) await(r *pipelineRequest) bool {
	select {
	case c.sent <- r:
		return true
	default:
	}
	// The reader can be this far behind only when it waits for what still lies in the buffer.
	if c.raw.Frontend.Flush() != nil {
		return false
	}
	select {
	case c.sent <- r:
		return true
	case <-c.ended:
		return false
	}
}

// read takes the answers and hands each to its request, until the connection ends. It never waits for a caller.
func (c *pipelineConn) read() {
	defer c.end()
	for {
		select {
		case <-c.ended:
			return
		case r := <-c.sent:
			since := time.Since(c.born)
			c.since.Store(int64(since))
			c.wire.heard = false
			err := c.receive(r)
			c.since.Store(0)
			if err != nil {
				c.lose(r, err, time.Since(c.born)-since)
				return
			}
			if r.err == nil && r.statement != nil && r.statement.unfit.Load() {
				r.err = errPipelinePlan
			}
			r.observe(time.Since(c.born) - since)
			r.done <- struct{}{}
		}
	}
}

// lose tells the run whose answer was awaited when the connection ended what it comes to. The others run again elsewhere,
// and so does this one if the server has not begun with it.
func (c *pipelineConn) lose(r *pipelineRequest, err error, took time.Duration) {
	switch {
	case tooLarge(err):
		r.err = errPipelineResult // it stays away
	case c.over(), r.backoff == nil, !c.mayHaveRun(r.err):
		return
	default:
		r.err = fmt.Errorf("%w: %w", errPipelineLost, cmp.Or(r.err, err))
	}
	r.observe(took)
	r.done <- struct{}{}
}

// mayHaveRun reports whether the server was at a statement when the connection was lost. Said is what the server said last.
func (c *pipelineConn) mayHaveRun(said error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](said)
	return !ok || !fatal(answer) || c.wire.heard
}

// receive reads one answer to its end. An error is one of the connection; that of a statement belongs to the request.
func (c *pipelineConn) receive(r *pipelineRequest) error {
	for {
		for row, ok := c.wire.row(); ok; row, ok = c.wire.row() {
			r.keep(row)
		}
		message, err := c.raw.Frontend.Receive()
		if err != nil {
			return err
		}
		switch message := message.(type) {
		case *pgproto3.DataRow: // one that is larger than the buffer
			r.err = cmp.Or(r.err, errPipelineResult)
		case *pgproto3.ErrorResponse:
			r.err = pgconn.ErrorResponseToPgError(message)
			if r.statement != nil && (r.prepares || outdated(r.err)) {
				r.statement.unfit.Store(true) // and is prepared anew
			}
		case *pgproto3.RowDescription:
			if !r.plan.fits(fieldsOf(message)) {
				r.statement.unfit.Store(true)
			}
		case *pgproto3.NoData:
			r.statement.unfit.Store(true)
		case *pgproto3.ParameterStatus:
			if slices.Contains(watched[:], message.Name) {
				return fmt.Errorf("a statement changed %s of a shared session", message.Name)
			}
		case *pgproto3.ReadyForQuery:
			if message.TxStatus != 'I' {
				return fmt.Errorf("a statement left a shared session in the state %c", message.TxStatus)
			}
			return nil
		case *pgproto3.CopyInResponse, *pgproto3.CopyOutResponse, *pgproto3.CopyBothResponse:
			return errors.New("a statement began a COPY on a shared session")
		}
	}
}

func fieldsOf(description *pgproto3.RowDescription) []pgconn.FieldDescription {
	fields := make([]pgconn.FieldDescription, len(description.Fields))
	for i, field := range description.Fields {
		fields[i] = pgconn.FieldDescription{
			Name: string(field.Name), TableOID: field.TableOID, TableAttributeNumber: field.TableAttributeNumber,
			DataTypeOID: field.DataTypeOID, DataTypeSize: field.DataTypeSize, TypeModifier: field.TypeModifier, Format: field.Format,
		}
	}
	return fields
}
