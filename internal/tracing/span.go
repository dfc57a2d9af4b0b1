package tracing

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

// Our own attributes, and one of OpenTelemetry's.
const (
	endpointKey = attribute.Key("data_api.endpoint") // COMPANY/NAMESPACE/SLUG
	companyKey  = attribute.Key("data_api.company")  // the caller's
	outcomeKey  = attribute.Key("data_api.outcome")
	rowsKey     = attribute.Key("data_api.rows")
	cacheKey    = attribute.Key("data_api.cache")
	formatKey   = attribute.Key("data_api.format")
	jobKey      = attribute.Key("data_api.job_id")
	attemptKey  = attribute.Key("data_api.attempt")
	errorType   = attribute.Key("error.type")
)

// Cancelled is the error.type of what was not waited for, or was ended by somebody.
const Cancelled = "CANCELLED"

// Span is one step. The zero value records nothing.
type Span struct{ span trace.Span }

// End ends the step, which has failed if err is not nil. Of the error nothing is shown but its code of package dataapi: its
// text may be a database's, and repeat a value.
func (s Span) End(err error) { s.endAt(time.Time{}, err) }

// endAt is End at this time; zero: now.
func (s Span) endAt(at time.Time, err error) {
	if s.span == nil {
		return
	}
	if outcome := outcomeOf(err); outcome != observe.Success {
		s.fail(outcome)
	}
	if at.IsZero() {
		s.span.End()
	} else {
		s.span.End(trace.WithTimestamp(at))
	}
}

func (s Span) fail(outcome string) {
	s.span.SetAttributes(errorType.String(outcome))
	s.span.SetStatus(codes.Error, outcome)
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return observe.Success
	case errors.Is(err, context.Canceled):
		return Cancelled
	}
	return string(dataapi.AsError(err).Code)
}

// Observer describes calls on the spans of their requests. It is stateless.
type Observer struct{}

var _ observe.Observer = Observer{}

// Observe implements [observe.Observer].
func (Observer) Observe(ctx context.Context, call *observe.Call) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	attributes := []attribute.KeyValue{outcomeKey.String(call.Outcome)}
	add := func(key attribute.Key, value string) {
		if value != "" {
			attributes = append(attributes, key.String(value))
		}
	}
	if call.Endpoint != (dataapi.Address{}) {
		add(endpointKey, call.Endpoint.String())
	}
	add(companyKey, call.Company)
	add(jobKey, call.JobID)
	add(cacheKey, string(call.Cache))
	if call.Ran {
		attributes = append(attributes, rowsKey.Int(call.Rows))
	}
	if call.Outcome != observe.Success {
		add(errorType, call.Outcome)
	}
	span.SetAttributes(attributes...)
}
