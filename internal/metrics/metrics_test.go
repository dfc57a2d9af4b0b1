package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/metrics"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

var sales = dataapi.Address{Company: "acme", Namespace: "default", Slug: "sales"}

// call is one that has succeeded.
func call() *observe.Call {
	return &observe.Call{
		Company: "acme", Endpoint: sales, Source: "main", Outcome: observe.Success, Ran: true, Rows: 3, Bytes: 100,
		Duration: 20 * time.Millisecond, Timing: observe.Timing{Waited: time.Millisecond, Queried: 10 * time.Millisecond},
	}
}

// view is a configuration that has everything.
func view() *metrics.View {
	return &metrics.View{
		Company: true,
		Catalog: func() metrics.Catalog {
			return metrics.Catalog{Companies: map[string]bool{"acme": true}, Endpoints: map[dataapi.Address]bool{sales: true}}
		},
		Read: func() metrics.State {
			return metrics.State{
				Sources: []metrics.SourceState{
					{Name: "main", Up: true, Counted: true, InUse: 2, Idle: 1, Limit: 8, Waiting: map[string]int{"acme": 4, "globex": 1}},
					{Name: "other"},
				},
				Endpoints: 7, Faults: 1, CatalogRead: time.Unix(1000, 0), CacheBytes: 512,
				KeyExpiry: map[string]time.Time{"acme": time.Unix(3000, 0), "globex": time.Unix(2000, 0)}, SigningSince: time.Unix(1, 0),
				Standing: &metrics.Standing{Servers: 3, Silence: time.Second, Signals: true},
			}
		},
		Store: func(context.Context) (metrics.StoreState, error) {
			return metrics.StoreState{Size: 4096, JobsWaiting: 2, JobsRunning: 1, OldestJob: time.Unix(1, 0)}, nil
		},
	}
}

// everything makes metrics in which each metric has a value.
func everything() *metrics.Metrics {
	m := metrics.New(metrics.Options{Version: "v1.0.0", Commit: "abc"})
	m.Attach(view())
	m.Observe(context.Background(), call())
	failed := call()
	failed.Outcome, failed.Kind = string(dataapi.CodeSourceUnavailable), observe.Job
	m.Observe(context.Background(), failed)
	m.StoreCommitted(time.Millisecond, nil)
	return m
}

// TestNamesFollowTheConventions is what promtool check metrics asks.
func TestNamesFollowTheConventions(t *testing.T) {
	problems, err := testutil.CollectAndLint(everything())
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

// TestEveryMetricIsDocumented compares docs/operations.md with what is collected, which is what is described.
func TestEveryMetricIsDocumented(t *testing.T) {
	document, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `(data_api_[a-z_]+)(?:\\{([a-z_,]*)\\})?` \\|").FindAllStringSubmatch(string(document), -1) {
		documented[row[1]] = row[2]
	}
	collected := make(map[string]string)
	for _, family := range gather(t, everything()) {
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		slices.Sort(labels)
		collected[family.GetName()] = strings.Join(labels, ",")
	}
	descriptions := make(chan *prometheus.Desc, 1000)
	everything().Describe(descriptions)
	if got := len(descriptions); got != len(collected) {
		t.Errorf("%d metrics are described and %d collected", got, len(collected))
	}
	for name := range documented {
		labels := strings.Split(documented[name], ",")
		slices.Sort(labels)
		documented[name] = strings.Join(labels, ",")
	}
	for _, name := range slices.Sorted(maps.Keys(collected)) {
		if labels, ok := documented[name]; !ok || labels != collected[name] {
			t.Errorf("docs/operations.md has %s{%s} (%t), collected is {%s}", name, labels, ok, collected[name])
		}
	}
	for name := range documented {
		if _, ok := collected[name]; !ok {
			t.Errorf("docs/operations.md has %s, which is not collected", name)
		}
	}
}

