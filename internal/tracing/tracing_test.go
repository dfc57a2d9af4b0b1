package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	spanID  = "b7ad6b7169203331"
)

func TestTraceparent(t *testing.T) {
	for _, test := range []struct{ text, id string }{
		{"00-" + traceID + "-" + spanID + "-01", traceID}, {"00-" + traceID + "-" + spanID + "-03", traceID},
		{"00-" + traceID + "-" + spanID + "-00", ""},
	} {
		span := parse(test.text)
		if !span.IsValid() || IDOf(test.text) != test.id {
			t.Errorf("%s: %+v", test.text, span)
		}
		again := Traceparent(trace.ContextWithSpanContext(t.Context(), span))
		if IDOf(again) != test.id || again[:52] != test.text[:52] {
			t.Errorf("%s is written as %s", test.text, again)
		}
	}
	for _, wrong := range []string{
		"", "-", "00", "00---", "01-" + traceID + "-" + spanID + "-01", "00-" + strings.Repeat("0", 32) + "-" + spanID + "-01",
		"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01", "00-" + traceID + "-" + spanID, "00-" + traceID + "x-" + spanID + "-01", "00-x-y-01",
	} {
		if span := parse(wrong); span.IsValid() || IDOf(wrong) != "" {
			t.Errorf("%q is read as %+v", wrong, span)
		}
	}
	if got := Traceparent(t.Context()); got != "" {
		t.Errorf("no span is written as %s", got)
	}
}

// TestNothingIsAllocatedUntraced: a request that nobody traces, or that was not sampled, pays nothing.
func TestNothingIsAllocatedUntraced(t *testing.T) {
	unsampled := parse("00-" + traceID + "-" + spanID + "-00")
	failure, call := errors.New("failed"), &observe.Call{Outcome: observe.Success, Company: "acme"}
	var provider *Provider
	for what, ctx := range map[string]context.Context{
		"without a span": t.Context(), "not sampled": trace.ContextWithRemoteSpanContext(t.Context(), unsampled),
	} {
		allocations := testing.AllocsPerRun(100, func() {
			if Sampled(ctx) || ID(ctx) != "" || WithSQL(ctx, "SELECT 1") != ctx {
				t.Error("a span")
			}
			Encode(ctx, "CSV").End(failure)
			Observer{}.Observe(ctx, call)
			provider.Learn(ctx)
			_, span := provider.BeginJob(ctx, JobRun{})
			span.EndJob(1, failure)
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations", what, allocations)
		}
	}
}

func recorded(t *testing.T) (*tracetest.SpanRecorder, context.Context, func()) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))
	ctx, span := provider.Tracer("test").Start(t.Context(), "request")
	return recorder, ctx, func() { span.End() }
}

type stated struct{ error }

func (stated) SQLState() string { return "22P02" }

// TestFailures: of an error a span shows its code, and the SQLSTATE, and not a word of its text.
func TestFailures(t *testing.T) {
	recorder, ctx, _ := recorded(t)
	query := Query{Name: "acme/default/sales"}
	secret := stated{errors.New(`invalid input syntax for type integer: "secret"`)}
	for err, want := range map[error]string{
		dataapi.Wrap(dataapi.CodeValueRefused, secret):                   "VALUE_REFUSED",
		fmt.Errorf("running: %w", context.Canceled):                      Cancelled,
		errors.New("secret"):                                             "INTERNAL_ERROR",
		dataapi.Errorf(dataapi.CodeOverloaded, "%s waits", "a secret"):   "OVERLOADED",
		dataapi.Wrap(dataapi.CodeExecutionTimeout, errors.New("secret")): "EXECUTION_TIMEOUT",
	} {
		_, span := query.Begin(ctx, time.Now())
		span.EndQuery(3, err)
		ended := recorder.Ended()
		got := ended[len(ended)-1]
		text := fmt.Sprint(got.Attributes(), got.Status(), got.Events())
		if strings.Contains(text, "secret") || got.Status().Description != want || !strings.Contains(text, want) ||
			strings.Contains(text, "22P02") != (want == "VALUE_REFUSED") || len(got.Events()) > 0 {
			t.Errorf("%v is shown as %s", err, text)
		}
		if !strings.Contains(text, otherSystem) {
			t.Errorf("a database that says no name: %s", text)
		}
	}
}

// TestSpansAfterTheRequest: what a request has begun, such as the renewal of an entry of the cache, may go on after its span
// has ended.
func TestSpansAfterTheRequest(t *testing.T) {
	recorder, ctx, end := recorded(t)
	end()
	under, span := Query{System: "sqlite", Name: "acme/default/sales"}.Begin(WithSQL(ctx, "SELECT @p"), time.Now())
	span.EndQuery(1, nil)
	ended := recorder.Ended()
	if got := ended[len(ended)-1]; got.Parent().SpanID() != trace.SpanContextFromContext(ctx).SpanID() || ID(under) != ID(ctx) ||
		!strings.Contains(fmt.Sprint(got.Attributes()), "SELECT @p") {
		t.Errorf("%+v", got)
	}
}

// TestTracingThatEnds: spans of jobs and callbacks go where the newest configuration says, or nowhere; the receiver of a
// callback is told of the job all the same.
func TestTracingThatEnds(t *testing.T) {
	recorder, ctx, _ := recorded(t)
	provider := new(Provider)
	kept := "00-" + traceID + "-" + spanID + "-01"
	callback := func() string {
		header := http.Header{}
		provider.BeginCallback(t.Context(), CallbackTry{Traceparent: kept, Host: "localhost", Port: "443"}, header).EndCallback(503, false)
		return header.Get("Traceparent")
	}
	if got := callback(); got != kept {
		t.Errorf("before anything is traced: %s", got)
	}
	provider.Learn(trace.ContextWithRemoteSpanContext(ctx, parse("00-"+traceID+"-"+spanID+"-00")))
	if len(recorder.Ended()) != 0 {
		t.Error("learnt from a request that is not sampled")
	}
	provider.Learn(ctx)
	if got := callback(); got == kept || IDOf(got) != traceID {
		t.Errorf("traced: %s", got)
	}
	if ended := recorder.Ended(); len(ended) != 1 || ended[0].Status().Description != "503" || ended[0].Parent().TraceID().String() != traceID {
		t.Errorf("the callback's spans: %+v", ended)
	}
	run, span := provider.BeginJob(t.Context(), JobRun{JobID: "j", Traceparent: kept})
	span.EndJob(2, nil)
	if ended := recorder.Ended(); ID(run) == "" || ID(run) == traceID || len(ended) != 2 || len(ended[1].Links()) != 1 || ended[1].Parent().IsValid() {
		t.Errorf("the job's span: %+v", ended)
	}
	provider.Set(context.Background())
	if got := callback(); got != kept || len(recorder.Ended()) != 2 {
		t.Errorf("after tracing has ended: %s", got)
	}
}
