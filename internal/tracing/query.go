package tracing

import (
	"cmp"
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// The attributes of OpenTelemetry's semantic conventions 1.44 for databases.
const (
	dbSystemName   = attribute.Key("db.system.name")
	dbQuerySummary = attribute.Key("db.query.summary")
	dbQueryText    = attribute.Key("db.query.text")
	dbReturnedRows = attribute.Key("db.response.returned_rows")
	dbStatusCode   = attribute.Key("db.response.status_code")
)

// otherSystem is the name of a database that says none.
const otherSystem = "other_sql"

// Query is what the spans of one statement have in common. There is one for each endpoint, and few of their calls are traced: so it
// holds no more than names. Its methods are for contexts that are [Sampled].
type Query struct {
	System string // of which kind the database is (OpenTelemetry's db.system.name); empty: some other
	Name   string // the endpoint's address; empty: it has none
}

// Begin begins the span of a run, which began at this time. The context is for what the source does.
func (q Query) Begin(ctx context.Context, at time.Time) (context.Context, Span) {
	system := cmp.Or(q.System, otherSystem)
	attributes := []attribute.KeyValue{dbSystemName.String(system)}
	if q.Name != "" {
		attributes = append(attributes, dbQuerySummary.String(q.Name))
	}
	ctx, span := tracerOf(ctx).Start(ctx, cmp.Or(q.Name, system),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(at), trace.WithAttributes(attributes...))
	if sql, ok := ctx.Value(sqlKey{}).(string); ok {
		span.SetAttributes(dbQueryText.String(sql))
	}
	return ctx, Span{span}
}

// EndQuery ends the span of a run that has returned so many rows, and has failed if err is not nil.
func (s Span) EndQuery(rows int, err error) {
	s.span.SetAttributes(dbReturnedRows.Int(rows))
	if state := dataapi.SQLState(err); state != "" {
		s.span.SetAttributes(dbStatusCode.String(state))
	}
	s.End(err)
}

// Wait makes the span of a wait for a place at a source, which is over. Its context must be [Sampled].
func Wait(ctx context.Context, from, to time.Time, err error) {
	_, span := tracerOf(ctx).Start(ctx, "data_api.wait", trace.WithTimestamp(from))
	Span{span}.endAt(to, err)
}

// Encode begins the span of writing a result in another form than it is kept in.
func Encode(ctx context.Context, format string) Span {
	if !Sampled(ctx) {
		return Span{}
	}
	_, span := tracerOf(ctx).Start(ctx, "data_api.encode", trace.WithAttributes(formatKey.String(format)))
	return Span{span}
}

type sqlKey struct{}

// WithSQL returns a context under which the span of a query shows its SQL, as its author has written it: with the names of
// parameters, never with values.
func WithSQL(ctx context.Context, sql string) context.Context {
	if !Sampled(ctx) {
		return ctx
	}
	return context.WithValue(ctx, sqlKey{}, sql)
}
