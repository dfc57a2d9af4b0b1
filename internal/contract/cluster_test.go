package contract

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// heardWithin is how soon a server hears of what another has changed.
const heardWithin = time.Second

// cluster starts servers that share a store, and whose endpoints run on one database. Each runs one job at a time, unless a change
// of the settings says otherwise.
func cluster(t *testing.T, n int, changes ...func(*servertest.Settings)) (servers []*server, source *pgtest.DB) {
	t.Helper()
	stored, source := pgtest.New(t), pgtest.New(t)
	source.Exec(sales)
	e := engines[1]
	catalog := files(e)
	catalog["acme/default/endless-job.sql"] = "/*---\nsource: main\nmode: async\n---*/\n" + e.Slow
	catalog["acme/default/kept.sql"] = "/*---\nsource: main\nlimits: { cache: 10m }\n---*/\nSELECT clock_timestamp()::text AS at"
	for range n {
		servers = append(servers, newServer(t, servertest.Config{
			Database: servertest.PostgresOf(source), Files: catalog,
			Settings: func(settings *servertest.Settings) {
				settings.Jobs.Workers, settings.Jobs.PerCompany = 1, 0
				for _, change := range changes {
					change(settings)
				}
			},
			Store: func() (store.Store, error) {
				return pgstore.Open(context.Background(), stored.AdminDSN, pgstore.Options{})
			},
		}))
	}
	return servers, source
}

// heard waits until a server has heard of a change, and fails when that takes longer than it may.
func heard(s *server, what string, check func() bool) {
	s.T.Helper()
	control, begun := s.Control(), time.Now()
	servertest.Eventually(s.T, what, servertest.Patience, check)
	control.Within(what, time.Since(begun), heardWithin)
}

// Tokens, keys and families are one for all servers.
func TestServersShareCredentials(t *testing.T) {
	t.Parallel()
	servers, _ := cluster(t, 2)
	a, b := servers[0], servers[1]
	status := func(s *server, token string) int { return s.Get(servertest.WhoAmI, token).Status }

	key := a.CreateKey("acme", "integration")
	tokens := a.Exchange("acme", key)
	if status(b, tokens.Access) != http.StatusOK {
		t.Error("a token of a new key is refused by another server")
	}
	b.Exchange("acme", a.CreateKey("acme", "integration"))
	other := b.Exchange("acme", key)
	if status(a, other.Access) != http.StatusOK {
		t.Error("a token of one server is refused by another")
	}
	// A refresh token is exchanged once, wherever that is; a caller with an older one ends the family on all servers.
	second := b.Refresh(tokens.Refresh)
	third := a.Refresh(second.Refresh)
	a.Post(servertest.RefreshRoute, "", servertest.RefreshBody(tokens.Refresh)).Want(http.StatusUnauthorized)
	heard(b, "the end of a family", func() bool { return status(b, third.Access) == http.StatusUnauthorized })
	if status(b, other.Access) != http.StatusOK {
		t.Error("the end of one family has ended another")
	}
	b.Post(servertest.LogoutRoute, "", servertest.RefreshBody(other.Refresh))
	heard(a, "a logout", func() bool { return status(a, other.Access) == http.StatusUnauthorized })

	last := a.Exchange("acme", key).Access
	if status(b, last) != http.StatusOK {
		t.Error("a new token is refused by another server")
	}
	b.Revoke(key.Key)
	heard(a, "the revocation of a key", func() bool { return status(a, last) == http.StatusUnauthorized })
}

