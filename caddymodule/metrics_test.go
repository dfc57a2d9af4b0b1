package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// scrape returns what the admin API shows at /metrics: by name and labels, the value.
func (s *running) scrape() map[string]float64 {
	s.t.Helper()
	var body []byte
	eventually(s.t, "the admin API answers, whose socket a reload may close", func() bool {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", s.admin))
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		body, err = io.ReadAll(answer.Body)
		return err == nil && answer.StatusCode == http.StatusOK
	})
	found := make(map[string]float64)
	for line := range strings.Lines(string(body)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || !strings.HasPrefix(name, "data_api_") {
			continue
		}
		if at := strings.LastIndex(line, "} "); at >= 0 { // values of labels may hold spaces
			name, value = line[:at+1], strings.TrimSpace(line[at+2:])
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		found[name] = number
	}
	return found
}

// falls says which counters, and parts of histograms, are lower than before.
func falls(before, after map[string]float64) (fallen []string) {
	for name, value := range before {
		base, _, _ := strings.Cut(name, "{")
		counts := strings.HasSuffix(base, "_total") || strings.HasSuffix(base, "_count") || strings.HasSuffix(base, "_sum") || strings.HasSuffix(base, "_bucket")
		if now, ok := after[name]; counts && (!ok || now < value) {
			fallen = append(fallen, fmt.Sprintf("%s: %v, before %v", name, now, value))
		}
	}
	return fallen
}

// TestCountersGrowThroughReloads: under load, through reloads and rejected configurations, no counter falls, and in the end each
// call was counted.
func TestCountersGrowThroughReloads(t *testing.T) {
	s := run(t)
	catalog := catalogOf(t, map[string]string{"one": sayOne})
	s.mustLoad(settings{name: "first", catalog: catalog})
	s.login()
	const calls = `data_api_requests_total{company="acme",endpoint="acme/default/one",outcome="success"}`
	began := s.scrape()
	var answered, lost atomic.Int64
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				status, answer, err := s.ask(s.clientHelper, http.MethodPost, "/api/v1/data-api/default/one/execute", `{}`)
				switch {
				case err != nil: // Linux resets connections of a socket that Caddy closes: see docs/operations.md
					lost.Add(1)
				case status != http.StatusOK:
					t.Errorf("%d %s", status, answer)
					return
				default:
					answered.Add(1)
				}
			}
		})
	}
	before := began
	const reloads = 100
	for i := range reloads {
		s.mustLoad(settings{name: fmt.Sprint("reload-", i), catalog: catalog})
		if i%5 == 0 {
			if s.load(settings{name: "rejected", catalog: filepath.Join(catalog, "nowhere")}) == nil {
				t.Fatal("a configuration without a catalog was accepted")
			}
		}
		after := s.scrape()
		for _, fallen := range falls(before, after) {
			t.Errorf("after reload %d: %s", i, fallen)
		}
		before = after
	}
	close(stop)
	clients.Wait()
	if answered.Load() < reloads || lost.Load() > answered.Load()/10 {
		t.Errorf("%d answers were lost, and %d were not", lost.Load(), answered.Load())
	}
	eventually(t, "every call is counted, once", func() bool {
		counted := int64(s.scrape()[calls] - began[calls])
		return counted >= answered.Load() && counted <= answered.Load()+lost.Load()
	})
	for name, want := range map[string]float64{
		"data_api_store_up": 1, `data_api_source_up{source="main"}`: 1, "data_api_catalog_endpoints": 1, "data_api_catalog_faults": 0,
	} {
		if got, ok := before[name]; !ok || got != want {
			t.Errorf("%s is %v", name, got)
		}
	}
}

