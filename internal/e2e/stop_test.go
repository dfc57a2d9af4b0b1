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

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// stopLimit is how long a server that is told to stop waits for its work: see docs/operations.md.
const stopLimit = 10 * time.Second

// TestStopHasOneOrder: whichever app Caddy stops first, a server that is told to stop accepts nothing any more while its
// jobs and requests end, ends them, and then goes. It goes at once when there are none.
func TestStopHasOneOrder(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE FUNCTION awaits() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN 1; END $$`)
	const work = "SELECT awaits() AS n"
	s := newServer(t, serverConfig{sources: `source main postgres "` + db.ReaderDSN + `"`, files: map[string]string{
		"acme/default/long.sql":     "/*---\nsource: main\n---*/\n" + work,
		"acme/default/long-job.sql": "/*---\nsource: main\nmode: async\n---*/\n" + work,
	}})
	token := s.Login("acme", "integration").Access
	gate, watcher := db.Conn(), db.Conn()
	ask := func(conn *pgx.Conn, sql string) (n int) {
		t.Helper()
		if err := conn.QueryRow(context.Background(), sql).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	running := func() int {
		t.Helper()
		return ask(watcher, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	}
	control := s.Control()
	begun := time.Now()
	s.stopAccepting()
	<-s.exited
	control.Within("stopping without work", time.Since(begun), 2*time.Second)
	s.start()

	const rounds = 4 // Caddy stops its apps in random order
	for done, tries := 0, 0; done < rounds; tries++ {
		if tries == 5*rounds {
			t.Fatalf("%d rounds of %d were quick enough to tell anything", done, tries)
		}
		ask(gate, "SELECT 1 FROM pg_advisory_lock(1)")
		job := s.Execute("long-job", token, `{}`).Want(http.StatusAccepted).Header.Get("Location")
		answered := make(chan error, 1)
		go func() {
			got, err := s.Try(context.Background(), http.MethodPost, "/api/v1/data-api/default/long/execute", token, `{}`)
			if err == nil && got.Status != http.StatusOK {
				err = fmt.Errorf("%d %s", got.Status, got.Body)
			}
			answered <- err
		}()
		eventually(t, "the queries start", patience, func() bool { return running() == 2 })
		begun := time.Now()
		s.stopAccepting()
		refusing, working := time.Since(begun), running()
		ask(gate, "SELECT 1 FROM pg_advisory_unlock(1)")
		released := time.Since(begun)
		<-s.exited
		gone := time.Now()
		failed := <-answered
		s.start()
		ended := s.Await(job, token)
		if released > stopLimit/2 { // the machine has other things to do, and the server may have waited as long as it does
			t.Logf("the server refused connections after %s, and its work could end after %s", refusing, released)
			continue
		}
		done++
		t.Logf("it refuses connections after %s, and is gone %s after its work could end", refusing.Round(time.Millisecond),
			(gone.Sub(begun) - released).Round(time.Millisecond))
		if working != 2 {
			t.Errorf("%d of 2 queries run while it accepts nothing any more", working)
		}
		if failed != nil {
			t.Errorf("the request that ran: %v", failed)
		}
		if ended.Status != "completed" || ended.CompletedAt == nil {
			t.Fatalf("the job is %+v", ended)
		}
		if at, err := time.Parse(time.RFC3339, *ended.CompletedAt); err != nil || at.After(gone) {
			t.Errorf("the job ended at %s, after the server was gone: %v", *ended.CompletedAt, err)
		}
	}
}

// stopAccepting tells the server to stop, and returns when it refuses connections.
func (s *server) stopAccepting() {
	s.T.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.T.Fatal(err)
	}
	for {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", s.port), time.Minute)
		switch {
		case err == nil:
			_ = conn.Close()
			time.Sleep(5 * time.Millisecond)
		case errors.Is(err, syscall.ECONNREFUSED):
			return
		case !errors.Is(err, syscall.ECONNRESET):
			s.T.Fatal(err)
		}
	}
}
