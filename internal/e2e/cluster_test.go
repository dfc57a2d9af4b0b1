package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// takenOver is how long after a server's last sign of life another runs its jobs.
const takenOver = 35 * time.Second

// A server that is killed leaves its jobs to another, which runs them to their end; a caller that polls it is told there. The role of
// the store owns its schema, and has no other right.
func TestAnotherServerRunsTheJobsOfOneThatWasKilled(t *testing.T) {
	t.Parallel()
	source, stored := pgtest.New(t), pgtest.New(t)
	stored.Exec("CREATE SCHEMA edge AUTHORIZATION " + pgtest.ReaderRole)
	config := serverConfig{
		sources: servertest.PostgresOf(source).Directive(),
		store:   "store postgres {env.STORE_URL} {\n schema edge\n}",
		env:     []string{"STORE_URL=" + stored.ReaderDSN},
		files: map[string]string{
			"acme/default/nap.sql": "/*---\nsource: main\nmode: async\ncolumns: { n: { type: integer } }\n---*/\nSELECT 1 + length(pg_sleep(4)::text) AS n",
		},
	}
	first := newServer(t, config)
	token := first.Login("acme", "integration").Access
	job := first.Execute("nap", token, `{}`).Want(http.StatusAccepted).Header.Get("Location")
	admin := source.Conn()
	servertest.Eventually(t, "the job runs", patience, func() bool {
		running := false
		err := admin.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
			AND query LIKE '%pg_sleep(4)%' AND pid <> pg_backend_pid())`).Scan(&running)
		return err == nil && running
	})

	second := newServer(t, config)
	control, killed := second.Control(), time.Now()
	first.kill()
	var ended document
	servertest.Eventually(t, "the job ends", takenOver+2*patience, func() bool {
		second.Get(job, token).Want(http.StatusOK).Decode(&ended)
		return ended.Status != "processing"
	})
	if took := time.Since(killed); ended.Status != "completed" {
		t.Errorf("the job is %+v after %s", ended, took)
	} else {
		control.Within("the job of a server that was killed, which takes 4 s itself,", took, takenOver+4*time.Second)
		t.Logf("the job had ended %s after its server was killed", took.Round(100*time.Millisecond))
	}

	// What the commands say of the store.
	upToDate := regexp.MustCompile(`^schema edge: step \d+, 0 steps missing\n$`)
	if said, stderr, err := second.cliWith(config.env, "data-api", "store", "migrate", "--check", "--config", second.caddyfile); err != nil || !upToDate.MatchString(said) {
		t.Errorf("store migrate --check says %q: %v, %s", said, err, stderr)
	}
	if _, stderr, err := second.cli(second.admin("store", "compact")...); err == nil || !strings.Contains(stderr, "needs no compaction") {
		t.Errorf("store compact: %q, %v", stderr, err)
	}
	first.start(config.env...)
	if got := first.Get(job, token).Want(http.StatusOK); !strings.Contains(string(got.Body), `"completed"`) {
		t.Errorf("the server that is back reads %s", got.Body)
	}
}
