package contract

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

// While the store is away, what does not need it goes on, for as long as a server may be without news of revocations. Then
// a caller with an API key's token is refused for the time being. All comes back by itself.
func TestServersGoOnWithoutTheirStore(t *testing.T) {
	t.Parallel()
	const stale = 20 * time.Second // long enough for a busy machine to stop the database and to ask meanwhile
	cluster, source := pgtest.NewCluster(t), pgtest.New(t)
	stored := cluster.New(t)
	source.Exec(sales)
	catalog := files(engines[1])
	s := newServer(t, servertest.Config{
		Database: servertest.PostgresOf(source), Files: catalog,
		Store: func() (store.Store, error) {
			return pgstore.Open(context.Background(), stored.AdminDSN, pgstore.Options{Stale: stale})
		},
	})
	key := s.CreateKey("acme", "integration")
	token := s.Exchange("acme", key).Access
	call := func() servertest.Answer { return s.Execute("vendas-por-regiao", token, `{"data_inicio":"2026-01-01"}`) }
	call().Want(http.StatusOK)
	if !s.Configuration().Health().Ready {
		t.Fatal("not ready before the store has gone")
	}
	cluster.Stop(t)

	served, refused := 0, 0
	for begun := time.Now(); refused < 3; time.Sleep(200 * time.Millisecond) {
		if time.Since(begun) > servertest.Patience+stale {
			t.Fatalf("%d calls were served, %d refused", served, refused)
		}
		before := s.Services().Standing()
		got := call()
		after := s.Services().Standing()
		switch {
		case got.Status == http.StatusOK && !before.Stale:
			served++
		case got.Status == http.StatusServiceUnavailable && after.Stale:
			s.wantRetry(got)
			refused++
		default:
			t.Fatalf("%d %s; before %+v, after %+v", got.Status, got.Body, before, after)
		}
		if served == 1 && refused == 0 {
			s.mustWaitForTheStore(key, token)
			served++
		}
	}
	if served == 0 {
		t.Error("no call was served while the store was away")
	}
	if health := s.Configuration().Health(); health.Ready || !health.Store.Stale {
		t.Errorf("a server that refuses says %+v", health)
	}
	cluster.Start(t)
	servertest.Eventually(t, "the server answers again", servertest.Patience, func() bool { return call().Status == http.StatusOK })
	again := s.Exchange("acme", key).Access
	job := begin(s, "relatorio-mensal", again, `{"mes":"2026-03"}`)
	if ended := s.Await(job, again); ended.Status != "completed" {
		t.Errorf("a job ends as %+v", ended)
	}
	if !s.Configuration().Health().Ready {
		t.Error("not ready after the store has come back")
	}
}

// mustWaitForTheStore checks what is answered that needs the store: an unknown key too may be a new one.
func (s *server) mustWaitForTheStore(key servertest.Credentials, token string) {
	s.T.Helper()
	s.wantRetry(s.loginFrom("192.0.2.1", "acme", key.Key, key.Secret))
	s.wantRetry(s.loginFrom("192.0.2.1", "acme", "s42_00000000000000000000000000000000"[:len(key.Key)], key.Secret))
	s.wantRetry(s.Execute("relatorio-mensal", token, `{"mes":"2026-03"}`))
	s.wantRetry(s.Send(http.MethodPost, servertest.Endpoints+"vendas-por-regiao/execute", token, `{"parameter_values":{"data_inicio":"2026-01-01"}}`,
		"Idempotency-Key", "one"))
	servertest.Eventually(s.T, "it is known that the store is away", servertest.Patience, func() bool { return !s.Configuration().Health().Store.Up })
	if health := s.Configuration().Health(); !health.Ready && !health.Store.Stale {
		s.T.Errorf("a server that goes on without its store says %+v", health)
	}
}

// wantRetry checks that the answer is a 503 that says when to come back.
func (s *server) wantRetry(got servertest.Answer) {
	s.T.Helper()
	got.Problem(http.StatusServiceUnavailable, "OVERLOADED")
	if seconds, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || seconds < 1 {
		s.T.Errorf("a 503 with Retry-After %q", got.Header.Get("Retry-After"))
	}
}

// Of a rate, and of the limits of requests for tokens, each server takes its part by the number of those that are alive: all
// together admit what one would.
func TestServersShareRates(t *testing.T) {
	t.Parallel()
	stored, source := pgtest.New(t), pgtest.New(t)
	var servers []*server
	for range 2 {
		servers = append(servers, newServer(t, servertest.Config{
			Database: servertest.PostgresOf(source),
			Files: map[string]string{
				"acme/company.yaml":     "users:\n  integration: { policies: [DataAPIConsumer], rate: 40/24h }\n",
				"acme/default/open.sql": "/*---\nsource: main\n---*/\nSELECT 1 AS n",
			},
			Settings: func(settings *servertest.Settings) {
				settings.Throttle = ratelimit.ThrottleLimits{Address: ratelimit.Limit{Count: 40, Period: 24 * time.Hour, Burst: 40}}
			},
			Store: func() (store.Store, error) {
				return pgstore.Open(context.Background(), stored.AdminDSN, pgstore.Options{})
			},
		}))
	}
	key := servers[0].CreateKey("acme", "integration")
	for _, s := range servers {
		servertest.Eventually(t, "the servers know of each other", servertest.Patience, func() bool { return s.Services().Standing().Servers == 2 })
	}
	token := servers[0].Exchange("acme", key).Access
	exchanged, called := 1, 0
	for _, s := range servers {
		servertest.Eventually(t, "both know the key", servertest.Patience, func() bool {
			_, err := s.Services().Directory.Resolve("acme", "integration", key.Key)
			return err == nil
		})
		for range 50 {
			if s.Execute("open", token, "{}").Status == http.StatusOK {
				called++
			}
			if s.loginFrom("192.0.2.1", "acme", key.Key, key.Secret).Status == http.StatusOK {
				exchanged++
			}
		}
	}
	if called != 40 || exchanged != 40 {
		t.Errorf("two servers together have admitted %d calls and %d exchanges of a key, want 40 of each", called, exchanged)
	}
}
