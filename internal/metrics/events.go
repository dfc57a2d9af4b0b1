package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/solucao42/caddy-data-api/internal/observe"
)

// events counts what happens beside calls. Every series is there from the start: an alert on what has never happened works.
type events struct {
	issued    prometheus.Counter
	refused   *prometheus.CounterVec
	throttled *prometheus.CounterVec
	callbacks *prometheus.CounterVec
	commit    histograms
	failed    prometheus.Counter
}

var commitBuckets = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5}

func newEvents() events {
	e := events{
		issued: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "tokens_issued_total", Help: "Pairs of tokens that were handed out, for API keys and for refresh tokens.",
		}),
		refused: counter("token_refusals_total",
			"API keys, refresh tokens and access tokens that were refused, by why; no_token are requests without one.", "reason"),
		throttled: counter("throttled_total", "Requests that were refused since they were too many, by the limit that they met.", "limit"),
		callbacks: counter("callback_attempts_total", "Attempts at the delivery of callbacks, by what has come of them.", "outcome"),
		commit:    newHistograms("store_commit_seconds", "How long the store took to put a group of writes on disk.", commitBuckets),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "store_commit_failures_total", Help: "Groups of writes that the store could not put on disk.",
		}),
	}
	e.commit.with()
	for _, reason := range observe.Refusals {
		e.refused.WithLabelValues(string(reason))
	}
	for _, limit := range observe.Limits {
		e.throttled.WithLabelValues(string(limit))
	}
	for _, outcome := range observe.CallbackOutcomes {
		e.callbacks.WithLabelValues(string(outcome))
	}
	return e
}

func (e *events) collectors() []prometheus.Collector {
	return []prometheus.Collector{e.issued, e.refused, e.throttled, e.callbacks, e.commit, e.failed}
}

// TokenIssued implements [observe.Meter].
func (m *Metrics) TokenIssued() { m.events.issued.Inc() }

// TokenRefused implements [observe.Meter].
func (m *Metrics) TokenRefused(reason observe.Refusal) {
	m.events.refused.WithLabelValues(string(reason)).Inc()
}

// Throttled implements [observe.Meter].
func (m *Metrics) Throttled(limit observe.Limit) {
	m.events.throttled.WithLabelValues(string(limit)).Inc()
}

// CallbackTried implements [observe.Meter].
func (m *Metrics) CallbackTried(outcome observe.CallbackOutcome) {
	m.events.callbacks.WithLabelValues(string(outcome)).Inc()
}

// StoreCommitted implements [observe.Meter].
func (m *Metrics) StoreCommitted(took time.Duration, err error) {
	m.events.commit.with().observe(took)
	if err != nil {
		m.events.failed.Inc()
	}
}
