package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// gauges are what the configuration in force shows of itself at each scrape.
type gauges struct {
	connections, connectionLimit, up, waiting          *prometheus.Desc
	jobs, queueAge                                     *prometheus.Desc
	storeUp, storeSize                                 *prometheus.Desc
	servers, silence, signals                          *prometheus.Desc
	callbacksDue, callbacksDead                        *prometheus.Desc
	cacheBytes                                         *prometheus.Desc
	endpoints, faults, catalogRead, keyExpiry, signing *prometheus.Desc
}

func newGauges() gauges {
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prefix+name, help, labels, nil)
	}
	return gauges{
		connections: gauge("source_connections", "Connections of a source, by state: in_use, idle, or shared by several statements at once.",
			"source", "state"),
		connectionLimit: gauge("source_connections_limit", "How many connections a source may have, those that are shared apart.", "source"),
		up:              gauge("source_up", "1 while a source answers, 0 while it cannot be reached.", "source"),
		waiting:         gauge("admission_waiting", "Calls and jobs that wait for a place at a source.", "source", "company"),
		jobs:            gauge("jobs", "Jobs that wait or run.", "state"),
		queueAge:        gauge("job_queue_age_seconds", "How long the oldest job that waits has waited; 0: none waits."),
		storeUp:         gauge("store_up", "1 while the store is open, answers in time and could write when it last had to."),
		storeSize:       gauge("store_size_bytes", "Bytes of disk that the store takes."),
		servers:         gauge("store_servers", "Servers that share the store and are alive, this one included."),
		silence:         gauge("store_silence_seconds", "How long it was not heard what other servers have changed."),
		signals:         gauge("store_signals", "1 while other servers' changes are signalled, 0 while they are only asked for."),
		callbacksDue:    gauge("callback_due", "Callbacks that are due and wait to be tried."),
		callbacksDead:   gauge("callback_dead", "Callbacks that were given up and are kept: dead letters. Counted every few minutes."),
		cacheBytes:      gauge("cache_bytes", "Bytes that the cached results take."),
		endpoints:       gauge("catalog_endpoints", "Endpoints that are served."),
		faults:          gauge("catalog_faults", "Faults of the catalog: what is at fault is left out, or serves an earlier revision."),
		catalogRead:     gauge("catalog_last_success_timestamp_seconds", "When the directory of the catalog was last read."),
		keyExpiry:       gauge("api_key_expiry_timestamp_seconds", "When the next API key of a company expires; keys that never do are left out.", "company"),
		signing:         gauge("signing_key_age_seconds", "How long the key that signs tokens has signed them. An HS256 secret has no age."),
	}
}

func (g *gauges) describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{
		g.connections, g.connectionLimit, g.up, g.waiting, g.jobs, g.queueAge, g.storeUp, g.storeSize,
		g.servers, g.silence, g.signals, g.callbacksDue, g.callbacksDead,
		g.cacheBytes, g.endpoints, g.faults, g.catalogRead, g.keyExpiry, g.signing,
	} {
		descriptions <- description
	}
}

// collect sends the gauges. Without company, those that are about companies are sums, or left out.
func (g *gauges) collect(collected chan<- prometheus.Metric, state State, store StoreState, storeUp, company bool, now time.Time) {
	send := func(description *prometheus.Desc, value float64, labels ...string) {
		collected <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, labels...)
	}
	for i := range state.Sources {
		g.collectSource(send, &state.Sources[i], company)
	}
	send(g.endpoints, float64(state.Endpoints))
	send(g.faults, float64(state.Faults))
	if !state.CatalogRead.IsZero() {
		send(g.catalogRead, timestamp(state.CatalogRead))
	}
	send(g.cacheBytes, float64(state.CacheBytes))
	g.collectExpiry(send, state.KeyExpiry, company)
	if !state.SigningSince.IsZero() {
		send(g.signing, seconds(now.Sub(state.SigningSince)))
	}
	if state.DeadCallbacks >= 0 {
		send(g.callbacksDead, float64(state.DeadCallbacks))
	}
	if standing := state.Standing; standing != nil {
		send(g.servers, float64(standing.Servers))
		send(g.silence, seconds(standing.Silence))
		send(g.signals, truth(standing.Signals))
	}
	send(g.storeUp, truth(storeUp))
	if !storeUp {
		return // what is not known is not shown
	}
	send(g.storeSize, float64(store.Size))
	send(g.jobs, float64(store.JobsWaiting), "waiting")
	send(g.jobs, float64(store.JobsRunning), "running")
	age := 0.0
	if !store.OldestJob.IsZero() {
		age = seconds(now.Sub(store.OldestJob))
	}
	send(g.queueAge, age)
	send(g.callbacksDue, float64(store.CallbacksDue))
}

type sender func(description *prometheus.Desc, value float64, labels ...string)

func (g *gauges) collectSource(send sender, source *SourceState, company bool) {
	send(g.up, truth(source.Up), source.Name)
	if source.Counted {
		send(g.connections, float64(source.InUse), source.Name, "in_use")
		send(g.connections, float64(source.Idle), source.Name, "idle")
		send(g.connectionLimit, float64(source.Limit), source.Name)
	}
	if company {
		for name, waiting := range source.Waiting {
			send(g.waiting, float64(waiting), source.Name, name)
		}
		return
	}
	sum := 0
	for _, waiting := range source.Waiting {
		sum += waiting
	}
	send(g.waiting, float64(sum), source.Name, "")
}

func (g *gauges) collectExpiry(send sender, expiries map[string]time.Time, company bool) {
	var first time.Time
	for name, at := range expiries {
		if company {
			send(g.keyExpiry, timestamp(at), name)
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if !company && !first.IsZero() {
		send(g.keyExpiry, timestamp(first), "")
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func timestamp(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// seconds is a duration that a clock which was set back does not make negative.
func seconds(d time.Duration) float64 { return max(0, d.Seconds()) }
