package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// cacheServer has endpoints that say when their query ran, so that answers tell which of them share a query.
func cacheServer(t *testing.T, config servertest.Config) *server {
	const at = "SELECT clock_timestamp()::text AS at, @n::text AS n"
	const params = "params: { n: { type: string, default: x } }\n"
	config.Files = map[string]string{
		"acme/company.yaml":         companyFile + "  colleague: { policies: [DataAPIConsumer] }\n  limited: { policies: [DataAPIConsumer], share_context: { n: [x, y] } }\n",
		"globex/company.yaml":       "name: Globex\nusers:\n  reader: { policies: [DataAPIConsumer] }\n",
		"acme/default/minute.sql":   "/*---\nsource: main\n" + params + "limits: { cache: 10m, stale_while_revalidate: 30s }\nshare: { globex: {} }\n---*/\n" + at,
		"acme/default/moment.sql":   "/*---\nsource: main\n" + params + "limits: { cache: 300ms, stale_while_revalidate: 1h }\n---*/\n" + at,
		"acme/default/uncached.sql": "/*---\nsource: main\n" + params + "---*/\n" + at,
		"acme/default/slow.sql":     "/*---\nsource: main\nlimits: { cache: 10m }\n---*/\nSELECT clock_timestamp()::text AS at FROM pg_sleep(1.5)",
		"acme/default/failing.sql":  "/*---\nsource: main\nlimits: { cache: 60s, timeout: 300ms }\n---*/\nSELECT 1 AS one FROM pg_sleep(10)",
		"acme/default/large.sql":    "/*---\nsource: main\nlimits: { cache: 60s }\n---*/\nSELECT n, clock_timestamp()::text AS at, repeat('x', 200) AS filler FROM generate_series(1, 9000) AS n",
		"acme/default/who.sql":      "/*---\nsource: main\nlimits: { cache: 60s }\n---*/\nSELECT current_setting('data_api.user', true) AS at, current_setting('data_api.company', true) AS company",
	}
	return newServer(t, config)
}

// momentOf returns when the query of an answer ran.
func momentOf(a answer) string {
	a.T.Helper()
	var document struct{ Rows []struct{ At string } }
	a.Want(http.StatusOK).Decode(&document)
	return document.Rows[0].At
}

// scanned reads a number from a text of a form.
func scanned(text, form string, number *int) bool {
	_, err := fmt.Sscanf(text, form, number)
	return err == nil && text == fmt.Sprintf(form, *number)
}

