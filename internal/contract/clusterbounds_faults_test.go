//go:build faults

package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/token"
)

const (
	boundEvents = 100
	atOnce      = 4 // events of a row
)

// bounds are two servers on one store. All jobs run on b: the one worker of a has a job that does not end.
type bounds struct {
	t       *testing.T
	a, b    *server
	stored  *pgxpool.Pool
	source  *pgxpool.Pool
	control *servertest.Control
	token   string
	alone   sync.Mutex // held by events of which there can be one at a time
	numbers atomic.Int64
}

func newBounds(t *testing.T) *bounds {
	t.Helper()
	stored, source := pgtest.New(t), pgtest.New(t)
	source.Exec(sales)
	config := func(workers int) servertest.Config {
		return servertest.Config{
			Database: servertest.PostgresOf(source).Conns(16),
			Files: map[string]string{
				"acme/default/endless.sql": "/*---\nsource: main\nmode: async\n---*/\nSELECT length(pg_sleep(3600)::text) AS slept",
				"acme/default/short.sql": "/*---\nsource: main\nmode: async\nparams: { n: { type: integer, required: true } }\n---*/\n" +
					"SELECT @n AS n, length(pg_sleep(0.5 + random())::text) AS slept",
				"acme/default/cached.sql": "/*---\nsource: main\nparams: { n: { type: integer, required: true } }\nlimits: { cache: 1h }\n---*/\n" +
					"SELECT @n AS n, clock_timestamp() AS at",
			},
			Settings: func(settings *servertest.Settings) {
				settings.Jobs.Workers, settings.Jobs.PerCompany = workers, 0
				often := ratelimit.Limit{Count: 1_000_000, Period: time.Minute, Burst: 1_000_000}
				settings.Throttle = ratelimit.ThrottleLimits{Address: often, Failures: often, Identity: often, Total: often}
			},
			Store: func() (store.Store, error) {
				return pgstore.Open(context.Background(), stored.AdminDSN, pgstore.Options{})
			},
		}
	}
	m := &bounds{t: t, a: newServer(t, config(1)), stored: openPool(t, stored), source: openPool(t, source)}
	m.control = m.a.Control()
	m.token = m.a.Login("acme", "integration").Access
	m.begin(m.a)
	m.b = newServer(t, config(2*atOnce))
	return m
}

func openPool(t *testing.T, db *pgtest.DB) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), db.AdminDSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// begin begins an endless job, and returns once its query runs.
func (m *bounds) begin(s *server) (polling string) {
	polling = s.Execute("endless", m.token, `{}`).Want(http.StatusAccepted).Header.Get("Location")
	m.until("a job runs", func() bool { return m.running() > 0 && m.runs(polling) })
	return polling
}