// A new signing key is published by all servers.
func TestServersShareSigningKeys(t *testing.T) {
	t.Parallel()
	servers, _ := cluster(t, 2)
	keys := func(s *server) string { return string(s.Get("/.well-known/jwks.json", "").Want(http.StatusOK).Body) }
	if keys(servers[0]) != keys(servers[1]) {
		t.Fatal("two servers publish different keys")
	}
	before := keys(servers[1])
	if _, err := servers[0].Services().TokenKeys.Rotate(t.Context(), token.EdDSA, false); err != nil {
		t.Fatal(err)
	}
	heard(servers[1], "a new signing key", func() bool { return keys(servers[1]) != before })
	if keys(servers[0]) != keys(servers[1]) {
		t.Error("two servers publish different keys after a rotation")
	}
	// One that signs at once signs tokens that others know, though they have not heard of it.
	key := servers[0].CreateKey("acme", "integration")
	if _, err := servers[0].Services().TokenKeys.Rotate(t.Context(), token.EdDSA, true); err != nil {
		t.Fatal(err)
	}
	servers[1].Get(servertest.WhoAmI, servers[0].Exchange("acme", key).Access).Want(http.StatusOK)
}

// A job that one server has accepted runs on whichever has room, can be waited for and cancelled on any, and its query ends
// inside the database.
func TestServersShareJobs(t *testing.T) {
	t.Parallel()
	servers, source := cluster(t, 2)
	a, b := servers[0], servers[1]
	token := a.Login("acme", "integration").Access
	heard(b, "a new key", func() bool { return b.Get(servertest.WhoAmI, token).Status == http.StatusOK })

	// Each server runs one job, so that of two which run, one runs on the other server.
	admin := source.Conn()
	endless := []string{begin(a, "endless-job", token, `{}`), begin(a, "endless-job", token, `{}`)}
	servertest.Eventually(t, "a job runs on each server", servertest.Patience, func() bool { return running(t, admin) == 2 })

	// One that is accepted while all are busy waits, and is waited for on both servers.
	waiting := begin(b, "relatorio-mensal", token, `{"mes":"2026-03"}`)
	var ended sync.WaitGroup
	took, controls := make([]time.Duration, len(servers)), make([]*servertest.Control, len(servers))
	for i, s := range servers {
		controls[i] = s.Control()
		ended.Go(func() {
			var polled document
			got := s.Send(http.MethodGet, waiting, token, "", "Prefer", "wait=60").Want(http.StatusOK)
			took[i] = -time.Since(endedAt(t, got.Body, &polled))
			if polled.Status != "completed" {
				t.Errorf("the job that was waited for is %+v", polled)
			}
		})
	}
	for i, job := range endless {
		control, cancelled := b.Control(), time.Now()
		b.Send(http.MethodDelete, job, token, "").Want(http.StatusOK)
		left := len(endless) - i - 1
		servertest.Eventually(t, "the query of a cancelled job ends", servertest.Patience, func() bool { return running(t, admin) <= left })
		control.Within("the end of a query", time.Since(cancelled), heardWithin)
	}
	ended.Wait()
	for i, took := range took {
		controls[i].Within("hearing of a job's end", -took, heardWithin+time.Second) // CompletedAt is shown in whole seconds
	}
	for _, s := range servers {
		var read document
		s.Get(waiting, token).Want(http.StatusOK).Decode(&read)
		if read.Status != "completed" || len(read.Result) == 0 {
			t.Errorf("a server reads %+v", read)
		}
	}
}

// endedAt decodes a job and returns when it ended.
func endedAt(t *testing.T, body []byte, polled *document) time.Time {
	t.Helper()
	if err := json.Unmarshal(body, polled); err != nil {
		t.Error(err)
		return time.Now()
	}
	if polled.CompletedAt == nil {
		t.Errorf("a job without its end: %s", body)
		return time.Now()
	}
	at, err := time.Parse(time.RFC3339, *polled.CompletedAt)
	if err != nil {
		t.Error(err)
	}
	return at
}

// begin starts a job and returns where it is polled.
func begin(s *server, slug, token, parameters string) string {
	s.T.Helper()
	return s.Execute(slug, token, parameters).Want(http.StatusAccepted).Header.Get("Location")
}

// running counts the endless queries that the database runs.
func running(t *testing.T, admin *pgx.Conn) (n int) {
	t.Helper()
	err := admin.QueryRow(context.Background(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
		AND state = 'active' AND query LIKE '%pg_sleep(3600)%' AND pid <> pg_backend_pid()`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
