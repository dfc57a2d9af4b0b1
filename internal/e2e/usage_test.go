package e2e

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

func TestUsageAcrossReloadsAndKills(t *testing.T) {
	t.Parallel()
	usageUnderFaults(t, 1000, 10, 2)
}

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

// usedCalls is how many calls there were, as operators are told.
func (s *server) usedCalls() int64 {
	s.T.Helper()
	var report usage.Report
	s.askAdmin(http.MethodGet, "/data_api/usage", "", &report)
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
		if err := s.load(string(content)); err != nil {
			t.Fatal(err)
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
		settled, most := l.settle(counted)
		reload() // which writes
		// A call of which nobody knows may be counted late.
		if counted = s.usedCalls(); counted < settled || counted > most {
			t.Fatalf("%d calls are counted after a reload, want %d, and %d at most", counted, settled, most)
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
	settled, most := l.settle(counted)
	s.stop()
	s.start()
	if got := s.usedCalls(); got < settled || got > most {
		t.Errorf("%d calls are counted after a stop, want %d, and %d at most", got, settled, most)
	}
}

// settle waits until all calls that were answered are counted, beside those before, and returns how many there are in all, and how many
// there can come to be.
func (l *usageLoad) settle(before int64) (counted, most int64) {
	l.s.T.Helper()
	answered, doubtful := l.answered.Load(), l.doubtful.Load()
	most = before + answered + doubtful
	servertest.Eventually(l.s.T, "the calls are counted", servertest.Patience, func() bool {
		counted = l.s.usedCalls()
		return counted >= before+answered
	})
	l.s.T.Logf("%d calls were answered, the connections of %d ended", answered, doubtful)
	if counted > most {
		l.s.T.Fatalf("%d calls are counted; %d were before, %d answered since, and of %d nobody knows", counted, before, answered, doubtful)
	}
	if answered < 100 {
		l.s.T.Fatal("there was no load to speak of")
	}
	return counted, most
}