func TestCachedResults(t *testing.T) {
	t.Parallel()
	s := cacheServer(t, servertest.Config{Database: servertest.PostgresOf(pgtest.New(t))})
	token := s.Login("acme", "integration").Access
	first := s.Execute("minute", token, `{}`)
	var ttl int
	if got := first.Header.Get("Cache-Status"); !scanned(got, "data-api; fwd=miss; stored; ttl=%d", &ttl) || ttl < 540 || ttl > 600 {
		t.Errorf("Cache-Status of a miss: %s", got)
	}
	etag := first.Header.Get("ETag")
	if etag == "" || strings.HasPrefix(etag, "W/") || first.Header.Get("Cache-Control") != "private, max-age=600, stale-while-revalidate=30" {
		t.Errorf("headers %v", first.Header)
	}
	again := s.Execute("minute", token, `{"n":"x"}`) // what is filled in is the same call
	if momentOf(again) != momentOf(first) || again.Header.Get("ETag") != etag || !strings.HasPrefix(again.Header.Get("Cache-Status"), "data-api; hit; ttl=") ||
		again.Header.Get("Age") == "" || again.Header.Get("X-Data-Api-Revision") == "" {
		t.Errorf("the second answer: %v %s", again.Header, again.Body)
	}
	const path = "/api/v1/data-api/default/minute/execute"
	unchanged := s.Send(http.MethodPost, path, token, `{}`, "If-None-Match", `"other", `+etag)
	if unchanged.Status != http.StatusNotModified || len(unchanged.Body) != 0 || unchanged.Header.Get("ETag") != etag || unchanged.Header.Get("Content-Type") != "" {
		t.Errorf("304: %d %v", unchanged.Status, unchanged.Header)
	}
	if other := s.Send(http.MethodPost, path, token, `{}`, "If-None-Match", `"other"`); momentOf(other) != momentOf(first) {
		t.Error("another ETag was taken for this one")
	}

	// Who else gets it, and who does not.
	if momentOf(s.Execute("minute", s.Login("acme", "colleague").Access, `{}`)) != momentOf(first) {
		t.Error("a colleague, for whom the rows are the same, caused a query")
	}
	for name, other := range map[string]answer{
		"another parameter":     s.Execute("minute", token, `{"n":"z"}`),
		"another company":       s.Execute("minute", s.Login("globex", "reader").Access, `{}`),
		"another share context": s.Execute("minute", s.Login("acme", "limited").Access, `{"n":"x"}`),
		"arrays":                s.Send(http.MethodPost, path+"?rows_as=arrays", token, `{}`),
	} {
		if strings.Contains(string(other.Want(http.StatusOK).Body), momentOf(first)) {
			t.Errorf("%s got the same entry: %s", name, other.Body)
		}
	}
	csv := s.Send(http.MethodPost, path+".csv", token, `{}`).Want(http.StatusOK)
	csvAgain := s.Send(http.MethodPost, path, token, `{}`, "Accept", "text/csv").Want(http.StatusOK)
	if string(csv.Body) != string(csvAgain.Body) || csv.Header.Get("ETag") == etag || csvAgain.Header.Get("X-Data-Api-Row-Count") != "1" ||
		csvAgain.Header.Get("Content-Disposition") == "" || csvAgain.Header.Get("Content-Type") != csv.Header.Get("Content-Type") {
		t.Errorf("CSV: %v, then %v", csv.Header, csvAgain.Header)
	}
	uncached := s.Execute("uncached", token, `{}`)
	if momentOf(uncached) == momentOf(s.Execute("uncached", token, `{}`)) || uncached.Header.Get("Cache-Control") != "no-store" || uncached.Header.Get("ETag")+uncached.Header.Get("Cache-Status") != "" {
		t.Errorf("without limits.cache: %v", uncached.Header)
	}

	// Stale: the old rows at once, and new ones soon after.
	old := momentOf(s.Execute("moment", token, `{}`))
	time.Sleep(400 * time.Millisecond)
	stale := s.Execute("moment", token, `{}`)
	if momentOf(stale) != old || !strings.HasPrefix(stale.Header.Get("Cache-Status"), "data-api; hit; ttl=-") {
		t.Errorf("a stale answer: %s", stale.Header.Get("Cache-Status"))
	}
	for deadline := time.Now().Add(patience); momentOf(s.Execute("moment", token, `{}`)) == old; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the stale entry is not replaced")
		}
	}

	// A result that is too large is streamed to each caller.
	large := s.Execute("large", token, `{}`)
	if momentOf(large) == momentOf(s.Execute("large", token, `{}`)) || large.Header.Get("Cache-Status") != "data-api; fwd=miss; detail=too-large" || large.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a large result: %v", large.Header)
	}
	failed := s.Execute("failing", token, `{}`).Problem(http.StatusRequestTimeout, "EXECUTION_TIMEOUT")
	if failed.Header.Get("Cache-Control") != "no-store" || failed.Header.Get("Cache-Status") != "" {
		t.Errorf("an error: %v", failed.Header)
	}

	// Purged, and changed.
	purge := func(purged func(dataapi.Address) bool) int { return s.Services().Cache.Purge(purged) }
	if n := purge(func(address dataapi.Address) bool { return address.Company == "globex" }); n != 0 {
		t.Errorf("%d results of another company were purged", n)
	}
	purge(func(address dataapi.Address) bool { return address.Slug == "moment" })
	if momentOf(s.Execute("minute", token, `{}`)) != momentOf(first) {
		t.Error("the purge of one endpoint has purged another")
	}
	purge(func(dataapi.Address) bool { return true })
	second := momentOf(s.Execute("minute", token, `{}`))
	if second == momentOf(first) {
		t.Error("the purge has left the entry")
	}
	s.WriteCatalog("acme/default/minute.sql", "/*---\nsource: main\nlimits: { cache: 60s }\n---*/\nSELECT clock_timestamp()::text AS at, 1 AS more")
	for deadline := time.Now().Add(patience); !strings.Contains(string(s.Execute("minute", token, `{}`).Body), `"more"`); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the changed endpoint answers with its old rows")
		}
	}
}

