package caddymodule_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// TestOutageIsAFewLines: while a database is away for two seconds, under load, the log has one line when it goes, one when it returns, and
// few between them; requests are told to come back.
func TestOutageIsAFewLines(t *testing.T) {
	cluster := pgtest.NewCluster(t)
	s := run(t)
	s.mustLoad(settings{
		name: "outage", postgres: cluster.New(t).ReaderDSN,
		catalog: catalogOf(t, map[string]string{"one": sayOne, "later": "/*---\nsource: main\nmode: async\n---*/\nSELECT 1 AS one"}),
	})
	s.login()
	var good, bad atomic.Int64
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for caller := range 16 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				slug := "one"
				if caller == 0 {
					slug = "later"
				}
				switch status, answer, err := s.execute(s.clientHelper, slug); {
				case err != nil:
					t.Error(err)
					return
				case status == http.StatusOK:
					good.Add(1)
				case status == http.StatusAccepted: // which needs no database
				case status == http.StatusServiceUnavailable:
					bad.Add(1)
				default:
					t.Errorf("%d %s", status, answer)
					return
				}
			}
		})
	}
	more := func(what string) {
		t.Helper()
		wanted := good.Load() + 100
		eventually(t, what, func() bool { return good.Load() > wanted })
	}
	more("requests are answered")
	before := len(s.logOf("outage.log"))
	cluster.Stop(t)
	time.Sleep(2 * time.Second)
	cluster.Start(t)
	more("requests are answered again")
	close(stop)
	callers.Wait()
	eventually(t, "the log tells that the database is back", func() bool { // others may be answered before it is written
		return strings.Contains(s.logOf("outage.log")[before:], "the database is available again")
	})
	said := s.logOf("outage.log")[before:]
	if lines := strings.Count(said, "\n"); lines >= 50 {
		t.Errorf("%d lines were logged for %d failures:\n%s", lines, bad.Load(), said)
	}
	for _, want := range []string{"the database is unavailable", "the database is available again"} {
		if strings.Count(said, want) != 1 {
			t.Errorf("%q should be said once:\n%s", want, said)
		}
	}
	t.Logf("%d good answers and %d failures are %d lines", good.Load(), bad.Load(), strings.Count(said, "\n"))
}
