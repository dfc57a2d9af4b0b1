package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

// sourceCounts counts what calls have met at their sources.
type sourceCounts struct {
	wait   histograms
	query  histograms
	errors *prometheus.CounterVec

	mu     sync.RWMutex
	series map[string]sourceSeries // by source
}

// sourceSeries are resolved once.
type sourceSeries struct{ wait, query *histogram }

var waitBuckets = []float64{0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2}

// failureClass is the word for the code with which a run ends that is not right at its source; "" for others.
func failureClass(code string) string {
	for _, kind := range dataapi.SourceFailures {
		if string(kind.Code) == code {
			return kind.Class
		}
	}
	return ""
}

func newSourceCounts() *sourceCounts {
	return &sourceCounts{
		series: make(map[string]sourceSeries),
		wait: newHistograms("source_wait_seconds",
			"How long calls waited for a place at their source. Answers of the cache and jobs are not among them.", waitBuckets, "source"),
		query: newHistograms("source_query_seconds",
			"How long queries of calls took in their source, with what the reader of the rows has kept them waiting. Jobs are not among them.",
			durationBuckets, "source"),
		errors: counter("source_errors_total", "Calls and jobs that have failed at their source, by what was wrong.", "source", "class"),
	}
}

func (s *sourceCounts) collectors() []prometheus.Collector {
	return []prometheus.Collector{s.wait, s.query, s.errors}
}

func (s *sourceCounts) observe(call *observe.Call) {
	if call.Source == "" {
		return
	}
	if class := failureClass(call.Outcome); class != "" {
		s.errors.WithLabelValues(call.Source, class).Inc()
	}
	if call.Kind == observe.Request && call.Timing != (observe.Timing{}) {
		of := s.of(call.Source)
		of.wait.observe(call.Timing.Waited)
		of.query.observe(call.Timing.Queried)
	}
}

func (s *sourceCounts) of(name string) sourceSeries {
	s.mu.RLock()
	known, ok := s.series[name]
	s.mu.RUnlock()
	if ok {
		return known
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	made := sourceSeries{s.wait.with(name), s.query.with(name)}
	s.series[name] = made
	return made
}