// TestOneQueryForAThousandCallers: exactly one query, and everybody gets its rows.
func TestOneQueryForAThousandCallers(t *testing.T) {
	t.Parallel()
	s := cacheServer(t, servertest.Config{Database: servertest.PostgresOf(pgtest.New(t))})
	token := s.Login("acme", "integration").Access
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	answers := make(chan answer, 1000)
	var all sync.WaitGroup
	for range cap(answers) {
		all.Go(func() {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL("/api/v1/data-api/default/slow/execute"), strings.NewReader(`{}`))
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+token)
			got, err := s.DoWith(client, request)
			if err != nil {
				t.Error(err)
				return
			}
			answers <- got
		})
	}
	all.Wait()
	close(answers)
	seen, statuses := map[string]int{}, map[string]int{}
	for got := range answers {
		seen[momentOf(got)]++
		status, _, _ := strings.Cut(got.Header.Get("Cache-Status"), "; ttl=")
		statuses[status]++
	}
	if len(seen) != 1 || statuses["data-api; fwd=miss; stored"] != 1 {
		t.Errorf("%d queries: %v", len(seen), statuses)
	}
	t.Logf("1,000 callers: %v", statuses)
}

// TestHitsNeverTouchTheDatabase: with the database gone they go on, for those who may still ask.
func TestHitsNeverTouchTheDatabase(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	s := cacheServer(t, servertest.Config{Database: servertest.PostgresOf(cluster.New(t))})
	key, token := s.CreateKeyAndLogin("acme", "integration")
	colleague := s.Login("acme", "colleague").Access
	first := momentOf(s.Execute("minute", token, `{}`))
	cluster.Stop(t)
	defer cluster.Start(t)
	s.Execute("uncached", token, `{}`).Problem(http.StatusServiceUnavailable, "SOURCE_UNAVAILABLE")
	if momentOf(s.Execute("minute", token, `{}`)) != first || momentOf(s.Execute("minute", colleague, `{}`)) != first {
		t.Error("a hit differs")
	}
	s.Post("/api/v1/data-api/default/minute/execute", "", `{}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Execute("minute", s.Login("acme", "powerless").Access, `{}`).Problem(http.StatusForbidden, "FORBIDDEN")
	s.Revoke(key.Key)
	s.Execute("minute", token, `{}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	if momentOf(s.Execute("minute", colleague, `{}`)) != first {
		t.Error("the revocation of one key has taken the entry from others")
	}
	s.WriteCatalog("acme/company.yaml", strings.Replace(companyFile, "integration", "other", 1)+"  colleague: { policies: [] }\n")
	for deadline := time.Now().Add(patience); s.Execute("minute", colleague, `{}`).Status != http.StatusForbidden; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a withdrawn permission still gets hits")
		}
	}
}

// TestClaimsPartTheCache: where rows depend on who asks, nobody gets another user's.
func TestClaimsPartTheCache(t *testing.T) {
	t.Parallel()
	main := servertest.PostgresSource(t, postgres.Config{DSN: pgtest.New(t).ReaderDSN, Claims: true, AllowSetConfig: true})
	s := cacheServer(t, servertest.Config{Sources: map[string]*servertest.Source{"main": main}})
	for range 2 {
		for _, user := range []string{"integration", "colleague", "limited"} {
			token := s.Login("acme", user).Access
			var document struct{ Rows []json.RawMessage }
			s.Execute("who", token, `{}`).Want(http.StatusOK).Decode(&document)
			if want := fmt.Sprintf(`{"at":%q,"company":"acme"}`, user); string(document.Rows[0]) != want {
				t.Errorf("%s got %s", user, document.Rows[0])
			}
		}
	}
}
