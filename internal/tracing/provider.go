package tracing

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Provider makes the spans of what no request waits for. It outlives configurations: each one that comes into force sets it.
// The zero value records nothing, nor does nil. It is safe for concurrent use.
type Provider struct {
	newest atomic.Pointer[trace.TracerProvider]
}

// Set makes the provider of a context's span the one that spans come from; a context without a span ends that.
func (p *Provider) Set(ctx context.Context) {
	if p == nil {
		return
	}
	provider := trace.SpanFromContext(ctx).TracerProvider()
	p.newest.Store(&provider)
}

// Learn is Set, if the context's span is sampled: where nothing was found when the configuration came into force, requests
// tell.
func (p *Provider) Learn(ctx context.Context) {
	if p != nil && Sampled(ctx) {
		p.Set(ctx)
	}
}

func (p *Provider) tracer() (trace.Tracer, bool) {
	if p == nil {
		return nil, false
	}
	provider := p.newest.Load()
	if provider == nil {
		return nil, false
	}
	return (*provider).Tracer(scope), true
}

// JobRun is one attempt of a job.
type JobRun struct {
	Endpoint, Company, JobID string
	Attempt                  int
	Traceparent              string // of the request that has asked for it; "": it was not traced
}

// BeginJob begins the span of an attempt: the root of a trace of its own, since the request may be long gone, with a link to
// the request.
func (p *Provider) BeginJob(ctx context.Context, run JobRun) (context.Context, Span) {
	tracer, ok := p.tracer()
	if !ok {
		return ctx, Span{}
	}
	options := []trace.SpanStartOption{
		trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(endpointKey.String(run.Endpoint), companyKey.String(run.Company), jobKey.String(run.JobID), attemptKey.Int(run.Attempt)),
	}
	if asked := parse(run.Traceparent); asked.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: asked}))
	}
	ctx, span := tracer.Start(ctx, "data_api.job", options...)
	return ctx, Span{span}
}

// EndJob ends the span of an attempt.
func (s Span) EndJob(rows int, err error) {
	if s.span != nil {
		s.span.SetAttributes(rowsKey.Int(rows))
	}
	s.End(err)
}

// CallbackTry is one try to announce the end of a job.
type CallbackTry struct {
	Endpoint, Company, JobID string
	Attempt                  int
	Traceparent              string // of the run that the job has ended with, or of the request that has asked for it
	Host, Port               string // that is called
}

// BeginCallback begins the span of a try, in the trace of the job, and tells the receiver of it with the header traceparent.
// Where nothing is recorded here, the header is the job's own.
func (p *Provider) BeginCallback(ctx context.Context, try CallbackTry, header http.Header) Span {
	traceparent := try.Traceparent
	tracer, ok := p.tracer()
	var span Span
	if ok {
		attributes := []attribute.KeyValue{
			endpointKey.String(try.Endpoint), companyKey.String(try.Company), jobKey.String(try.JobID), attemptKey.Int(try.Attempt),
			attribute.String("http.request.method", http.MethodPost), attribute.String("server.address", try.Host),
		}
		if port, err := strconv.Atoi(try.Port); err == nil {
			attributes = append(attributes, attribute.Int("server.port", port))
		}
		ctx = trace.ContextWithRemoteSpanContext(ctx, parse(traceparent))
		ctx, span.span = tracer.Start(ctx, "data_api.callback", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
		traceparent = cmp.Or(Traceparent(ctx), traceparent)
	}
	if traceparent != "" {
		header.Set("Traceparent", traceparent)
	}
	return span
}

// EndCallback ends the span of a try with the status of the answer; 0: there was none.
func (s Span) EndCallback(status int, timedOut bool) {
	if s.span == nil {
		return
	}
	if status > 0 {
		s.span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
	switch {
	case status >= 200 && status < 300:
	case status > 0:
		s.fail(strconv.Itoa(status))
	case timedOut:
		s.fail("timeout")
	default:
		s.fail("_OTHER") // as OpenTelemetry calls what has no name of few values
	}
	s.span.End()
}
