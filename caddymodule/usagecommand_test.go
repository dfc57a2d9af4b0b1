package caddymodule_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// TestUsageCommand prints a table, CSV, and what is wrong with the question.
func TestUsageCommand(t *testing.T) {
	servertest.WithinMonth()
	s := serveProgram(t, programConfig{
		sources: servertest.Engines[0].Source(t, t.TempDir(), servertest.Sales).Directive(),
		files: map[string]string{
			"acme/company.yaml":       "users: { integration: { policies: [DataAPIConsumer] } }\n",
			"acme/default/one.sql":    "/*---\nsource: main\n---*/\nSELECT 1 AS one",
			"globex/company.yaml":     "users: { reader: { policies: [DataAPIConsumer] } }\n",
			"globex/default/some.sql": "/*---\nsource: main\n---*/\nSELECT 1 AS one UNION SELECT 2",
		},
	})
	if out := s.mustCLI("usage"); !strings.HasPrefix(out, "Nothing was called from ") {
		t.Errorf("before any call: %s", out)
	}
	today := func() string { return time.Now().UTC().Format(time.DateOnly) }
	began := today()
	token, other := s.Login("acme", "integration").Access, s.Login("globex", "reader").Access
	for range 11 {
		s.Execute("one", token, `{}`).Want(http.StatusOK)
	}
	s.Execute("some", other, `{}`).Want(http.StatusOK)
	eventually(t, "the calls are counted", func() bool {
		var report usage.Report
		s.cliJSON(&report, "usage")
		return report.Totals.Calls == 12
	})
	table := strings.Split(s.mustCLI("usage", "--by", "endpoint,user"), "\n")
	for i, want := range []string{
		"COMPANY USER ENDPOINT CALLS ERRORS ROWS BYTES DATABASE S CACHE HITS JOBS",
		"acme integration acme/default/one 11 0 11 ", "globex reader globex/default/some 1 0 2 ", "total - - 12 0 13 ",
	} {
		if got := strings.Join(strings.Fields(table[i]), " "); !strings.HasPrefix(got, want) {
			t.Errorf("line %d is %q, want %q", i, got, want)
		}
	}
	for _, line := range table[1:4] { // numbers are below the ends of their headings
		if end := strings.Index(table[0], "CALLS") + len("CALLS"); end > len(line) || line[end-1] == ' ' {
			t.Errorf("the table is not aligned:\n%s", strings.Join(table, "\n"))
		}
	}
	lines, err := csv.NewReader(strings.NewReader(s.mustCLI("usage", "--by", "day", "--csv", "--company", "globex"))).ReadAll()
	if err != nil || len(lines) != 2 || lines[0][0] != "day" || lines[1][0] < began || lines[1][0] > today() || lines[1][1] != "1" {
		t.Errorf("CSV: %v, %v", lines, err)
	}
	if out := s.mustCLI("usage", "--company", "globex"); strings.Count(out, "\n") != 2 {
		t.Errorf("the usage of one company, of which nothing is told apart, is more than one line:\n%s", out)
	}
	if out := s.mustCLI("usage", "--by", "user", "--limit", "1"); !strings.Contains(out, "There are more lines") {
		t.Errorf("with a limit: %s", out)
	}
	s.mustRefuse(map[string]string{
		"usage --by endpiont":     `by names the unknown dimension "endpiont"; did you mean "endpoint"?`,
		"usage --company globax":  `did you mean "globex"?`,
		"usage --from 2026-13-01": "from must be a date such as 2026-04-01",
	})
}
