package contract

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// revocationLimit is how long after the end of a revocation anything of a user who lost access may still succeed.
const revocationLimit = time.Second

// revocationServer has endless work, and a receiver of callbacks.
func revocationServer(t *testing.T) (*server, *servertest.Hook) {
	t.Helper()
	e, receiver := engines[0], servertest.NewHook(t)
	catalog := files(e)
	catalog["acme/company.yaml"] = companyFile + "  colleague: { policies: [DataAPIConsumer] }\n"
	catalog["acme/default/endless-job.sql"] = "/*---\nsource: main\nmode: async\n---*/\n" + e.Slow
	catalog["acme/default/seconds.sql"] = "/*---\nsource: main\nlimits: { timeout: 3s }\non_timeout: continue\n---*/\n" + e.Steady
	return newServer(t, servertest.Config{
		Database: e.Source(t, t.TempDir(), sales), Files: catalog,
		Settings: func(settings *servertest.Settings) {
			settings.CallbackHosts = []string{receiver.Host()}
			settings.Jobs.Workers, settings.Jobs.PerCompany = 1, 1
		},
	}), receiver
}

// withdrawals are the ways of losing access.
var withdrawals = map[string]func(s *server, key credentials){
	"the key is revoked": func(s *server, key credentials) { s.Revoke(key.Key) },
	"the key is rotated without overlap": func(s *server, key credentials) {
		s.Rotate(key.Key, 0)
	},
	"the user is deactivated": func(s *server, _ credentials) {
		s.WriteCatalog("acme/company.yaml", "users: { integration: { active: no }, colleague: { policies: [DataAPIConsumer] } }")
	},
	"the user is removed": func(s *server, _ credentials) {
		s.WriteCatalog("acme/company.yaml", "users: { colleague: { policies: [DataAPIConsumer] } }")
	},
}

func TestRevocationUnderLoad(t *testing.T) {
	t.Parallel()
	for name, withdraw := range withdrawals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, receiver := revocationServer(t)
			key, token := s.CreateKeyAndLogin("acme", "integration")
			refresh := s.Exchange("acme", key).Refresh
			colleague := s.Login("acme", "colleague").Access
			callback := fmt.Sprintf(`{"callback_url":%q}`, receiver.URL)
			running := s.Post(endpoints+"endless-job/execute", token, callback).Want(http.StatusAccepted).Header.Get("Location")
			queued := s.Post(endpoints+"endless-job/execute", token, callback).Want(http.StatusAccepted).Header.Get("Location")
			eventually(t, "the job runs", patience, func() bool {
				return strings.Contains(string(s.Get(running, token).Body), `"progress":{`)
			})

			var last, refused atomic.Int64 // when the last 2xx came, and how many 401
			stop, cancel := context.WithCancel(t.Context())
			var group sync.WaitGroup
			load := func(method, path, body string) {
				group.Go(func() {
					for stop.Err() == nil {
						got, err := s.Try(t.Context(), method, path, token, body)
						switch {
						case err != nil: // an answer that had begun is broken off
						case got.Status < 300:
							last.Store(time.Now().UnixNano())
						case got.Status == http.StatusUnauthorized:
							refused.Add(1)
						default:
							t.Errorf("%s: %d %s", path, got.Status, got.Body)
						}
						time.Sleep(5 * time.Millisecond) // a load, and no more of it than leaves something to other tests
					}
				})
			}
			for range 3 {
				load(http.MethodPost, endpoints+"few/execute", `{}`)
				load(http.MethodGet, whoAmI, "")
				load(http.MethodGet, running, "")
			}
			load(http.MethodPost, endpoints+"seconds/execute", `{}`)
			// Who waits for the job, or for a query, is not answered either.
			long := make(chan answer, 1)
			go func() {
				got, _ := s.TrySend(t.Context(), http.MethodGet, running, token, "", "Prefer", "wait=30")
				long <- got
			}()
			time.Sleep(500 * time.Millisecond)
			control := s.Control()
			withdraw(s, key)
			returned := time.Now()
			if strings.HasPrefix(name, "the user") { // a file takes effect when it has been read
				eventually(t, "the file is read", patience, func() bool { return s.Get(whoAmI, token).Status == http.StatusUnauthorized })
				returned = time.Now()
			}
			for _, location := range []string{running, queued} {
				var ended document
				eventually(t, "the job ends", patience, func() bool {
					s.Get(location, colleague).Want(http.StatusOK).Decode(&ended)
					return ended.Status != "processing"
				})
				control.Within("the end of a job", time.Since(returned), revocationLimit)
				if ended.Status != "failed" || ended.Error.Code != "UNAUTHENTICATED" || !strings.Contains(ended.Error.Detail, "not active") {
					t.Errorf("the job ended as %+v, %+v", ended, ended.Error)
				}
			}
			time.Sleep(time.Until(returned.Add(revocationLimit + 3*time.Second)))
			cancel()
			group.Wait()
			late := time.Unix(0, last.Load()).Sub(returned)
			control.Within("the last success after the revocation", late, revocationLimit)
			t.Logf("the last success came %v after the revocation; %d requests were refused", late, refused.Load())
			if refused.Load() == 0 {
				t.Error("nothing was refused")
			}
			if got := <-long; got.Status != http.StatusUnauthorized {
				t.Errorf("who waited was answered %d %s", got.Status, got.Body)
			}
			s.Post(refreshRoute, "", servertest.RefreshBody(refresh)).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
			if came := receiver.Payloads(); len(came) > 0 {
				t.Errorf("%d callbacks came: %s", len(came), came)
			}
		})
	}
}

// A callback that is under way when its user loses access is broken off.
func TestRevocationReachesACallbackUnderWay(t *testing.T) {
	t.Parallel()
	s, receiver := revocationServer(t)
	begun, ended := make(chan struct{}), make(chan time.Time, 1)
	receiver.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // until then the server does not notice that its client leaves
		close(begun)
		select {
		case <-r.Context().Done():
		case <-time.After(patience):
		}
		ended <- time.Now()
	})
	key, token := s.CreateKeyAndLogin("acme", "integration")
	s.Post(endpoints+"relatorio-mensal/execute", token, fmt.Sprintf(`{"callback_url":%q}`, receiver.URL)).Want(http.StatusAccepted)
	<-begun
	control := s.Control()
	s.Revoke(key.Key)
	returned := time.Now()
	select {
	case at := <-ended:
		control.Within("the end of the callback after the revocation", at.Sub(returned), revocationLimit)
	case <-time.After(patience):
		t.Fatal("the callback goes on")
	}
	eventually(t, "it is a dead letter", patience, func() bool {
		dead, err := s.Services().Store.ListDeliveries(t.Context(), callback.Dead, job.ID{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(dead) == 1 && strings.Contains(fmt.Sprint(dead[0].Log), "may not be told")
	})
}