// TestUnknownSlugsAddNoSeries: nobody fills the memory of a Prometheus by asking for what does not exist.
func TestUnknownSlugsAddNoSeries(t *testing.T) {
	s := run(t)
	s.mustLoad(settings{name: "slugs", catalog: catalogOf(t, map[string]string{"one": sayOne})})
	s.login()
	ask := func(i int) {
		for path, want := range map[string]int{
			fmt.Sprintf("/api/v1/data-api/default/nothing-%d/execute", i):     http.StatusNotFound,
			fmt.Sprintf("/api/v1/data-api/space-%d/one/execute", i):           http.StatusNotFound,
			fmt.Sprintf("/api/v1/data-api/default/one/execute?strange=%d", i): http.StatusBadRequest,
		} {
			if status, answer, err := s.ask(s.clientHelper, http.MethodPost, path, `{}`); err != nil || status != want {
				t.Fatalf("%s: %d %s %v", path, status, answer, err)
			}
		}
	}
	calls := func() (sum float64) {
		for name, value := range s.scrape() {
			if strings.HasPrefix(name, "data_api_requests_total{") {
				sum += value
			}
		}
		return sum
	}
	known := calls()
	ask(0)
	eventually(t, "the calls, and the dead letters, which are counted in the background, are known", func() bool {
		_, counted := s.scrape()["data_api_callback_dead"]
		return counted && calls() >= known+3
	})
	before := len(s.scrape())
	for i := range 300 {
		ask(i + 1)
	}
	if after := len(s.scrape()); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

// TestHealth: what is well, what is not, and who is told.
func TestHealth(t *testing.T) {
	s := run(t)
	catalog := catalogOf(t, map[string]string{"one": sayOne})
	s.mustLoad(settings{name: "health", catalog: catalog, detail: "127.0.0.1"})
	s.login()
	ready := func() (status int, answer map[string]any) {
		t.Helper()
		status, body, err := s.ask(s.clientHelper, http.MethodGet, "/health/ready", "")
		if err != nil || json.Unmarshal(body, &answer) != nil {
			t.Fatalf("%d %s %v", status, body, err)
		}
		return status, answer
	}
	eventually(t, "it is ready", func() bool { // a store that a busy disk keeps from answering within a second is not
		status, answer := ready()
		sources, _ := answer["sources"].([]any)
		return status == http.StatusOK && answer["status"] == "ready" && len(sources) == 1
	})
	if status, body, err := s.ask(s.clientHelper, http.MethodPost, "/health/live", ""); err != nil || status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d %s %v", status, body, err)
	}

	// The source goes, which a call notices, and returns, which is noticed without one.
	hidden := s.database + ".hidden"
	if err := os.Rename(s.database, hidden); err != nil {
		t.Fatal(err)
	}
	if status, body, err := s.ask(s.clientHelper, http.MethodPost, "/api/v1/data-api/default/one/execute", `{}`); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("%d %s %v", status, body, err)
	}
	eventually(t, "the source is missed", func() bool {
		status, answer := ready()
		return status == http.StatusServiceUnavailable && answer["status"] == "not_ready"
	})
	if got := s.scrape()[`data_api_source_up{source="main"}`]; got != 0 {
		t.Errorf("a source that is gone is up: %v", got)
	}
	if status, body, err := s.ask(s.clientHelper, http.MethodGet, "/health/live", ""); err != nil || status != http.StatusOK || string(body) != "{\"status\":\"live\"}\n" {
		t.Errorf("live: %d %s %v", status, body, err)
	}
	if err := os.Rename(hidden, s.database); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the source is back", func() bool { status, _ := ready(); return status == http.StatusOK })

	s.mustLoad(settings{name: "health-2", catalog: catalog, detail: "10.0.0.0/8"})
	eventually(t, "a stranger is told the status alone", func() bool { // the connection of before may serve one request more
		status, answer := ready()
		return status == http.StatusOK && len(answer) == 1
	})
	for _, name := range []string{"health.log", "health-2.log"} {
		if log := s.logOf(name); strings.Contains(log, "/health/") {
			t.Errorf("probes are in the log:\n%s", log)
		}
	}
}
