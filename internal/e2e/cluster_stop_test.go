package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// A server that is told to stop claims nothing any more and is not ready, but answers until the load balancer has noticed. The jobs
// that it accepts meanwhile, and those that it cannot end in time, run on the other server at once.
func TestAServerThatStopsHandsItsWorkOver(t *testing.T) {
	t.Parallel()
	source, stored := pgtest.New(t), pgtest.New(t)
	config := serverConfig{
		sources: servertest.PostgresOf(source).Directive(),
		store:   "store postgres {env.STORE_URL}",
		globals: "shutdown_delay 15s", // in which a busy machine, too, comes to ask it the few things below
		env:     []string{"STORE_URL=" + stored.AdminDSN},
		files: map[string]string{
			"acme/default/quick.sql": "/*---\nsource: main\n---*/\nSELECT 1 AS n",
			"acme/default/short.sql": "/*---\nsource: main\nmode: async\ncolumns: { n: { type: integer } }\n---*/\nSELECT 1 AS n",
			"acme/default/long.sql":  "/*---\nsource: main\nmode: async\ncolumns: { n: { type: integer } }\n---*/\nSELECT 1 + length(pg_sleep(120)::text) AS n",
		},
	}
	first := newServer(t, config)
	token := first.Login("acme", "integration").Access
	long := first.Execute("long", token, `{}`).Want(http.StatusAccepted).Header.Get("Location")
	admin := source.Conn()
	begun := func() (at time.Time) { // when the query that runs has begun; zero: none runs
		t.Helper()
		var found *time.Time
		err := admin.QueryRow(t.Context(), `SELECT max(query_start) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
			AND query LIKE '%pg_sleep(120)%' AND pid <> pg_backend_pid()`).Scan(&found)
		if err != nil {
			t.Fatal(err)
		}
		if found != nil {
			at = *found
		}
		return at
	}
	servertest.Eventually(t, "the job runs", patience, func() bool { return !begun().IsZero() })
	before := begun()
	second := newServer(t, config)
	control := second.Control()

	stopped := time.Now()
	if err := first.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	servertest.Eventually(t, "it is not ready", patience, func() bool { return first.Get("/health/ready", "").Status == http.StatusServiceUnavailable })
	first.Execute("quick", token, `{}`).Want(http.StatusOK)
	accepted := first.Execute("short", token, `{}`).Want(http.StatusAccepted).Header.Get("Location")
	if ended := second.Await(accepted, token); ended.Status != "completed" {
		t.Errorf("the job that it has accepted is %+v", ended)
	}

	// The job that it cannot end in time.
	var gone time.Time
	servertest.Eventually(t, "its query is cancelled", 2*patience, func() bool {
		gone = time.Now()
		return !begun().Equal(before)
	})
	servertest.Eventually(t, "the other server runs it", patience, func() bool { return begun().After(before) })
	control.Within("taking over a job that was given back", time.Since(gone), time.Second)
	<-first.exited
	t.Logf("the job was given back after %s, and ran elsewhere %s later; the server was gone after %s",
		gone.Sub(stopped).Round(time.Millisecond), begun().Sub(gone).Round(time.Millisecond), time.Since(stopped).Round(time.Millisecond))
	second.Send(http.MethodDelete, long, token, "").Want(http.StatusOK)
	servertest.Eventually(t, "the query ends", patience, func() bool { return begun().IsZero() })
}
