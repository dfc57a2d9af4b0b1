//go:build linux && faults

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// backWithin is how soon after the promotion of a standby every server accepts jobs again.
const backWithin = 5 * time.Second

// failover is what happens to a store's primary.
type failover struct {
	stored *pgtest.DB
	hosts  string // of the store's connection string, and their ports
	kill   func()
	// promote returns once the standby writes, with the connection string of its superuser.
	promote func() (dsn string)
}

// The store's primary is killed under load, and its synchronous standby promoted: no job that was acknowledged is lost, each ends
// once, and every server accepts jobs again within 5 s of the promotion.
func TestFaultsClusterFailoverOfTheStore(t *testing.T) {
	primary := pgtest.NewCluster(t)
	standby := primary.NewStandby(t)
	primary.Synchronize(t)
	stored := primary.New(t)
	failOver(t, failover{
		stored: stored, hosts: fmt.Sprintf("host=%s,%s port=5432,5432", primary.Host(), standby.Host()),
		kill: func() { primary.Kill(t) },
		promote: func() string {
			sleepFor(t.Context(), 3*time.Second) // until somebody has noticed
			standby.Promote(t)
			return fmt.Sprintf("host=%s port=5432 user=postgres dbname=%s sslmode=disable", standby.Host(), stored.Name)
		},
	})
}

// failOver has two servers work on a store while its primary is lost.
func failOver(t *testing.T, f failover) {
	t.Helper()
	source := pgtest.NewCluster(t, loggingStatements...)
	c := &serverCluster{source: source, hook: servertest.NewHook(t)}
	c.start(t, 2, f.stored, func(db *pgtest.DB) string {
		return fmt.Sprintf("%s user=%s dbname=%s sslmode=disable target_session_attrs=read-write", f.hosts, pgtest.ReaderRole, db.Name)
	}, source.New(t).ReaderDSN)
	l := newClusterLoad(c)
	end := l.begin(t.Context())
	defer end()
	sleepFor(t.Context(), 10*time.Second)

	l.during("failover")
	killed := time.Now()
	f.kill()
	l.store = f.promote()
	promoted := time.Now()
	for n := range l.nodes {
		l.awaitAccepted(t, n)
		back := time.Since(promoted)
		t.Logf("server %d accepts jobs %s after the promotion, %s after the primary was killed", n+1,
			back.Round(10*time.Millisecond), time.Since(killed).Round(10*time.Millisecond))
		if back > backWithin {
			t.Errorf("server %d was back %s after the promotion: it may take %s", n+1, back, backWithin)
		}
	}
	ran := len(l.runs(t))
	servertest.Eventually(t, "jobs run again", patience, func() bool { return len(l.runs(t)) > ran })
	t.Logf("jobs run again %s after the promotion", time.Since(promoted).Round(10*time.Millisecond))
	l.during("after the failover")
	sleepFor(t.Context(), 10*time.Second)
	end()
	l.awaitJobs(t)
	l.check(t, nil)
}

// awaitAccepted waits until a server accepts a job.
func (l *clusterLoad) awaitAccepted(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		got, err := l.nodes[n].Try(context.Background(), http.MethodPost, endpoints+"work/execute", l.token, `{"parameter_values":{"n":0}}`)
		if err == nil && got.Status == http.StatusAccepted {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("server %d accepts no job: %d %s %v", n+1, got.Status, got.Body, err)
		}
	}
}
