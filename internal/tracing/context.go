package tracing

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// scope is what makes our spans, as OpenTelemetry's instrumentation scope.
const scope = "github.com/solucao42/caddy-data-api"

// Sampled reports whether the span of a context is sampled, so that spans below it go somewhere. That it has ended does not
// matter.
func Sampled(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }

// ID returns the trace id of a context's span in 32 hexadecimal digits; "": it has none, or the span is not sampled, so that
// nobody would find the trace.
func ID(ctx context.Context) string { return idOf(trace.SpanContextFromContext(ctx)) }

func idOf(span trace.SpanContext) string {
	if !span.IsSampled() {
		return ""
	}
	return span.TraceID().String()
}

// Traceparent returns the context's span as the header of that name (W3C Trace Context, 3.2), to be kept with work that
// outlives the request; "": there is none. A span that is not sampled has one too.
func Traceparent(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return ""
	}
	return "00-" + span.TraceID().String() + "-" + span.SpanID().String() + "-" + span.TraceFlags().String()
}

// IDOf is [ID] of what [Traceparent] has returned.
func IDOf(traceparent string) string { return idOf(parse(traceparent)) }

// parse reads what Traceparent writes. Anything else gives a span that is not valid.
func parse(traceparent string) trace.SpanContext {
	parts := strings.Split(traceparent, "-")
	if len(parts) != 4 || parts[0] != "00" {
		return trace.SpanContext{}
	}
	traceID, err := trace.TraceIDFromHex(parts[1])
	if err != nil {
		return trace.SpanContext{}
	}
	spanID, err := trace.SpanIDFromHex(parts[2])
	if err != nil {
		return trace.SpanContext{}
	}
	var flags trace.TraceFlags
	if strings.HasSuffix(parts[3], "1") || strings.HasSuffix(parts[3], "3") {
		flags = trace.FlagsSampled
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: flags, Remote: true})
}

// tracerOf returns what makes spans below the context's.
func tracerOf(ctx context.Context) trace.Tracer {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(scope)
}
