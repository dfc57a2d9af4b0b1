package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const endless = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) AS n FROM t"

// operated is a server with a job that waits for its end, and an endpoint that fails.
func operated(t *testing.T) *server {
	t.Helper()
	e := engines[0]
	return newServer(t, serverConfig{
		sources: e.Source(t, t.TempDir(), sales).Directive(), options: "audit {\n\t\t}",
		files: map[string]string{
			"acme/default/quick.sql": "/*---\nsource: main\nmode: async\n---*/\nSELECT 1 AS one",
			"acme/default/stuck.sql": "/*---\nsource: main\nmode: async\nparams:\n  secret: { type: string, required: true, sensitive: true }\n---*/\n" +
				endless + " WHERE x <> length(@secret) + 1e15",
			"acme/default/long.sql": "/*---\nsource: main\nlimits: { timeout: 1s }\n---*/\n" + endless,
		},
	})
}

type listedJob struct {
	ID         string          `json:"job_id"`
	State      string          `json:"state"`
	Parameters json.RawMessage `json:"parameters"`
}

// An operator sees what fails and who asks for what, and ends it, whichever company it belongs to.
func TestOperatorsSeeJobs(t *testing.T) {
	s := operated(t)
	token := s.Login("acme", "integration").Access
	s.Execute("stuck", token, `{"secret":"geheim"}`).Job()
	if answer := s.Execute("long", token, `{}`); answer.Status != 408 {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	var jobs []listedJob
	eventually(t, "the job runs", patience, func() bool {
		s.cliJSON(&jobs, "jobs", "list", "--status", "running", "--endpoint", "acme/default/stuck")
		return len(jobs) == 1
	})
	id := jobs[0].ID
	status := s.mustCLI(s.admin("status")...)
	for _, part := range []string{"\nacme/default/long: failed ", "EXECUTION_TIMEOUT", "1 timeout", "1 running, 0 waiting", "3 active"} {
		if !strings.Contains(status, part) {
			t.Errorf("status has no %q:\n%s", part, status)
		}
	}
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	if status := s.mustCLI(s.admin("status")...); !strings.Contains(status, "\nacme/default/long: failed ") {
		t.Errorf("after a reload status has forgotten what fails:\n%s", status)
	}
	list := s.mustCLI(s.admin("jobs", "list", "--company", "acme", "--user", "integration")...)
	if !strings.Contains(list, "\n"+id+"  running") || !strings.Contains(list, "acme/integration") {
		t.Errorf("jobs list printed\n%s", list)
	}
	if shown := s.mustCLI(s.admin("jobs", "show", id)...); !strings.Contains(shown, `{"secret":"***"}`) || strings.Contains(shown, "geheim") {
		t.Errorf("jobs show printed\n%s", shown)
	}
	if out, want := s.mustCLI(s.admin("jobs", "cancel", id)...), id+" of acme/integration is cancelled.\n"; out != want {
		t.Errorf("jobs cancel printed %q", out)
	}
	if out, stderr, err := s.cli(s.admin("sources", "reconnect", "main")...); !isExit(err) || !strings.Contains(out, "main is left as it was: it has no connections") {
		t.Errorf("sources reconnect of SQLite: %v %s%s", err, out, stderr)
	}
	for line, want := range map[string]string{
		"sources reconnect mian":             `There is no source "mian"; did you mean "main"?`,
		"jobs cancel " + id:                  "has ended already: it is cancelled",
		"jobs show 000000000000000000000000": "There is no job",
		"jobs show some":                     `"some" is no job: a job id is 24`,
		"jobs list --status runing":          `did you mean "running"?`,
		"jobs list --company acm":            `There is no company "acm"`,
		"jobs list --endpoint default/stuck": "it must be COMPANY/NAMESPACE/SLUG",
		"jobs list --limit 0":                "it must be a number from 1 to 1000",
	} {
		if _, stderr, err := s.cli(s.admin(strings.Fields(line)...)...); !isExit(err) || !strings.Contains(stderr, want) {
			t.Errorf("%s: %v %s", line, err, stderr)
		}
	}
	if out := s.mustCLI(s.admin("jobs", "list", "--status", "waiting")...); out != "There are no such jobs.\n" {
		t.Errorf("of none: %s", out)
	}
	eventually(t, "the audit log tells who has cancelled", patience, func() bool {
		for line := range strings.Lines(s.Log.String()) {
			if strings.Contains(line, `"msg":"job.cancelled"`) && strings.Contains(line, `"actor":"operator"`) && strings.Contains(line, id) {
				return true
			}
		}
		return false
	})
}

// Every job that was acknowledged before a backup began is there when it is restored, although others are accepted all the
// while; and what was there before is kept.
func TestBackupUnderLoadIsRestored(t *testing.T) {
	s := operated(t)
	token := s.Login("acme", "integration").Access
	var mu sync.Mutex
	var acknowledged []string
	stop, load := make(chan struct{}), new(sync.WaitGroup)
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				url := s.Execute("quick", token, `{}`).Job()
				mu.Lock()
				acknowledged = append(acknowledged, filepath.Base(url))
				mu.Unlock()
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged)
	}
	eventually(t, "jobs are accepted", 2*patience, func() bool { return count() > 50 })
	backup, store := filepath.Join(s.Dir, "backup.db"), filepath.Join(s.Dir, "data-api.db")
	before := count()
	out := s.mustCLI(s.admin("store", "backup", backup, "--rate", "1MiB")...)
	during := count() - before
	close(stop)
	load.Wait()
	if !strings.Contains(out, "no faults") || during == 0 {
		t.Fatalf("%d jobs were accepted during the backup, which printed\n%s", during, out)
	}
	if _, stderr, err := s.cli("data-api", "store", "restore", backup, "--to", store, "--force"); !isExit(err) || !strings.Contains(stderr, "a server holds") {
		t.Errorf("while the server runs: %v %s", err, stderr)
	}
	s.stop()
	if _, stderr, err := s.cli("data-api", "store", "restore", backup, "--to", store); !isExit(err) || !strings.Contains(stderr, "--force keeps it aside") {
		t.Errorf("without --force: %v %s", err, stderr)
	}
	s.mustCLI("data-api", "store", "restore", backup, "--to", store, "--force")
	aside, err := filepath.Glob(store + ".20*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("aside are %v, %v", aside, err)
	}
	s.mustCLI("data-api", "store", "check", aside[0])
	s.start()
	for _, id := range acknowledged[:before] {
		if shown := s.mustCLI(s.admin("jobs", "show", id)...); !strings.Contains(shown, "acme/default/quick") {
			t.Errorf("%s: %s", id, shown)
		}
	}
	s.Execute("quick", token, `{}`).Job() // the signing keys are the same
}

// A server does not start with a damaged store, and says what to do; in particular it does not start empty.
func TestDamagedStoreKeepsTheServerFromServing(t *testing.T) {
	s := operated(t)
	s.stop()
	path := filepath.Join(s.Dir, "data-api.db")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:20_000], 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, err := s.cli("run", "--config", s.caddyfile)
	if !isExit(err) || !strings.Contains(stderr, "cut short") || !strings.Contains(stderr, "restore a backup") {
		t.Errorf("%v, %s", err, stderr)
	}
	if after, err := os.ReadFile(path); err != nil || fmt.Sprint(len(after)) != "20000" {
		t.Errorf("the file has %d bytes, %v", len(after), err)
	}
}
