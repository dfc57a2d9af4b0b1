package metrics_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPackagedQueriesNameMetrics: what alerts and dashboards ask for is there, by its name. `make observability` has a Prometheus
// answer them.
func TestPackagedQueriesNameMetrics(t *testing.T) {
	known := make(map[string]bool)
	for _, family := range gather(t, everything()) {
		known[family.GetName()] = true
		if family.GetMetric()[0].GetHistogram() != nil {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				known[family.GetName()+part] = true
			}
		}
	}
	var files []string
	for _, pattern := range []string{"prometheus/alerts*.yml", "grafana/*.json"} {
		found, err := filepath.Glob("../../packaging/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	asked := make(map[string]bool)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(content) {
			t.Errorf("%s is no JSON", file)
		}
		for _, name := range regexp.MustCompile(`data_api_[a-z_]+`).FindAllString(string(content), -1) {
			if !known[name] {
				t.Errorf("%s asks for %s", file, name)
			}
			asked[name] = true
		}
	}
	if len(asked) < 30 {
		t.Errorf("only %d metrics are asked for: are the files there?", len(asked))
	}
}

// TestEveryAlertSaysWhatToDo: each has a heading in docs/operations.md, to which it leads.
func TestEveryAlertSaysWhatToDo(t *testing.T) {
	rules, err := os.ReadFile("../../packaging/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	links := regexp.MustCompile(`operations\.md#(\w+)`).FindAllStringSubmatch(string(rules), -1)
	headings := regexp.MustCompile(`(?m)^### (DataApi\w+)$`).FindAllStringSubmatch(string(document), -1)
	if len(alerts) == 0 || len(links) != len(alerts) || len(headings) != len(alerts) {
		t.Fatalf("%d alerts, %d links, %d headings", len(alerts), len(links), len(headings))
	}
	for i, alert := range alerts {
		if links[i][1] != strings.ToLower(alert[1]) || headings[i][1] != alert[1] {
			t.Errorf("the alert %s leads to %s; the heading in its place is %s", alert[1], links[i][1], headings[i][1])
		}
	}
}
