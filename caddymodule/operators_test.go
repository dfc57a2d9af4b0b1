package caddymodule_test

import (
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// An operator sees what fails and who asks for what, and ends it, whichever company it belongs to.
func TestOperatorsSeeJobs(t *testing.T) {
	const front = "/*---\nsource: main\n"
	const endless = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) AS n FROM t"
	s := serveProgram(t, programConfig{
		sources: servertest.Engines[0].Source(t, t.TempDir(), servertest.Sales).Directive(), options: "audit {\n\t\t}",
		files: map[string]string{
			"acme/default/stuck.sql": front + "mode: async\nparams:\n  secret: { type: string, required: true, sensitive: true }\n---*/\n" +
				endless + " WHERE x <> length(@secret) + 1e15",
			"acme/default/long.sql": front + "limits: { timeout: 1s }\n---*/\n" + endless,
		},
	})
	token := s.Login("acme", "integration").Access
	s.Execute("stuck", token, `{"secret":"geheim"}`).Job()
	if answer := s.Execute("long", token, `{}`); answer.Status != 408 {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	var jobs []struct {
		ID string `json:"job_id"`
	}
	eventually(t, "the job runs", func() bool {
		s.cliJSON(&jobs, "jobs", "list", "--status", "running", "--endpoint", "acme/default/stuck")
		return len(jobs) == 1
	})
	id := jobs[0].ID
	for _, part := range []string{"\nacme/default/long: failed ", "EXECUTION_TIMEOUT", "1 timeout", "1 running, 0 waiting", "2 active"} {
		eventually(t, "status has "+part, func() bool { return strings.Contains(s.mustCLI("status"), part) }) // a call is noted once it is answered
	}
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	if status := s.mustCLI("status"); !strings.Contains(status, "\nacme/default/long: failed ") {
		t.Errorf("after a reload status has forgotten what fails:\n%s", status)
	}
	list := s.mustCLI("jobs", "list", "--company", "acme", "--user", "integration")
	if !strings.Contains(list, "\n"+id+"  running") || !strings.Contains(list, "acme/integration") {
		t.Errorf("jobs list printed\n%s", list)
	}
	if shown := s.mustCLI("jobs", "show", id); !strings.Contains(shown, `{"secret":"***"}`) || strings.Contains(shown, "geheim") {
		t.Errorf("jobs show printed\n%s", shown)
	}
	if out, want := s.mustCLI("jobs", "cancel", id), id+" of acme/integration is cancelled.\n"; out != want {
		t.Errorf("jobs cancel printed %q", out)
	}
	if out, stderr, err := s.cli("sources", "reconnect", "main"); err == nil || !strings.Contains(out, "main is left as it was: it has no connections") {
		t.Errorf("sources reconnect of SQLite: %v %s%s", err, out, stderr)
	}
	s.mustRefuse(map[string]string{
		"sources reconnect mian":             `There is no source "mian"; did you mean "main"?`,
		"jobs cancel " + id:                  "has ended already: it is cancelled",
		"jobs show 000000000000000000000000": "There is no job",
		"jobs show some":                     `"some" is no job: a job id is 24`,
		"jobs list --status runing":          `did you mean "running"?`,
		"jobs list --company acm":            `There is no company "acm"`,
		"jobs list --endpoint default/stuck": "it must be COMPANY/NAMESPACE/SLUG",
		"jobs list --limit 0":                "it must be a number from 1 to 1000",
	})
	if out := s.mustCLI("jobs", "list", "--status", "waiting"); out != "There are no such jobs.\n" {
		t.Errorf("of none: %s", out)
	}
	eventually(t, "the audit log tells who has cancelled", func() bool {
		for line := range strings.Lines(s.log()) {
			if strings.Contains(line, `"msg":"job.cancelled"`) && strings.Contains(line, `"actor":"operator"`) && strings.Contains(line, id) {
				return true
			}
		}
		return false
	})
}
