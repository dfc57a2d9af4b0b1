package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/statement"
	"github.com/solucao42/caddy-data-api/internal/source/postgres/values"
	"github.com/solucao42/caddy-data-api/source"
)

// query is a [source.Query].
type query struct {
	source    *Source
	statement source.Statement
	order     []int    // the index in Statement.Params of $1, $2, ...
	paramOIDs []uint32 // of $1, $2, ...
	plan      atomic.Pointer[plan]
}

// Compile implements [source.Source]. Parameters have the types that they are declared with: string is text, integer
// int8, decimal numeric, timestamp timestamptz, and the others are named alike; a statement that compares one with a
// column of another type casts it, as in status = @status::order_status.
func (s *Source) Compile(asked source.Statement) (source.Query, error) {
	if asked.MaxRows < 1 {
		return nil, fmt.Errorf("max_rows is %d: it must be at least 1", asked.MaxRows)
	}
	text, err := statement.Compile(asked.SQL, asked.Params)
	if err != nil {
		return nil, err
	}
	if _, err := statement.NamesIn(asked.SQL); err != nil { // they are listed again when the database is asked
		return nil, err
	}
	q := &query{source: s, statement: asked, order: text.Order}
	for _, index := range text.Order {
		param := asked.Params[index]
		oid, ok := paramOID(param)
		if !ok {
			return nil, fmt.Errorf("parameter %s has the type %q, which a PostgreSQL source does not know", param.Name, param.Type)
		}
		q.paramOIDs = append(q.paramOIDs, oid)
	}
	return q, nil
}

// text is the statement with the database's own parameters. It is made when it is needed: most endpoints of a large catalog are seldom
// asked for.
func (q *query) text() statement.Text {
	text, err := statement.Compile(q.statement.SQL, q.statement.Params)
	if err != nil {
		panic(err) // the same has succeeded before
	}
	return text
}

// Check implements [source.Query].
func (q *query) Check(ctx context.Context) ([]source.Column, error) {
	a := q.source.attempts(ctx)
	defer a.end()
	var columns []source.Column
	for c := a.next(); c != nil; c = a.next() {
		p, err := q.makePlan(a.running, c)
		_, many := source.VersionSince(ctx)
		if err == nil && (p.converts || !many) { // what only passes rows on, the database accepts
			_, err = c.prepare(a.running, p)
		}
		if err == nil {
			if columns = p.columns; !many { // else the first run makes it: most endpoints of a large catalog wait long for that
				q.plan.Store(p)
			}
		}
		a.done(false, stillPlanning(a.running, err))
	}
	return columns, a.err
}

// stillPlanning tells a database that had not come to an end when the time was over from one that is silent: it has answered
// the cancel request.
func stillPlanning(ctx context.Context, err error) error {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.Code == queryCanceled && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return source.TimedOut(errors.Join(source.ErrPlanning, ctx.Err()))
	}
	return err
}

// UsesClaims implements [source.Query].
func (q *query) UsesClaims() bool { return q.source.config.Claims }

// Run implements [source.Query].
func (q *query) Run(ctx context.Context, call source.Call, sink source.Sink) error {
	if len(call.Args) != len(q.statement.Params) {
		return fmt.Errorf("%d arguments for %d parameters", len(call.Args), len(q.statement.Params))
	}
	a := q.source.attempts(ctx)
	defer a.end() // deferred, because a sink may panic
	for c := a.next(); c != nil; c = a.next() {
		a.done(q.runOn(a.running, c, call, sink))
	}
	return a.err
}

// runOn runs the query on a connection. Delivered says that the sink got the columns.
func (q *query) runOn(ctx context.Context, c *conn, call source.Call, sink source.Sink) (delivered bool, err error) {
	if err := c.limit(ctx); err != nil {
		return false, err
	}
	bound, err := q.bind(c, call.Args)
	if err != nil {
		return false, err
	}
	c.given = given(bound)
	for try := 1; ; try++ {
		p, description, err := q.prepared(ctx, c)
		if fault, ok := errors.AsType[*source.StatementError](err); ok {
			return false, source.Failed(fault) // nobody is publishing now
		}
		if err != nil {
			return false, err
		}
		c.sent, c.wire.heard = true, false
		if q.source.runsAlone(p) {
			delivered, err = c.deliver(c.pg.ExecStatement(ctx, description, bound, nil, p.formats), p, sink)
		} else {
			delivered, err = c.runWithin(ctx, p, description, bound, call.Claims, sink)
		}
		if delivered || !outdated(err) || try == maxPlans {
			return delivered, err
		}
		if err := q.discard(ctx, c, p); err != nil {
			return false, err
		}
	}
}

// maxPlans is how many plans one run makes while the schema changes under it.
const maxPlans = 2

// prepared returns the query's plan, made if there is none or the schema has changed since, and its statement on c.
func (q *query) prepared(ctx context.Context, c *conn) (*plan, *pgconn.StatementDescription, error) {
	for try := 1; ; try++ {
		p := q.plan.Load()
		if p == nil {
			var err error
			if p, err = q.makePlan(ctx, c); err != nil {
				return nil, nil, err
			}
			q.plan.Store(p)
		}
		description, err := c.prepare(ctx, p)
		switch {
		case err == nil && c.fits(p, description):
			return p, description, nil
		case err != nil && (!outdated(err) || try > maxPlans):
			return nil, nil, err
		case try > maxPlans:
			return nil, nil, errSchemaChanges
		}
		if err := q.discard(ctx, c, p); err != nil {
			return nil, nil, err
		}
	}
}