// TestCompanyOff: without the label, calls of all companies are counted together.
func TestCompanyOff(t *testing.T) {
	m := metrics.New(metrics.Options{})
	m.Observe(t.Context(), call())
	wantValue(t, m, 1, "data_api_requests_total", "company", "acme", "endpoint", sales.String(), "outcome", "success")
	off := view()
	off.Company = false
	m.Attach(off)
	other := call()
	other.Company = "globex"
	m.Observe(t.Context(), call())
	m.Observe(t.Context(), other)
	wantValue(t, m, 2, "data_api_requests_total", "company", "", "endpoint", sales.String(), "outcome", "success")
	wantValue(t, m, 5, "data_api_admission_waiting", "company", "", "source", "main")
	wantValue(t, m, 2000, "data_api_api_key_expiry_timestamp_seconds", "company", "")
	for _, family := range gather(t, m) {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "company" && label.GetValue() != "" {
					t.Errorf("%s still has the company %s", family.GetName(), label.GetValue())
				}
			}
		}
	}
}

// TestWhatHasLeftTheCatalogIsForgotten: after an hour, and not before.
func TestWhatHasLeftTheCatalogIsForgotten(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	m := metrics.New(metrics.Options{Now: func() time.Time { return now }})
	m.Attach(view())
	for i := range 100 {
		gone := call()
		gone.Endpoint.Slug = fmt.Sprint("gone-", i)
		m.Observe(t.Context(), gone)
		failed := *gone
		failed.Outcome = string(dataapi.CodeRateLimited)
		m.Observe(t.Context(), &failed)
	}
	m.Observe(t.Context(), call())
	series := func() int { return testutil.CollectAndCount(m, "data_api_requests_total") }
	if got := series(); got != 201 {
		t.Fatalf("%d series", got)
	}
	now = now.Add(metrics.Retention / 2)
	if got := series(); got != 201 {
		t.Errorf("%d series after half an hour", got)
	}
	now = now.Add(metrics.Retention)
	if got := series(); got != 1 {
		t.Errorf("%d series remain", got)
	}
	wantValue(t, m, 1, "data_api_requests_total", "company", "acme", "endpoint", sales.String(), "outcome", "success")
}

// TestAStoreThatHangsHoldsUpNoScrape: it is down then, and asked by one scrape alone.
func TestAStoreThatHangsHoldsUpNoScrape(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Options{})
	var asked sync.WaitGroup
	release, calls := make(chan struct{}), make(chan struct{}, 100)
	hung := view()
	hung.Store = func(context.Context) (metrics.StoreState, error) {
		calls <- struct{}{}
		<-release
		return metrics.StoreState{Size: 1}, nil
	}
	m.Attach(hung)
	for range 10 {
		asked.Go(func() { wantValue(t, m, 0, "data_api_store_up") })
	}
	asked.Wait()
	if got := len(calls); got != 1 {
		t.Errorf("the store was asked %d times at once", got)
	}
	close(release)
	for deadline := time.Now().Add(time.Minute); value(t, m, "data_api_store_up") != 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a store that answers again stays down")
		}
	}
	broken := view()
	broken.Store = func(context.Context) (metrics.StoreState, error) { return metrics.StoreState{}, errors.New("closed") }
	other := metrics.New(metrics.Options{})
	other.Attach(broken)
	wantValue(t, other, 0, "data_api_store_up")
}

// TestRegistriesComeAndGo: each configuration has a registry of its own, and the counters outlive them all.
func TestRegistriesComeAndGo(t *testing.T) {
	m := metrics.New(metrics.Options{})
	for i := range 3 {
		registry := prometheus.NewRegistry()
		if err := registry.Register(m); err != nil {
			t.Fatal(err)
		}
		detach := m.Attach(view())
		m.Observe(t.Context(), call())
		wantValue(t, m, float64(i+1), "data_api_requests_total", "company", "acme", "endpoint", sales.String(), "outcome", "success")
		detach()
		detach()
	}
	if value(t, m, "data_api_catalog_endpoints") != -1 {
		t.Error("gauges of a configuration that has ended are shown")
	}
}

func BenchmarkObserve(b *testing.B) {
	m := metrics.New(metrics.Options{})
	const endpoints = 1000
	var calls [endpoints]*observe.Call
	for i := range calls {
		calls[i] = call()
		calls[i].Endpoint.Slug = fmt.Sprint("endpoint-", i)
		m.Observe(b.Context(), calls[i])
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			m.Observe(context.Background(), calls[i%endpoints])
		}
	})
}