func (m *bounds) running() (n int) {
	err := m.source.QueryRow(context.Background(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
		AND state = 'active' AND query LIKE '%pg_sleep(3600)%' AND pid <> pg_backend_pid()`).Scan(&n)
	if err != nil {
		m.t.Error(err)
	}
	return n
}

func (m *bounds) runs(polling string) (runs bool) {
	err := m.stored.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM data_api.queue WHERE encode(id, 'hex') = $1 AND state = 1)`, idOf(polling)).Scan(&runs)
	if err != nil {
		m.t.Error(err)
	}
	return runs
}

func idOf(polling string) string { return polling[strings.LastIndexByte(polling, '/')+1:] }

// until waits for a condition, and returns how long it has waited.
func (m *bounds) until(what string, check func() bool) time.Duration {
	begun := time.Now()
	for !check() {
		if time.Since(begun) > servertest.Patience {
			m.t.Errorf("%s: not within %s", what, servertest.Patience)
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begun)
}

// row measures an event of a kind again and again, prints how long it took to be felt, and compares that with the bound.
func (m *bounds) row(what string, event func(n int) time.Duration) {
	m.t.Helper()
	took := make([]time.Duration, boundEvents)
	var all sync.WaitGroup
	for worker := range atOnce {
		all.Go(func() {
			for n := worker; n < boundEvents; n += atOnce {
				took[n] = event(n)
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	p99 := took[boundEvents*99/100-1]
	round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	m.t.Logf("| %s | %s | %s | %s | %s |", what, heardWithin, round(took[boundEvents/2]), round(p99), round(took[boundEvents-1]))
	m.control.Within(what, p99, heardWithin)
}

func (m *bounds) status(s *server, token string) int { return s.Get(servertest.WhoAmI, token).Status }

// What one server does is felt on the others within a second: each row of docs/cluster.md that says so, a hundred times.
func TestFaultsClusterBounds(t *testing.T) {
	m := newBounds(t)
	a, b := m.a, m.b
	t.Logf("| what (%d times, %d at once) | within | median | 99th percentile | most |", boundEvents, atOnce)
	t.Log("|---|---|---|---|---|")
	m.row("a key is made, and exchanged elsewhere", func(int) time.Duration {
		key := a.CreateKey("acme", "integration")
		return m.until("a key is known", func() bool { return exchange(b, key) == http.StatusOK })
	})
	m.row("a key is revoked, and its tokens are refused elsewhere", func(int) time.Duration {
		key, access := m.login()
		a.Revoke(key.Key)
		return m.until("a token is refused", func() bool { return m.status(b, access) == http.StatusUnauthorized })
	})
	m.row("a key is replaced without an overlap, and refused elsewhere", func(int) time.Duration {
		key, _ := m.login()
		a.Rotate(key.Key, 0)
		return m.until("a key is refused", func() bool { return exchange(b, key) == http.StatusUnauthorized })
	})
	for _, kind := range []documents.Kind{documents.User, documents.Company} {
		m.row("a "+string(kind)+" is deactivated in the store, and its tokens are refused elsewhere", func(n int) time.Duration {
			return m.deactivate(kind, n)
		})
	}
	m.row("a family of tokens ends by a logout, and is refused elsewhere", func(int) time.Duration {
		tokens := a.Login("acme", "integration")
		m.until("a key is known", func() bool { return m.status(b, tokens.Access) == http.StatusOK })
		a.Post(servertest.LogoutRoute, "", servertest.RefreshBody(tokens.Refresh))
		return m.until("a token is refused", func() bool { return m.status(b, tokens.Access) == http.StatusUnauthorized })
	})
	m.row("a new signing key is published elsewhere", func(int) time.Duration { return m.rotate() })
	m.row("a signing key is withdrawn, and published no more elsewhere", func(int) time.Duration { return m.withdraw() })
	m.token = a.Login("acme", "integration").Access // the one before was signed by a key that is gone
	m.until("the key is known", func() bool { return m.status(b, m.token) == http.StatusOK })
	m.row("a cache is purged elsewhere", m.purge)
	m.row("a job that runs elsewhere is cancelled inside the database", func(int) time.Duration { return m.cancel() })
	for what, wait := range map[string]func(n int){
		"a long poll hears of the end of a job elsewhere": func(n int) {
			polling := m.short(n, "respond-async").Header.Get("Location")
			a.Send(http.MethodGet, polling, m.token, "", "Prefer", "wait=60").Want(http.StatusOK)
		},
		"Prefer: wait hears of the end of a job elsewhere":    func(n int) { m.short(n, "wait=60").Want(http.StatusOK) },
		"an event stream hears of the end of a job elsewhere": m.stream,
	} {
		m.row(what, func(int) time.Duration {
			n := int(m.numbers.Add(1))
			wait(n)
			return time.Since(m.ended(n))
		})
	}
}

func exchange(s *server, key servertest.Credentials) int {
	body := fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":%q}`, key.Key, key.Secret)
	return s.Post("/api/v1/auth/api-key", "", body).Status
}

// login makes a key that both servers know.
func (m *bounds) login() (servertest.Credentials, string) {
	key, access := m.a.CreateKeyAndLogin("acme", "integration")
	m.until("a key is known", func() bool { return m.status(m.b, access) == http.StatusOK })
	return key, access
}

// deactivate takes access away from a user of the store, by the user or by the whole company.
func (m *bounds) deactivate(kind documents.Kind, n int) time.Duration {
	company := fmt.Sprintf("made-as-%s-%d", kind, n)
	put := func(kind documents.Kind, key, value string) {
		_, err := m.a.Services().Documents.Put(context.Background(), documents.Write{Kind: kind, Key: key, Value: []byte(value), If: documents.Whatever})
		if err != nil {
			m.t.Error(err)
		}
	}
	values := map[documents.Kind][2]string{ // as long as they are active, and no longer
		documents.Company: {"name: Made\n", "name: Made\nactive: false\n"},
		documents.User:    {`{"policies":["DataAPIConsumer"]}`, `{"policies":["DataAPIConsumer"],"active":false}`},
	}
	keys := map[documents.Kind]string{documents.Company: company, documents.User: company + "/erp"}
	for _, kind := range []documents.Kind{documents.Company, documents.User} {
		put(kind, keys[kind], values[kind][0])
	}
	m.until("a user is there", func() bool { return m.a.Services().Directory.HasUser(company, "erp") })
	access := m.a.Login(company, "erp").Access
	m.until("a user is known", func() bool { return m.status(m.b, access) == http.StatusOK })
	put(kind, keys[kind], values[kind][1])
	return m.until("a token is refused", func() bool { return m.status(m.b, access) == http.StatusUnauthorized })
}

func (m *bounds) publishes(s *server, key string) bool {
	return strings.Contains(string(s.Get("/.well-known/jwks.json", "").Want(http.StatusOK).Body), `"`+key+`"`)
}

func (m *bounds) rotate() time.Duration {
	m.alone.Lock()
	defer m.alone.Unlock()
	made, err := m.a.Services().TokenKeys.Rotate(context.Background(), token.EdDSA, true)
	if err != nil {
		m.t.Error(err)
	}
	took := m.until("a signing key is published", func() bool { return m.publishes(m.b, made.ID) })
	for _, key := range m.a.Services().TokenKeys.List() { // else they would be too many
		if key.ID != made.ID {
			m.withdrawKey(key.ID)
		}
	}
	return took
}

func (m *bounds) withdraw() time.Duration {
	m.alone.Lock()
	defer m.alone.Unlock()
	key := m.a.Services().TokenKeys.List()[0].ID
	m.until("a signing key is published", func() bool { return m.publishes(m.b, key) })
	m.withdrawKey(key)
	return m.until("a signing key is withdrawn", func() bool { return !m.publishes(m.b, key) })
}

func (m *bounds) withdrawKey(id string) {
	if _, err := m.a.Services().TokenKeys.Withdraw(context.Background(), id, token.EdDSA); err != nil {
		m.t.Error(err)
	}
}

func (m *bounds) purge(n int) time.Duration {
	m.alone.Lock() // it purges everything
	defer m.alone.Unlock()
	parameters := fmt.Sprintf(`{"n":%d}`, n)
	first := string(m.b.Execute("cached", m.token, parameters).Want(http.StatusOK).Body)
	m.a.Services().Cache.Purge(cache.Within(""))
	if err := m.a.Services().TellPurge(context.Background(), ""); err != nil {
		m.t.Error(err)
	}
	return m.until("a cache is purged", func() bool {
		return string(m.b.Execute("cached", m.token, parameters).Want(http.StatusOK).Body) != first
	})
}

func (m *bounds) cancel() time.Duration {
	m.alone.Lock() // the database does not say which query is which job's
	defer m.alone.Unlock()
	before := m.running()
	polling := m.begin(m.a)
	m.until("the query runs", func() bool { return m.running() > before })
	m.a.Send(http.MethodDelete, polling, m.token, "").Want(http.StatusOK)
	return m.until("a query is cancelled", func() bool { return m.running() == before })
}

// short begins a job that ends in a second, and has this number.
func (m *bounds) short(n int, prefer string) answer {
	return m.a.Call("short", m.token, fmt.Sprintf(`{"n":%d}`, n), "Prefer", prefer)
}

// stream follows a job to its end.
func (m *bounds) stream(n int) {
	events, _, err := m.a.OpenStream(context.Background(), m.short(n, "respond-async").Header.Get("Location"), m.token)
	if err != nil {
		m.t.Error(err)
		return
	}
	for e := range events {
		if e.Name == "end" {
			return
		}
	}
	m.t.Error("a stream without an end")
}

// ended is when the job of this number has ended, by the store's record.
func (m *bounds) ended(n int) time.Time {
	var text string
	err := m.stored.QueryRow(context.Background(), `SELECT outcome FROM data_api.jobs WHERE request::jsonb -> 'params' = $1::jsonb AND address LIKE '%/short'`,
		fmt.Sprintf(`{"n":%d}`, n)).Scan(&text)
	var outcome struct{ CompletedAt time.Time }
	if err == nil {
		err = json.Unmarshal([]byte(text), &outcome)
	}
	if err != nil {
		m.t.Errorf("the end of a job is unknown: %v", err)
	}
	return outcome.CompletedAt
}
