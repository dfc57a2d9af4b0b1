//go:build !race

package contract

import (
	"testing"

	"go.opentelemetry.io/otel/trace"
)

// TestRequestsThatAreNotTracedPayNothing: a request whose span is not sampled allocates no more than one without a span, but for
// the context that holds it. Not under the race detector, which has pools forget what they hold.
func TestRequestsThatAreNotTracedPayNothing(t *testing.T) {
	unsampled := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})
	// Whatever else runs in this process counts too: the least of several is the request's own.
	least := func(do func()) float64 {
		fewest := testing.AllocsPerRun(50, do)
		for range 5 {
			fewest = min(fewest, testing.AllocsPerRun(50, do))
		}
		return fewest
	}
	without, with := least(point(t, engines[0], trace.SpanContext{})), least(point(t, engines[0], unsampled))
	const held = 2 // the context, and the span in it
	if with > without+held {
		t.Errorf("%v allocations, and %v with a span that is not sampled", without, with)
	}
	t.Logf("%v allocations, and %v with a span that is not sampled", without, with)
}
