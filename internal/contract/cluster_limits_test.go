package contract

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// loginToBoth returns a token that both servers know.
func loginToBoth(a, b *server) string {
	a.T.Helper()
	token := a.Login("acme", "integration").Access
	heard(b, "a new key", func() bool { return b.Get(servertest.WhoAmI, token).Status == http.StatusOK })
	return token
}

// Requests with one idempotency key are one job, whichever servers they come to and however close together.
func TestServersShareIdempotencyKeys(t *testing.T) {
	t.Parallel()
	servers, _ := cluster(t, 2)
	token := loginToBoth(servers[0], servers[1])
	for _, key := range []string{"one", "two", "three"} {
		var mu sync.Mutex
		jobs := make(map[string]int)
		var asking sync.WaitGroup
		for i := range 8 {
			asking.Go(func() {
				s := servers[i%2]
				got, err := s.TrySend(t.Context(), http.MethodPost, servertest.Endpoints+"relatorio-mensal/execute", token,
					`{"parameter_values":{"mes":"2026-03"}}`, "Idempotency-Key", key)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				jobs[got.Want(http.StatusAccepted).Header.Get("Location")]++
			})
		}
		asking.Wait()
		if len(jobs) != 1 {
			t.Errorf("one key makes %v", jobs)
		}
	}
}

// Only so many jobs of a company run on all servers together, and only so many wait.
func TestServersShareLimitsOfJobs(t *testing.T) {
	t.Parallel()
	servers, source := cluster(t, 2, func(settings *servertest.Settings) { settings.Jobs.PerCompany, settings.Jobs.MaxWaiting = 1, 2 })
	a, b := servers[0], servers[1]
	token := loginToBoth(a, b)
	admin := source.Conn()
	jobs := []string{begin(a, "endless-job", token, `{}`)}
	servertest.Eventually(t, "one job runs", servertest.Patience, func() bool { return running(t, admin) == 1 })
	jobs = append(jobs, begin(b, "endless-job", token, `{}`), begin(a, "endless-job", token, `{}`))
	b.Execute("endless-job", token, `{}`).Problem(http.StatusServiceUnavailable, string(dataapi.CodeOverloaded))
	for range 30 { // long enough for each server to have looked for jobs
		time.Sleep(100 * time.Millisecond)
		if n := running(t, admin); n != 1 {
			t.Fatalf("%d jobs of a company run at once", n)
		}
	}
	for i, job := range jobs {
		b.Send(http.MethodDelete, job, token, "").Want(http.StatusOK)
		servertest.Eventually(t, "the next one runs", servertest.Patience, func() bool { return running(t, admin) == min(1, len(jobs)-i-1) })
	}
}

// Results that are to be forgotten are forgotten by all servers, and an event stream ends wherever it is followed.
func TestServersSharePurgesAndEnds(t *testing.T) {
	t.Parallel()
	servers, source := cluster(t, 2)
	a, b := servers[0], servers[1]
	token := loginToBoth(a, b)
	kept := momentOf(b.Execute("kept", token, `{}`))
	if momentOf(b.Execute("kept", token, `{}`)) != kept {
		t.Fatal("the result is not kept")
	}
	if err := a.Services().TellPurge(t.Context(), "acme/default/kept"); err != nil {
		t.Fatal(err)
	}
	heard(b, "a purge", func() bool { return momentOf(b.Execute("kept", token, `{}`)) != kept })

	admin := source.Conn()
	endless := []string{begin(a, "endless-job", token, `{}`), begin(a, "endless-job", token, `{}`)}
	servertest.Eventually(t, "a job runs on each server", servertest.Patience, func() bool { return running(t, admin) == 2 })
	for _, job := range endless {
		for _, s := range servers {
			events, _, err := s.OpenStream(t.Context(), job, token)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				for range events { // until its end
				}
			}()
			if s == b {
				control, cancelled := b.Control(), time.Now()
				a.Send(http.MethodDelete, job, token, "").Want(http.StatusOK)
				last := ""
				for event := range events {
					last = event.Data
				}
				control.Within("the end of an event stream", time.Since(cancelled), heardWithin)
				if last == "" {
					t.Error("a stream without an event")
				}
			}
		}
	}
}
