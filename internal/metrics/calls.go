package metrics

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

const (
	// Retention is how long the series of a company or an endpoint stay that has left the catalog: a file that is moved, or
	// at fault for a while, does not make its counters begin again.
	Retention = time.Hour

	// pruneEvery is how often the series are compared with the catalog.
	pruneEvery = 10 * time.Minute
)

// durationBuckets are the classic buckets, in seconds: from an answer of the cache to the longest time limits.
var durationBuckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

// calls counts calls of endpoints, by who has called and what.
type calls struct {
	requests *prometheus.CounterVec
	duration histograms
	rows     *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	cached   map[observe.CacheStatus]prometheus.Counter
	cache    *prometheus.CounterVec

	withCompany atomic.Bool

	mu     sync.RWMutex
	series map[key]*series
	pruned time.Time
	now    func() time.Time
}

// key is what one group of series is about. Both come from the catalog: the company is one that has authenticated. The endpoint
// may be empty.
type key struct {
	company  string
	endpoint dataapi.Address
}

// series are resolved once, so that a call looks up one map.
type series struct {
	company, endpoint string
	success           prometheus.Counter
	duration          *histogram
	rows, bytes       prometheus.Counter
	missing           time.Time // since when the catalog lacks it; zero: it does not. Guarded by calls.mu
}

func newCalls(now func() time.Time) *calls {
	counted := &calls{now: now, series: make(map[key]*series), cached: make(map[observe.CacheStatus]prometheus.Counter)}
	counted.requests = counter("requests_total", "Calls of endpoints, by what has come of them: success, or the code of an error. "+
		"A job that was accepted is a success.", "company", "endpoint", "outcome")
	counted.duration = newHistograms("request_duration_seconds",
		"How long calls of endpoints took until the end of their answers, refused ones included and jobs not.", durationBuckets,
		"company", "endpoint")
	counted.rows = counter("rows_total", "Rows of results, those of jobs included.", "company", "endpoint")
	counted.bytes = counter("response_bytes_total", "Bytes of the bodies of answers to calls, before any compression.", "company", "endpoint")
	counted.cache = counter("cache_requests_total", "Calls of endpoints whose results are cached, by where the answer came from.", "status")
	for _, status := range []observe.CacheStatus{
		observe.CacheHit, observe.CacheStale, observe.CacheMiss, observe.CacheCollapsed, observe.CacheTooLarge,
	} {
		counted.cached[status] = counted.cache.WithLabelValues(string(status))
	}
	return counted
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
}

func (c *calls) collectors() []prometheus.Collector {
	return []prometheus.Collector{c.requests, c.duration, c.rows, c.bytes, c.cache}
}

// Observe implements [observe.Observer].
func (m *Metrics) Observe(_ context.Context, call *observe.Call) {
	of := m.calls.of(call)
	if call.Ran && call.Rows > 0 {
		of.rows.Add(float64(call.Rows))
	}
	if call.Ran {
		m.sources.observe(call)
	}
	if call.Kind == observe.Job {
		m.jobs.observe(call)
		return
	}
	if call.Outcome == observe.Success {
		of.success.Inc()
	} else {
		m.calls.requests.WithLabelValues(of.company, of.endpoint, call.Outcome).Inc()
	}
	if call.Bytes > 0 {
		of.bytes.Add(float64(call.Bytes))
	}
	if call.Kind == observe.Request {
		of.duration.observe(call.Duration)
	}
	if cached := m.calls.cached[call.Cache]; cached != nil {
		cached.Inc()
	}
}

// of returns the series of a call.
func (c *calls) of(call *observe.Call) *series {
	about := key{endpoint: call.Endpoint}
	if c.withCompany.Load() {
		about.company = call.Company
	}
	c.mu.RLock()
	known := c.series[about]
	c.mu.RUnlock()
	if known != nil {
		return known
	}
	return c.resolve(about)
}

func (c *calls) resolve(about key) *series {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.series[about]; known != nil {
		return known
	}
	made := &series{company: about.company}
	if about.endpoint != (dataapi.Address{}) {
		made.endpoint = about.endpoint.String()
	}
	made.success = c.requests.WithLabelValues(made.company, made.endpoint, observe.Success)
	made.duration = c.duration.with(made.company, made.endpoint)
	made.rows = c.rows.WithLabelValues(made.company, made.endpoint)
	made.bytes = c.bytes.WithLabelValues(made.company, made.endpoint)
	c.series[about] = made
	return made
}

// setCompany decides whether the company is a label. Series of the other kind end.
func (c *calls) setCompany(with bool) {
	if c.withCompany.Swap(with) == with {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for about, known := range c.series {
		c.drop(about, known)
	}
}

// prune drops what the catalog has not had for a while.
func (c *calls) prune(read func() Catalog) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.pruned) < pruneEvery {
		return
	}
	c.pruned = now
	catalog := read()
	for about, known := range c.series {
		switch {
		case catalog.has(about):
			known.missing = time.Time{}
		case known.missing.IsZero():
			known.missing = now
		case now.Sub(known.missing) >= Retention:
			c.drop(about, known)
		}
	}
}

// drop ends the series of a key. The lock is held.
func (c *calls) drop(about key, known *series) {
	delete(c.series, about)
	for outcome := range outcomes {
		c.requests.DeleteLabelValues(known.company, known.endpoint, outcome)
	}
	c.duration.DeleteLabelValues(known.company, known.endpoint)
	c.rows.DeleteLabelValues(known.company, known.endpoint)
	c.bytes.DeleteLabelValues(known.company, known.endpoint)
}

// outcomes are all that a call can have.
var outcomes = func() map[string]bool {
	all := map[string]bool{observe.Success: true, observe.CallerGone: true, observe.Cancelled: true}
	for _, definition := range dataapi.Catalogue() {
		all[string(definition.Code)] = true
	}
	return all
}()