// discard drops a plan that the schema has outlived, unless another run has replaced it already.
func (q *query) discard(ctx context.Context, c *conn, p *plan) error {
	q.plan.CompareAndSwap(p, nil)
	return c.forget(ctx, p.name)
}

// paramOID is the type that a parameter has in the database.
func paramOID(param source.Param) (oid uint32, ok bool) {
	types := map[source.ParamType][2]uint32{
		source.ParamString:    {pgtype.TextOID, pgtype.TextArrayOID},
		source.ParamInteger:   {pgtype.Int8OID, pgtype.Int8ArrayOID},
		source.ParamDecimal:   {pgtype.NumericOID, pgtype.NumericArrayOID},
		source.ParamBoolean:   {pgtype.BoolOID, pgtype.BoolArrayOID},
		source.ParamDate:      {pgtype.DateOID, pgtype.DateArrayOID},
		source.ParamTimestamp: {pgtype.TimestamptzOID, pgtype.TimestamptzArrayOID},
		source.ParamUUID:      {pgtype.UUIDOID, pgtype.UUIDArrayOID},
	}
	pair, ok := types[param.Type]
	if param.Array {
		return pair[1], ok
	}
	return pair[0], ok
}

// given reports whether the statement runs with a value of its caller.
func given(bound [][]byte) bool {
	return slices.ContainsFunc(bound, func(value []byte) bool { return value != nil })
}

// bind encodes the arguments in the text format, which PostgreSQL reads for every type. They are good until the next run on the connection.
func (q *query) bind(c *conn, args []source.Argument) ([][]byte, error) {
	if c.texts == nil || cap(c.texts) > readBuffer { // once, and after a huge one
		c.texts = make([]byte, 0, smallTexts)
	}
	c.texts, c.bound = c.texts[:0], slices.Grow(c.bound[:0], len(q.order))[:len(q.order)]
	bound := c.bound
	clear(bound)
	for i, index := range q.order {
		argument := &args[index]
		switch {
		case argument.Null:
		case !argument.Array:
			begin := len(c.texts)
			c.texts = append(c.texts, argument.Text...)
			bound[i] = c.texts[begin:len(c.texts):len(c.texts)] // of an empty text not nil, which is NULL
		default:
			items := make([]string, len(argument.Items))
			for j := range argument.Items {
				items[j] = argument.Items[j].Text
			}
			if c.types == nil {
				c.types = pgtype.NewMap()
			}
			var err error
			bound[i], err = c.types.Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, items, nil)
			if err != nil {
				return nil, fmt.Errorf("encoding parameter %s: %w", q.statement.Params[index].Name, err)
			}
		}
	}
	return bound, nil
}

// smallTexts is how much room a connection has for arguments at first, in bytes.
const smallTexts = 256

// runsAlone reports whether a statement needs nothing before or behind it.
func (s *Source) runsAlone(p *plan) bool {
	return !p.acts && s.settings == "" && !s.config.NoStatementCache
}

// deliver pushes the rows that the database answers with.
func (c *conn) deliver(rows *pgconn.ResultReader, p *plan, sink source.Sink) (delivered bool, err error) {
	more := rows.NextRow()
	if !more {
		if _, err := rows.Close(); err != nil {
			return false, err
		}
		return true, mark(sink.Columns(p.columns))
	}
	if err := c.push(rows, p, sink); err != nil {
		c.interrupt(err) // inside the database too: what is left would have to be read otherwise
		_, _ = rows.Close()
		return true, err
	}
	_, err = rows.Close()
	return true, err
}

// push hands the columns, the row that was read and all that follow to the sink. Nothing is allocated per row.
func (c *conn) push(rows *pgconn.ResultReader, p *plan, sink source.Sink) error {
	if err := mark(sink.Columns(p.columns)); err != nil {
		return err
	}
	r := p.readers.Get().(*values.Reader)
	defer p.release(r)
	for more := true; more; more = rows.NextRow() { // the driver's: the first row, huge ones, and the end
		if err := r.Read(rows.Values()); err != nil {
			return err
		}
		if err := mark(sink.Row(r.Values)); err != nil {
			return err
		}
		for row, ok := c.wire.row(); ok; row, ok = c.wire.row() {
			if err := r.ReadMessage(row); err != nil {
				return err
			}
			if err := mark(sink.Row(r.Values)); err != nil {
				return err
			}
		}
	}
	return nil
}

// release gives a reader back, without what it points to, and without buffers that one huge cell made grow.
func (p *plan) release(r *values.Reader) {
	clear(r.Values)
	for i := range r.Cells {
		if cap(r.Cells[i].Text)+cap(r.Cells[i].Element) > readBuffer {
			r.Cells[i].Text, r.Cells[i].Element = nil, nil
		}
	}
	p.readers.Put(r)
}

func mark(err error) error {
	if err == nil {
		return nil
	}
	return sinkError{err}
}
