//go:build observability

package caddymodule_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// TestObservability lets a real Prometheus scrape the server, load the alert rules, and answer every query of the dashboards and the
// expression of every alert with data. `make observability` runs it.
func TestObservability(t *testing.T) {
	s := run(t)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(receiver.Close)
	address := strings.TrimPrefix(receiver.URL, "http://")
	s.mustLoad(settings{
		name: "observed", app: fmt.Sprintf(`"callbacks": {"allow": [%q]}, `, address),
		catalog: catalogOf(t, map[string]string{
			"one": sayOne, "kept": "/*---\nsource: main\nlimits: { cache: 1s }\n---*/\nSELECT 1 AS one",
			"later": "/*---\nsource: main\nmode: async\n---*/\nSELECT 1 AS one", "refused": "/*---\nsource: main\n---*/\nSELECT n FROM sales",
		}),
	})
	s.login()
	s.expiringKey()
	s.exec("DROP TABLE sales") // so that one endpoint fails at its source
	prometheus := startPrometheus(t, s)
	s.checkMetrics()

	queries := dashboardQueries(t)
	for name, expression := range prometheus.alertExpressions(t) {
		queries["alert "+name] = expression
	}
	waiting := func() (left []string) {
		for what, query := range queries {
			if prometheus.hasData(t, query) {
				delete(queries, what)
				continue
			}
			left = append(left, what+": "+query)
		}
		return left
	}
	for deadline := time.Now().Add(3 * patience); ; {
		s.work(receiver.URL)
		left := waiting()
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no data for\n%s", strings.Join(left, "\n"))
		}
		time.Sleep(200 * time.Millisecond)
	}
	// What is left is an alert that is silent while its metric is there.
	if prometheus.hasData(t, "absent(data_api_build_info)") || !prometheus.hasData(t, "data_api_build_info") {
		t.Error("the server is not there")
	}
	native := startPrometheus(t, s, "--enable-feature=native-histograms") // which takes no classic one of the same name
	eventually(t, "the native histogram has data", func() bool {
		s.work(receiver.URL)
		return native.hasData(t, "histogram_quantile(0.9, sum(rate(data_api_request_duration_seconds[1m])))")
	})
}

// work makes every kind of call.
func (s *running) work(receiver string) {
	s.t.Helper()
	for path, body := range map[string]string{
		"one/execute": `{}`, "kept/execute": `{}`, "refused/execute": `{}`, "nothing/execute": `{}`,
		"later/execute": fmt.Sprintf(`{"callback_url": %q}`, receiver),
	} {
		for range 3 {
			if _, _, err := s.ask(s.clientHelper, http.MethodPost, "/api/v1/data-api/default/"+path, body); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	body := `{"company_slug": "acme", "api_key": "wrong", "api_secret": "wrong"}`
	if _, _, err := s.ask(s.clientHelper, http.MethodPost, "/api/v1/auth/api-key", body); err != nil {
		s.t.Fatal(err)
	}
}

// expiringKey makes a key that expires tomorrow.
func (s *running) expiringKey() {
	s.t.Helper()
	body := fmt.Sprintf(`{"company": "acme", "user": "ci", "expires_at": %q}`, time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339))
	answer, err := http.Post(fmt.Sprintf("http://127.0.0.1:%d/data_api/keys", s.admin), "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		said, _ := io.ReadAll(answer.Body)
		s.t.Fatalf("%d %s", answer.StatusCode, said)
	}
}

// checkMetrics has promtool look at what the server shows of its own.
func (s *running) checkMetrics() {
	s.t.Helper()
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", s.admin))
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var ours strings.Builder
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "data_api_") || strings.HasPrefix(line, "# HELP data_api_") || strings.HasPrefix(line, "# TYPE data_api_") {
			ours.WriteString(line)
		}
	}
	check := exec.CommandContext(s.t.Context(), "promtool", "check", "metrics")
	check.Stdin = strings.NewReader(ours.String())
	if said, err := check.CombinedOutput(); err != nil || len(said) > 0 {
		s.t.Errorf("promtool check metrics: %v\n%s", err, said)
	}
}

// prometheus is a running one.
type prometheus struct{ base string }

func startPrometheus(t *testing.T, s *running, flags ...string) prometheus {
	t.Helper()
	rules, err := filepath.Abs("../packaging/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir, port := t.TempDir(), servertest.FreePort(t)
	config := filepath.Join(dir, "prometheus.yml")
	s.write(config, fmt.Sprintf("global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [%q]\n"+
		"scrape_configs:\n  - job_name: data-api\n    static_configs: [{ targets: [\"127.0.0.1:%d\"] }]\n", rules, s.admin))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	flags = append(flags, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port))
	program := exec.CommandContext(ctx, "prometheus", flags...)
	program.Stdout, program.Stderr = log, log
	if err := program.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = program.Wait()
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("Prometheus:\n%s", said)
		}
	})
	p := prometheus{fmt.Sprintf("http://127.0.0.1:%d", port)}
	eventually(t, "Prometheus answers", func() bool {
		answer, err := http.Get(p.base + "/-/ready")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	return p
}

func (p prometheus) get(t *testing.T, path string, into any) {
	t.Helper()
	answer, err := http.Get(p.base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || json.Unmarshal(body, into) != nil {
		t.Fatalf("%s: %d %v %s", path, answer.StatusCode, err, body)
	}
}

// hasData reports whether a query gives a number.
func (p prometheus) hasData(t *testing.T, query string) bool {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	p.get(t, "/api/v1/query?query="+url.QueryEscape(query), &answer)
	for _, result := range answer.Data.Result {
		text, _ := result.Value[1].(string)
		if value, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(value) {
			return true
		}
	}
	return false
}

// threshold is what an alert compares with.
var threshold = regexp.MustCompile(`\s*(?:>|<|==)\s*[0-9.]+(?:\s*\*\s*[0-9.]+)?`)

// alertExpressions are those of the rules, without what they are compared with: the alerts are silent, and their series are there.
func (p prometheus) alertExpressions(t *testing.T) map[string]string {
	t.Helper()
	type rule struct{ Name, Query, Health, LastError string }
	var rules []rule
	eventually(t, "the rules are evaluated", func() bool {
		var answer struct {
			Data struct {
				Groups []struct {
					Rules []rule `json:"rules"`
				} `json:"groups"`
			} `json:"data"`
		}
		p.get(t, "/api/v1/rules", &answer)
		if len(answer.Data.Groups) != 1 {
			return false
		}
		rules = answer.Data.Groups[0].Rules
		for _, one := range rules {
			if one.Health != "ok" {
				return false
			}
		}
		return len(rules) > 0
	})
	expressions := make(map[string]string)
	for _, one := range rules {
		if !strings.HasPrefix(one.Query, "absent(") {
			expressions[one.Name] = threshold.ReplaceAllString(one.Query, "")
		}
	}
	return expressions
}

// dashboardQueries are those of all panels and variables, with what Grafana fills in.
func dashboardQueries(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../packaging/grafana/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	queries := make(map[string]string)
	fill := strings.NewReplacer("$__rate_interval", "30s", "$company", ".*", "$endpoint", ".*")
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var dashboard struct {
			Title  string
			Panels []struct {
				Title   string
				Targets []struct{ Expr, RefID string }
			}
		}
		if err := json.Unmarshal(content, &dashboard); err != nil {
			t.Fatal(err)
		}
		for _, panel := range dashboard.Panels {
			for i, target := range panel.Targets {
				queries[fmt.Sprintf("%s, %s, %d", dashboard.Title, panel.Title, i+1)] = fill.Replace(target.Expr)
			}
		}
	}
	return queries
}
