package caddymodule_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// TestMetricsArePushed: where Caddy pushes its metrics by OTLP, ours go with them.
func TestMetricsArePushed(t *testing.T) {
	var mu sync.Mutex
	points := make(map[string]int) // by metric
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var pushed collector.ExportMetricsServiceRequest
		if err != nil || proto.Unmarshal(body, &pushed) != nil {
			t.Errorf("%s of %d bytes: %v", r.URL, len(body), err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range pushed.GetResourceMetrics() {
			for _, scope := range resource.GetScopeMetrics() {
				for _, metric := range scope.GetMetrics() {
					points[metric.GetName()] = len(metric.GetSum().GetDataPoints()) + len(metric.GetGauge().GetDataPoints()) +
						len(metric.GetHistogram().GetDataPoints()) + len(metric.GetExponentialHistogram().GetDataPoints())
				}
			}
		}
	}))
	t.Cleanup(receiver.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "200")
	s := run(t)
	s.mustLoad(settings{name: "pushed", http: `"metrics": {"otlp": true}, `, catalog: catalogOf(t, map[string]string{"one": sayOne})})
	s.login()
	if status, answer, err := s.execute(s.clientHelper, "one"); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	eventually(t, "counters, gauges and histograms are pushed", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, name := range []string{"data_api_requests_total", "data_api_request_duration_seconds", "data_api_source_up", "data_api_tokens_issued_total"} {
			if points[name] == 0 {
				return false
			}
		}
		return true
	})
}
