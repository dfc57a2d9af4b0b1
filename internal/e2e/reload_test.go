package e2e

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// reloadEvery is the pace of the reload tests.
const reloadEvery = 100 * time.Millisecond

func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	reloadUnderLoad(t, 24, 3) // each setting once
}

// The server is killed under load. No job that was answered 202 is lost; and whether the caller of a refresh got an answer or not, it
// can go on with what it has.
func TestKillNineLosesNoJob(t *testing.T) {
	t.Parallel()
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e)})
	token, pair := s.Login("acme", "integration").Access, s.Login("acme", "integration")
	var jobs []string
	const rounds, eachRound = 6, 20 // jobs, and some more
	lost := 0
	for round := range rounds {
		ctx, stop := context.WithCancel(context.Background())
		var load sync.WaitGroup
		var mu sync.Mutex
		for range 4 {
			load.Go(func() {
				for ctx.Err() == nil {
					got, err := s.Try(ctx, http.MethodPost, endpoints+"relatorio-mensal/execute", token, `{"parameter_values":{"mes":"2026-01"}}`)
					if err == nil && got.Status == http.StatusAccepted {
						mu.Lock()
						jobs = append(jobs, got.Header.Get("Location"))
						mu.Unlock()
					}
					time.Sleep(2 * time.Millisecond) // each job is looked at in the end
				}
			})
		}
		eventually(t, "there is load", patience, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(jobs) >= (round+1)*eachRound
		})
		refreshed := make(chan answer, 1)
		go func() {
			got, err := s.Try(t.Context(), http.MethodPost, refreshRoute, "", servertest.RefreshBody(pair.Refresh))
			if err != nil {
				got.Status = 0
			}
			refreshed <- got
		}()
		time.Sleep(rand.N(8 * time.Millisecond))
		s.kill()
		stop()
		load.Wait()
		if got := <-refreshed; got.Status == http.StatusOK {
			got.Decode(&pair)
		} else {
			lost++
		}
		s.start()
		pair = s.Refresh(pair.Refresh)
		s.Get(whoAmI, pair.Access).Want(http.StatusOK)
	}
	t.Logf("%d jobs were answered 202 in %d rounds; %d answers to refreshes were lost", len(jobs), rounds, lost)
	for _, pollingURL := range jobs {
		if job := s.Await(pollingURL, token); job.Status != "completed" {
			t.Errorf("%s ended as %s: %+v", pollingURL, job.Status, job.Error)
		}
	}
}
