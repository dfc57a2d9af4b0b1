package metrics

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/solucao42/caddy-data-api/internal/ask"
	"github.com/solucao42/caddy-data-api/internal/attach"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

// storeTimeout is how long a scrape waits for the store.
const storeTimeout = time.Second

// prefix begins the name of every metric.
const prefix = "data_api_"

// Metrics holds what is counted. It is a [prometheus.Collector], an [observe.Observer] and an [observe.Meter], and safe for
// concurrent use.
type Metrics struct {
	calls    *calls
	jobs     jobs
	sources  *sourceCounts
	events   events
	build    prometheus.Gauge
	gauges   gauges
	counters []prometheus.Collector // all of the above but the gauges of a configuration

	views attach.Stack[*View]
	store ask.Question[StoreState]

	now func() time.Time
}

// Options describe the program.
type Options struct {
	Version, Commit string
	Now             func() time.Time // the clock; default time.Now
}

// New makes metrics that have counted nothing.
func New(options Options) *Metrics {
	if options.Now == nil {
		options.Now = time.Now
	}
	m := &Metrics{
		calls: newCalls(options.Now), jobs: newJobs(), sources: newSourceCounts(), events: newEvents(), gauges: newGauges(),
		build: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: prefix + "build_info", Help: "1, with the version of the program in its labels.",
			ConstLabels: prometheus.Labels{"version": options.Version, "commit": options.Commit, "go_version": runtime.Version()},
		}),
		store: ask.Question[StoreState]{Patience: storeTimeout, Fresh: time.Second, Limit: 10 * storeTimeout}, now: options.Now,
	}
	m.calls.withCompany.Store(true)
	m.build.Set(1)
	m.counters = slices.Concat(m.calls.collectors(), m.jobs.collectors(), m.sources.collectors(), m.events.collectors(),
		[]prometheus.Collector{m.build})
	return m
}

// Describe implements [prometheus.Collector].
func (m *Metrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, counter := range m.counters {
		counter.Describe(descriptions)
	}
	m.gauges.describe(descriptions)
}

// Collect implements [prometheus.Collector]. It asks no database. For the store it waits [storeTimeout] at most.
func (m *Metrics) Collect(collected chan<- prometheus.Metric) {
	view, inForce := m.views.Newest()
	if inForce {
		m.calls.prune(view.Catalog)
	}
	for _, counter := range m.counters {
		counter.Collect(collected)
	}
	if inForce {
		store, err := m.store.Ask(view.Store)
		m.gauges.collect(collected, view.Read(), store, err == nil, m.calls.withCompany.Load(), m.now())
	}
}

// Attach makes a configuration the one whose gauges are shown, until the function that it returns is called. It may be called
// again. Attaching also decides whether series have the company as a label: where that changes, calls are counted from zero.
func (m *Metrics) Attach(view *View) (detach func()) {
	m.calls.setCompany(view.Company)
	attachment := m.views.Attach(view)
	return sync.OnceFunc(attachment.Detach)
}

var (
	_ prometheus.Collector = (*Metrics)(nil)
	_ observe.Observer     = (*Metrics)(nil)
	_ observe.Meter        = (*Metrics)(nil)
)
