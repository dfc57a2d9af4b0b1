package contract

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

func TestSourceThatIsDown(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	db.Exec(sales)
	cluster.Stop(t)
	e := engines[1]
	s := newServer(t, servertest.Config{Database: servertest.PostgresOf(db), Files: files(e)})
	token := s.Login("acme", "integration").Access
	down := s.Execute("vendas-por-regiao", token, `{"data_inicio":"2026-01-01"}`).Problem(http.StatusServiceUnavailable, "SOURCE_UNAVAILABLE")
	if down.Header.Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
	cluster.Start(t)
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if got := s.Execute("vendas-por-regiao", token, `{"data_inicio":"2026-01-01"}`); got.Status == http.StatusOK {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the source is back and the endpoint is not: %d %s", got.Status, got.Body)
		}
	}
	cluster.Stop(t)
	s.Execute("vendas-por-regiao", token, `{"data_inicio":"2026-01-01"}`).Problem(http.StatusServiceUnavailable, "SOURCE_UNAVAILABLE")
	cluster.Start(t)
}

// A caller that goes away cancels its query inside the database.
func TestDisconnectCancelsTheQuery(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(sales)
	e := engines[1]
	s := newServer(t, servertest.Config{Database: servertest.PostgresOf(db), Files: files(e)})
	token := s.Login("acme", "integration").Access
	watcher := db.Conn()
	running := func() (n int) {
		err := watcher.QueryRow(context.Background(), `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	control := s.Control()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = s.Try(ctx, http.MethodPost, "/api/v1/data-api/default/endless/execute", token, `{}`)
	}()
	for deadline := time.Now().Add(patience); running() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the query does not start")
		}
	}
	cancel()
	<-done
	gone := time.Now()
	eventually(t, "the query is gone", patience, func() bool { return running() == 0 })
	took := time.Since(gone)
	control.Within("the end of the query", took, time.Second)
	t.Logf("the query was gone %s after its caller", took.Round(time.Millisecond))
}
