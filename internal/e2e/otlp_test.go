package e2e

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver takes spans as OpenTelemetry's collector does, by OTLP over HTTP.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*otlp.Span
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := new(receiver)
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// environment makes a Caddy send its spans here.
func (r *receiver) environment() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + r.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=20",
		"OTEL_TRACES_SAMPLER=parentbased_always_on",
	}
}

// ServeHTTP keeps what is exported.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	var exported collector.ExportTraceServiceRequest
	content, err := io.ReadAll(body)
	if err == nil {
		err = proto.Unmarshal(content, &exported)
	}
	if err != nil || request.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range exported.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			r.spans = append(r.spans, scope.GetSpans()...)
		}
	}
}

// await waits for a span of which matches is true.
func (r *receiver) await(t *testing.T, what string, matches func(*otlp.Span) bool) *otlp.Span {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		for _, span := range r.all() {
			if matches(span) {
				return span
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no span of %s among:\n%s", what, r.list())
		}
	}
}

func (r *receiver) all() []*otlp.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*otlp.Span(nil), r.spans...)
}

// list writes everything that the spans say.
func (r *receiver) list() string {
	var text strings.Builder
	for _, span := range r.all() {
		fmt.Fprintf(&text, "%s\n", span)
	}
	return text.String()
}

// named finds the spans of a name below a parent; nil: any.
func named(name string, parent *otlp.Span) func(*otlp.Span) bool {
	return func(span *otlp.Span) bool {
		return span.GetName() == name && (parent == nil || isChild(span, parent))
	}
}

func isChild(span, parent *otlp.Span) bool {
	return string(span.GetTraceId()) == string(parent.GetTraceId()) && string(span.GetParentSpanId()) == string(parent.GetSpanId())
}

// attribute returns what a span says under a name, as text; "": nothing.
func attribute(span *otlp.Span, key string) string {
	for _, said := range span.GetAttributes() {
		if said.GetKey() != key {
			continue
		}
		switch value := said.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			return value.StringValue
		case *common.AnyValue_IntValue:
			return fmt.Sprint(value.IntValue)
		}
	}
	return ""
}

// traceparent is a span as the header names it.
func traceparent(span *otlp.Span) string {
	return "00-" + hex.EncodeToString(span.GetTraceId()) + "-" + hex.EncodeToString(span.GetSpanId()) + "-01"
}
