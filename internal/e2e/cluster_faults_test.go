//go:build linux && faults

// This test needs Linux, root, iproute2 and nftables: `make faults-cluster` runs it.

package e2e

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// killsVariable is how many processes are killed.
const killsVariable = "DATA_API_TEST_CLUSTER_KILLS"

// Three servers on one store, each on a network of its own and behind a load balancer, work under load while they are killed,
// stopped, cut off from their store, and replaced one after the other. No job that was acknowledged is lost, none ends twice,
// and what a dead server ran runs elsewhere within 35 s.
func TestFaultsClusterOfThreeServers(t *testing.T) {
	kills := 50
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	l := newClusterLoad(newServerCluster(t, 3))
	end := l.begin(t.Context())
	defer end()
	var deaths []death
	pause := func(d time.Duration) { sleepFor(t.Context(), d) }

	pause(10 * time.Second)
	for range kills {
		n := rand.IntN(len(l.nodes))
		deaths = append(deaths, l.kill(n, "kill -9"))
		pause(rand.N(2 * time.Second))
		l.restart(n)
		pause(2*time.Second + rand.N(2*time.Second))
	}
	t.Logf("%d processes were killed", kills)
	pause(takenOver)

	l.during("SIGSTOP for 45 s")
	l.signal(t, 0, syscall.SIGSTOP)
	deaths = append(deaths, death{"SIGSTOP for 45 s", l.nodes[0].address, time.Now()})
	pause(45 * time.Second)
	l.signal(t, 0, syscall.SIGCONT)
	pause(10 * time.Second)
	l.during("")
	pause(5 * time.Second)

	l.during("cut off from the store for 60 s")
	cut := time.Now()
	heal := l.network.cut(1)
	deaths = append(deaths, death{"cut off from the store for 60 s", l.nodes[1].address, cut})
	l.cutOff(t, 50*time.Second)
	pause(time.Until(cut.Add(time.Minute)))
	heal()
	healed := time.Now()
	l.awaitReady(t, 1)
	t.Logf("the server that was cut off is ready again %s after the network is back", time.Since(healed).Round(10*time.Millisecond))
	pause(10 * time.Second)
	l.during("")
	pause(5 * time.Second)

	l.during("rolling upgrade")
	for n := range l.nodes {
		begun := time.Now()
		l.signal(t, n, syscall.SIGTERM)
		<-l.nodes[n].exited
		stopped := time.Since(begun)
		l.restart(n)
		l.awaitReady(t, n)
		t.Logf("server %d was gone %s after it was told to stop, and its successor ready after %s", n+1,
			stopped.Round(10*time.Millisecond), time.Since(begun).Round(10*time.Millisecond))
		pause(5 * time.Second)
	}
	l.during("")
	pause(5 * time.Second)
	end()
	l.awaitJobs(t)
	l.check(t, deaths)
	for reason, n := range l.failed["rolling upgrade"] {
		t.Errorf("%d sync requests failed while servers were replaced one after the other: %s", n, reason)
	}
}

// cutOff asks the second server itself, while it is cut off, for what needs no store and for what does.
func (l *clusterLoad) cutOff(t *testing.T, during time.Duration) {
	t.Helper()
	synced, failed, refused := 0, map[string]int{}, map[string]int{}
	client := &http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	direct := &clusterLoad{serverCluster: &serverCluster{server: l.nodes[1], token: l.token}}
	for end := time.Now().Add(during); time.Now().Before(end); sleepFor(t.Context(), 200*time.Millisecond) {
		status, body, err := direct.post(client, "point", `{}`)
		if status == http.StatusOK {
			synced++
		} else {
			failed[reason(status, body, err)]++
		}
		if synced%20 == 1 {
			status, body, err = direct.post(client, "work", `{"parameter_values":{"n":0}}`)
			refused[reason(status, body, err)]++
		}
	}
	t.Logf("asked itself while it is cut off, it answers %d sync requests, and %v; jobs: %v", synced, failed, refused)
}

// awaitReady waits until a server says that it is ready.
func (l *clusterLoad) awaitReady(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		got, err := l.nodes[n].Try(context.Background(), http.MethodGet, "/health/ready", "", "")
		if err == nil && got.Status == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("server %d is not ready: %d %s %v", n+1, got.Status, got.Body, err)
		}
	}
}
