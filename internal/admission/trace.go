package admission

import (
	"context"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/tracing"
	"github.com/solucao42/caddy-data-api/source"
)

// tracedRun makes the spans of one run, and counts the rows that pass. A nil one, of a run that nobody traces, does nothing.
type tracedRun struct {
	source.Sink
	query  *tracing.Query
	span   tracing.Span
	rows   int
	failed error // of the sink
}

func (q *gatedQuery) trace(ctx context.Context, sink source.Sink) *tracedRun {
	if !tracing.Sampled(ctx) {
		return nil
	}
	return &tracedRun{Sink: sink, query: &q.spans}
}

// waited shows a wait for a place.
func (t *tracedRun) waited(ctx context.Context, from, to time.Time, err error) {
	if t != nil {
		tracing.Wait(ctx, from, to, timedOut(err))
	}
}

// begin begins the span of the query.
func (t *tracedRun) begin(ctx context.Context, at time.Time) context.Context {
	if t != nil {
		ctx, t.span = t.query.Begin(ctx, at)
	}
	return ctx
}

// end ends the span of the query. A failure of the sink that has no code is that of a reader who has gone: the query was
// cancelled for it.
func (t *tracedRun) end(err error) {
	if t == nil {
		return
	}
	if err != nil && t.failed != nil && dataapi.AsError(t.failed).Code == dataapi.CodeInternal {
		err = context.Canceled
	}
	t.span.EndQuery(t.rows, err)
}

// Columns implements [source.Sink].
func (t *tracedRun) Columns(columns []source.Column) error {
	t.failed = t.Sink.Columns(columns)
	return t.failed
}

// Row implements [source.Sink].
func (t *tracedRun) Row(values []source.Value) error {
	t.rows++
	t.failed = t.Sink.Row(values)
	return t.failed
}
