package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// TestStopHasOneOrder: whichever app Caddy stops first, a server that is told to stop accepts nothing any more while its
// jobs and requests end, ends them, and then goes. It goes at once when there are none.
func TestStopHasOneOrder(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	const work = "SELECT 1 AS n, pg_sleep(2)::text AS pause"
	s := newServer(t, serverConfig{sources: `source main postgres "` + db.ReaderDSN + `"`, files: map[string]string{
		"acme/default/long.sql":     "/*---\nsource: main\n---*/\n" + work,
		"acme/default/long-job.sql": "/*---\nsource: main\nmode: async\n---*/\n" + work,
	}})
	token := s.Login("acme", "integration").Access
	watcher := db.Conn()
	running := func() (n int) {
		t.Helper()
		err := watcher.QueryRow(context.Background(), `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	idle, _ := s.stopTimes()
	s.start()
	const rounds = 4 // Caddy stops its apps in random order
	for range rounds {
		job := s.Execute("long-job", token, `{}`).Want(http.StatusAccepted).Header.Get("Location")
		answered := make(chan error, 1)
		go func() {
			got, err := s.Try(context.Background(), http.MethodPost, "/api/v1/data-api/default/long/execute", token, `{}`)
			if err == nil && got.Status != http.StatusOK {
				err = fmt.Errorf("%d %s", got.Status, got.Body)
			}
			answered <- err
		}()
		for deadline := time.Now().Add(patience); running() < 2; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the queries do not start")
			}
		}
		gone, refusing := s.stopTimes()
		stopped := time.Now()
		t.Logf("with work that runs it refuses connections after %s, and is gone after %s; without any it is gone after %s",
			refusing.Round(time.Millisecond), gone.Round(time.Millisecond), idle.Round(time.Millisecond))
		if refusing > gone/2 {
			t.Errorf("it accepts connections for %s of the %s that it takes to stop", refusing, gone)
		}
		if idle > gone {
			t.Errorf("it takes %s to stop without work, and %s with some", idle, gone)
		}
		if err := <-answered; err != nil {
			t.Errorf("the request that ran: %v", err)
		}
		s.start()
		ended := s.Await(job, token)
		if ended.Status != "completed" || ended.CompletedAt == nil {
			t.Fatalf("the job is %+v", ended)
		}
		if at, err := time.Parse(time.RFC3339, *ended.CompletedAt); err != nil || at.After(stopped) {
			t.Errorf("the job ended at %s, after the server was gone: %v", *ended.CompletedAt, err)
		}
	}
}

// stopTimes stops the server, and returns when it was gone and since when it refuses connections.
func (s *server) stopTimes() (gone, refusing time.Duration) {
	s.T.Helper()
	begun := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.T.Fatal(err)
	}
	for refusing == 0 {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", s.port), time.Minute)
		switch {
		case err == nil:
			_ = conn.Close()
			time.Sleep(5 * time.Millisecond)
		case errors.Is(err, syscall.ECONNREFUSED):
			refusing = time.Since(begun)
		case !errors.Is(err, syscall.ECONNRESET):
			s.T.Fatal(err)
		}
	}
	<-s.exited
	return time.Since(begun), refusing
}
