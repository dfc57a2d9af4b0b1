package contract

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
)

// TestAnOutageLeavesAReadableLog: while a database is away for 2 s, and everybody asks for it, the log has a line when it goes,
// one when it returns, and samples between them, which say whose calls have failed.
func TestAnOutageLeavesAReadableLog(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	db.Exec(sales)
	log := new(servertest.Log) // of the source
	main := servertest.PostgresSource(t, postgres.Config{DSN: db.ReaderDSN, Logger: slog.New(slog.NewJSONHandler(log, nil))})
	s := newServer(t, servertest.Config{Sources: map[string]*servertest.Source{"main": main}, Files: files(engines[1])})
	token := s.Login("acme", "integration").Access
	const good = `{"data_inicio":"2026-01-01","regiao":"Sul"}`
	s.Execute("vendas-por-regiao", token, good).Want(http.StatusOK)
	before := len(s.Log.String())

	var failed, succeeded atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var got servertest.Answer
				if i < 6 {
					got = s.Execute("vendas-por-regiao", token, good)
				} else { // a job
					got = s.Call("vendas-por-regiao", token, good, "Prefer", "respond-async")
				}
				switch got.Status {
				case http.StatusOK:
					succeeded.Add(1)
				case http.StatusAccepted:
				case http.StatusServiceUnavailable:
					failed.Add(1)
				default:
					t.Errorf("got %d %s", got.Status, got.Body)
				}
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	cluster.Stop(t)
	time.Sleep(2 * time.Second) // the outage, which is longer where the machine has other things to do
	servertest.Eventually(t, "calls fail", servertest.Patience, func() bool { return failed.Load() >= 50 })
	cluster.Start(t)
	back := succeeded.Load()
	servertest.Eventually(t, "calls succeed again", servertest.Patience, func() bool { return succeeded.Load() > back+20 })
	close(stop)
	clients.Wait()
	eventually(t, "the log tells that the database is back", patience, func() bool { // others may be answered before it is written
		return strings.Contains(log.String(), `"the database is available again"`)
	})
	told := s.Log.String()[before:] + log.String()
	if lines := strings.Count(told, "\n"); lines >= 50 {
		t.Errorf("%d lines:\n%s", lines, told)
	}
	for line, most := range map[string]int{`"the database is unavailable"`: 1, `"the database is available again"`: 1} {
		if count := strings.Count(told, line); count < 1 || count > most {
			t.Errorf("%s is there %d times:\n%s", line, count, told)
		}
	}
	if !strings.Contains(told, `"company":"acme","user":"integration","endpoint":"acme/default/vendas-por-regiao"`) {
		t.Errorf("nothing says whose calls have failed:\n%s", told)
	}
}
