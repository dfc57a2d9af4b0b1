package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// lines returns the lines of a log that a logger has written.
func (s *running) lines(log, logger string) (found []map[string]any) {
	s.t.Helper()
	for line := range strings.Lines(s.logOf(log)) {
		if !strings.HasSuffix(line, "\n") {
			break // it is being written
		}
		var read map[string]any
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		if name, _ := read["logger"].(string); name == logger || strings.HasPrefix(name, logger+".") {
			found = append(found, read)
		}
	}
	return found
}

// accesses returns the lines of a log about requests for a path.
func (s *running) accesses(log, path string) (found []map[string]any) {
	s.t.Helper()
	for _, line := range s.lines(log, "http.log.access") {
		if request, _ := line["request"].(map[string]any); request["uri"] == path {
			found = append(found, line)
		}
	}
	return found
}

const secretly = "/*---\nsource: main\nparams:\n  shown: { type: string, max_length: 9 }\n  hidden: { type: string, max_length: 9, sensitive: true }\n---*/\n" +
	"SELECT @shown AS shown, @hidden AS hidden"

// TestSlowQueriesAndPlaceholders: who has called what, without what is sensitive, in the log of slow queries and in that of accesses.
func TestSlowQueriesAndPlaceholders(t *testing.T) {
	s := run(t)
	with := settings{
		name: "slow", catalog: catalogOf(t, map[string]string{"secretly": secretly}), app: `"slow_queries": "1ns", `, logs: `"logs": {}, `,
	}
	placeholders := []string{"company", "endpoint", "revision", "rows", "outcome", "cache", "job_id"}
	for _, name := range placeholders {
		with.before += fmt.Sprintf(`{"handler": "log_append", "key": %q, "value": "{http.data_api.%s}"}, `, name, name)
	}
	told := func(line map[string]any) string {
		var values []any
		for _, name := range placeholders {
			values = append(values, line[name])
		}
		return fmt.Sprintf("%q", values)
	}
	s.mustLoad(with)
	s.login()
	const path = "/api/v1/data-api/default/secretly/execute"
	if status, answer, err := s.ask(s.clientHelper, http.MethodPost, path, `{"parameter_values": {"shown": "sun", "hidden": "moon"}}`); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v\n%s", status, answer, err, s.logOf("slow.log"))
	}
	var slow, access []map[string]any
	eventually(t, "both logs have a line", func() bool {
		slow = s.lines("slow.log", "data_api.slow")
		access = s.accesses("slow.log", path)
		return len(slow) == 1 && len(access) == 1
	})
	line, _ := json.Marshal(slow[0])
	for _, want := range []string{`"company":"acme"`, `"user":"ci"`, `"endpoint":"acme/default/secretly"`, `"rows":1`, `"source":"main"`, `"request_id"`, `"queried"`, "sun"} {
		if !strings.Contains(string(line), want) {
			t.Errorf("the line %s lacks %s", line, want)
		}
	}
	if strings.Contains(s.logOf("slow.log"), "moon") {
		t.Error("a value that is sensitive is in the log")
	}
	revision, _ := slow[0]["revision"].(string)
	want := fmt.Sprintf("%q", []any{"acme", "acme/default/secretly", revision, 1.0, "success", "", ""})
	if got := told(access[0]); got != want || revision == "" {
		t.Errorf("the access log has %s, want %s", got, want)
	}

	with.name, with.app = "quick", ""
	s.mustLoad(with)
	// The former configuration may still answer on a connection that it has: its log is another.
	eventually(t, "a refusal is in the log", func() bool {
		if status, answer, err := s.ask(s.clientHelper, http.MethodPost, "/api/v1/data-api/default/nothing/execute", `{}`); err != nil || status != http.StatusNotFound {
			t.Fatalf("%d %s %v", status, answer, err)
		}
		access = s.lines("quick.log", "http.log.access")
		return len(access) > 0
	})
	if got, want := told(access[0]), fmt.Sprintf("%q", []any{"acme", "", "", "", "ENDPOINT_NOT_FOUND", "", ""}); got != want {
		t.Errorf("a refusal has %s, want %s", got, want)
	}
	if slow := s.lines("quick.log", "data_api.slow"); len(slow) > 0 {
		t.Errorf("nothing is slow: %v", slow)
	}
}

// TestSlowQueriesHavePlans: the plan of a query is asked for once, however often it is slow, and shows no value.
func TestSlowQueriesHavePlans(t *testing.T) {
	s := run(t)
	s.mustLoad(settings{
		name: "plans", catalog: catalogOf(t, map[string]string{"secretly": secretly}), app: `"slow_queries": "1ns", "slow_query_plans": true, `,
	})
	s.login()
	const path = "/api/v1/data-api/default/secretly/execute"
	for range 3 {
		if status, answer, err := s.ask(s.clientHelper, http.MethodPost, path, `{"parameter_values": {"shown": "sun", "hidden": "moon"}}`); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s %v", status, answer, err)
		}
	}
	var planned []map[string]any
	eventually(t, "each call has a line, and one its plan", func() bool {
		lines := s.lines("plans.log", "data_api.slow")
		planned = nil
		for _, line := range lines {
			if line["msg"] == "the plan of a slow query" {
				planned = append(planned, line)
			}
		}
		return len(lines) == 4 && len(planned) == 1
	})
	line := planned[0]
	if line["plan"] != "SCAN CONSTANT ROW" || line["endpoint"] != "acme/default/secretly" || line["source"] != "main" || line["request_id"] == "" {
		t.Errorf("the plan's line is %v", line)
	}
	if strings.Contains(s.logOf("plans.log"), "moon") {
		t.Error("a value that is sensitive is in the log")
	}
}
