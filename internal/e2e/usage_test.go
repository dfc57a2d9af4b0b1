package e2e

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

func TestUsageAcrossReloadsAndKills(t *testing.T) { usageUnderFaults(t, 2000, 20, 2) }

// usageLoad makes calls and knows what has become of them.
type usageLoad struct {
	s      *server
	token  string
	client *http.Client

	answered atomic.Int64
	doubtful atomic.Int64 // whether the server has counted them nobody knows: their connection has ended
}

const usageWorkers = 8

func newUsageLoad(s *server) *usageLoad {
	transport := &http.Transport{MaxIdleConnsPerHost: usageWorkers}
	s.T.Cleanup(transport.CloseIdleConnections)
	return &usageLoad{s: s, token: s.Login("acme", "integration").Access, client: &http.Client{Transport: transport}}
}

// run makes so many calls.
func (l *usageLoad) run(calls int) {
	l.s.T.Helper()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range usageWorkers {
		workers.Go(func() {
			for next.Add(1) <= int64(calls) {
				l.call()
			}
		})
	}
	workers.Wait()
}

func (l *usageLoad) call() {
	request, err := http.NewRequest(http.MethodPost, l.s.URL(servertest.Endpoints+"one/execute"), strings.NewReader(`{}`))
	if err != nil {
		l.s.T.Error(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+l.token)
	request.Header.Set("Content-Type", "application/json")
	got, err := l.s.DoWith(l.client, request)
	switch {
	case err != nil:
		l.doubtful.Add(1)
	case got.Status != http.StatusOK:
		l.s.T.Errorf("a call was answered %d: %s", got.Status, got.Body)
	default:
		l.answered.Add(1)
	}
}

// usedCalls asks the command how many calls there were.
func (s *server) usedCalls() int64 {
	s.T.Helper()
	var report usage.Report
	if err := json.Unmarshal([]byte(s.mustCLI(s.admin("usage", "--json")...)), &report); err != nil {
		s.T.Fatal(err)
	}
	return report.Totals.Calls
}

// usageUnderFaults counts calls while the server is reloaded, and kills it now and then. No call is lost but those since the
// last time that the server has written what it counted, and none is counted twice.
func usageUnderFaults(t *testing.T, calls, reloads, kills int) {
	s := newServer(t, serverConfig{
		sources: engines[0].Source(t, t.TempDir(), sales).Directive(),
		files: map[string]string{
			"acme/company.yaml":    "users: { integration: { policies: [DataAPIConsumer] } }\n",
			"acme/default/one.sql": "/*---\nsource: main\nlimits: { cache: 1h }\n---*/\nSELECT 1 AS one",
		},
	})
	l := newUsageLoad(s)
	content, err := os.ReadFile(s.caddyfile)
	if err != nil {
		t.Fatal(err)
	}
	reload := func() {
		t.Helper()
		if status := s.load(t, string(content)); status != http.StatusOK {
			t.Fatalf("a reload gave %d\n%s", status, s.Log)
		}
	}
	counted := int64(0) // before the last kill
	for range kills {
		var loading sync.WaitGroup
		loading.Go(func() { l.run(calls / kills) })
		for range reloads / kills {
			reload()
		}
		loading.Wait()
		counted = l.settle(counted)
		reload() // which writes
		if got := s.usedCalls(); got != counted {
			t.Fatalf("%d calls are counted after a reload, want %d", got, counted)
		}
		const unwritten = 20
		l.run(unwritten)
		s.kill()
		s.start()
		after := s.usedCalls()
		if after < counted || after > counted+unwritten {
			t.Fatalf("%d calls are counted after a kill, want %d to %d", after, counted, counted+unwritten)
		}
		counted = after
		l.answered.Store(0)
		l.doubtful.Store(0)
	}
	l.run(100)
	counted = l.settle(counted)
	s.stop()
	s.start()
	if got := s.usedCalls(); got != counted {
		t.Errorf("%d calls are counted after a stop, want %d", got, counted)
	}
}

// settle waits until all calls that were answered are counted, beside those before, and returns how many there are in all.
func (l *usageLoad) settle(before int64) (counted int64) {
	l.s.T.Helper()
	answered, doubtful := l.answered.Load(), l.doubtful.Load()
	servertest.Eventually(l.s.T, "the calls are counted", servertest.Patience, func() bool {
		counted = l.s.usedCalls()
		return counted >= before+answered
	})
	l.s.T.Logf("%d calls were answered, the connections of %d ended", answered, doubtful)
	if counted > before+answered+doubtful {
		l.s.T.Fatalf("%d calls are counted; %d were before, %d answered since, and of %d nobody knows", counted, before, answered, doubtful)
	}
	if answered < 100 {
		l.s.T.Fatal("there was no load to speak of")
	}
	return counted
}

// TestUsageCommand prints a table, CSV, and what is wrong with the question.
func TestUsageCommand(t *testing.T) {
	s := newServer(t, serverConfig{
		sources: engines[0].Source(t, t.TempDir(), sales).Directive(),
		files: map[string]string{
			"acme/company.yaml":       "users: { integration: { policies: [DataAPIConsumer] } }\n",
			"acme/default/one.sql":    "/*---\nsource: main\n---*/\nSELECT 1 AS one",
			"globex/company.yaml":     "users: { reader: { policies: [DataAPIConsumer] } }\n",
			"globex/default/some.sql": "/*---\nsource: main\n---*/\nSELECT 1 AS one UNION SELECT 2",
		},
	})
	if out := s.mustCLI(s.admin("usage")...); !strings.HasPrefix(out, "Nothing was called from ") {
		t.Errorf("before any call: %s", out)
	}
	token, other := s.Login("acme", "integration").Access, s.Login("globex", "reader").Access
	for range 11 {
		s.Execute("one", token, `{}`).Want(http.StatusOK)
	}
	s.Execute("some", other, `{}`).Want(http.StatusOK)
	servertest.Eventually(t, "the calls are counted", servertest.Patience, func() bool { return s.usedCalls() == 12 })
	table := strings.Split(s.mustCLI(s.admin("usage", "--by", "endpoint,user")...), "\n")
	for i, want := range []string{
		"COMPANY USER ENDPOINT CALLS ERRORS ROWS BYTES DATABASE S CACHE HITS JOBS",
		"acme integration acme/default/one 11 0 11 ", "globex reader globex/default/some 1 0 2 ", "total - - 12 0 13 ",
	} {
		if got := strings.Join(strings.Fields(table[i]), " "); !strings.HasPrefix(got, want) {
			t.Errorf("line %d is %q, want %q", i, got, want)
		}
	}
	for _, line := range table[1:4] { // numbers stand below the ends of their headings
		if end := strings.Index(table[0], "CALLS") + len("CALLS"); end > len(line) || line[end-1] == ' ' {
			t.Errorf("the table is not aligned:\n%s", strings.Join(table, "\n"))
		}
	}
	lines, err := csv.NewReader(strings.NewReader(s.mustCLI(s.admin("usage", "--by", "day", "--csv", "--company", "globex")...))).ReadAll()
	if err != nil || len(lines) != 2 || lines[0][0] != "day" || lines[1][0] != time.Now().UTC().Format(time.DateOnly) || lines[1][1] != "1" {
		t.Errorf("CSV: %v, %v", lines, err)
	}
	if out := s.mustCLI(s.admin("usage", "--by", "user", "--limit", "1")...); !strings.Contains(out, "There are more lines") {
		t.Errorf("with a limit: %s", out)
	}
	for line, want := range map[string]string{
		"usage --by endpiont":     `by names the unknown dimension "endpiont"; did you mean "endpoint"?`,
		"usage --company globax":  `did you mean "globex"?`,
		"usage --from 2026-13-01": "from must be a date such as 2026-04-01",
	} {
		if _, stderr, err := s.cli(s.admin(strings.Fields(line)...)...); !isExit(err) || !strings.Contains(stderr, want) {
			t.Errorf("%s: %v %s", line, err, stderr)
		}
	}
}
