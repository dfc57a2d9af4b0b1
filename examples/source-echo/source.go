package echo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

// database is the source. Its connections are places in a channel: there is no server to connect to.
type database struct {
	greeting string
	logger   *slog.Logger
	conns    chan struct{}   // holds one for each query at work; Go lets those who wait in as they came
	closing  context.Context // ends with Close
	close    context.CancelFunc
}

var (
	_ source.Source   = (*database)(nil)
	_ source.Bounded  = (*database)(nil)
	_ source.Pinger   = (*database)(nil)
	_ source.Reporter = (*database)(nil)
	_ source.Query    = (*query)(nil)
)

// maxWait is how long a query waits for a connection.
const maxWait = 2 * time.Second

var errClosed = errors.New("echo: the source is closed")

func open(greeting string, maxConns int, logger *slog.Logger) *database {
	closing, stop := context.WithCancel(context.Background())
	return &database{greeting: greeting, logger: logger, conns: make(chan struct{}, maxConns), closing: closing, close: stop}
}

// Capacity implements [source.Bounded].
func (db *database) Capacity() int { return cap(db.conns) }

// Stats implements [source.Reporter]. A database that can be away would say since when, and why.
func (db *database) Stats() source.Stats {
	return source.Stats{InUse: len(db.conns), Limit: cap(db.conns)}
}

// Ping implements [source.Pinger].
func (db *database) Ping(ctx context.Context) error {
	return db.use(ctx, func(context.Context) error { return nil })
}

// Close implements [source.Source]. It returns when every query has ended, and every connection is its own.
func (db *database) Close() error {
	db.close()
	for range cap(db.conns) {
		db.conns <- struct{}{}
	}
	db.logger.Info("the toy is put away")
	return nil
}

// use runs work with a connection. The context of work ends with the caller's, or when the source is closed.
func (db *database) use(ctx context.Context, work func(context.Context) error) error {
	if err := db.connect(ctx); err != nil {
		return err
	}
	defer func() { <-db.conns }() // deferred, because a sink may panic
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(db.closing, func() { cancel(errClosed) })()
	if err := ended(ctx); err != nil {
		return err
	}
	return work(ctx)
}

// connect waits for a connection. Nothing has run yet, which is what Unavailable and Overloaded say.
func (db *database) connect(ctx context.Context) error {
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case db.conns <- struct{}{}:
		if db.closing.Err() == nil {
			return nil
		}
		<-db.conns
		return source.Unavailable(errClosed)
	case <-db.closing.Done():
		return source.Unavailable(errClosed)
	case <-ctx.Done():
		return ended(ctx)
	case <-timer.C:
		return source.Overloaded(fmt.Errorf("echo: all %d connections stayed busy for %s", cap(db.conns), maxWait))
	}
}

// ended translates the end of a context into the errors that source.Query documents. It returns nil for one that goes on.
func ended(ctx context.Context) error {
	switch {
	case ctx.Err() == nil:
		return nil
	case errors.Is(context.Cause(ctx), errClosed):
		return source.Interrupted(errClosed)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return source.TimedOut(ctx.Err())
	default:
		return context.Canceled
	}
}

// query is a statement whose functions know which argument each of them takes.
type query struct {
	db      *database
	cells   []cell // one for each column
	columns []source.Column
	maxRows int
}

// Compile implements [source.Source].
func (db *database) Compile(statement source.Statement) (source.Query, error) {
	parsed, fault := parse(statement.SQL)
	if fault != nil {
		return nil, fault
	}
	made := &query{db: db, maxRows: statement.MaxRows}
	for _, column := range parsed {
		fault := func(format string, args ...any) error {
			return &source.StatementError{Offset: column.offset, Message: fmt.Sprintf(format, args...)}
		}
		at := slices.IndexFunc(statement.Params, func(param source.Param) bool { return param.Name == column.param })
		var param source.Param
		switch {
		case at >= 0:
			param = statement.Params[at]
		case column.param != "":
			return nil, fault("@%s is not declared", column.param)
		}
		function := functions[column.function]
		if !function.takes(param) {
			return nil, fault("%s cannot take @%s", column.function, param.Name)
		}
		described := source.Column{Name: column.name, Type: function.column}
		if described.Type == "" {
			described.Type = columnTypes[param.Type]
		}
		declared := statement.Columns[column.name] // by the endpoint: obeyed, or refused
		if declared.Type != "" && declared.Type != described.Type || declared.Scale != nil && described.Type != source.TypeDecimal {
			return nil, fault("column %s is %s and cannot be declared otherwise", column.name, described.Type)
		}
		if declared.Scale != nil {
			described.Digits = source.Digits{Fixed: true, Scale: *declared.Scale}
		}
		made.columns = append(made.columns, described)
		made.cells = append(made.cells, cell{function.value, at, declared.Scale})
	}
	return made, nil
}

// Check implements [source.Query]. A database that knows more than the statement's text is asked here.
func (q *query) Check(ctx context.Context) ([]source.Column, error) {
	err := q.db.use(ctx, func(context.Context) error { return nil })
	return q.columns, err
}

// UsesClaims implements [source.Query]: callers are all the same to this database.
func (*query) UsesClaims() bool { return false }

// Run implements [source.Query]. It keeps no rows: each goes to the sink before the next is made.
func (q *query) Run(ctx context.Context, call source.Call, sink source.Sink) error {
	return q.db.use(ctx, func(ctx context.Context) error {
		if err := sink.Columns(q.columns); err != nil {
			return err // of the sink: unchanged
		}
		values := make([]source.Value, len(q.cells))
		for row := 1; row <= q.maxRows+1; row++ { // one more than asked for, which tells that there are more
			for i, cell := range q.cells {
				var argument source.Argument
				if cell.argument >= 0 {
					argument = call.Args[cell.argument]
				}
				more, err := cell.value(execution{ctx, q.db, row}, argument, &values[i])
				if interrupted := ended(ctx); interrupted != nil {
					return interrupted
				}
				if err != nil || !more {
					return err
				}
				cell.round(&values[i])
			}
			if err := sink.Row(values); err != nil { // it may block, while its reader is slow
				return err
			}
		}
		return nil
	})
}
