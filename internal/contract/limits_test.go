package contract

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

func TestRatesOfKeysAndEndpoints(t *testing.T) {
	t.Parallel()
	const statement = "\n---*/\nSELECT 1 AS n"
	s := newServer(t, servertest.Config{
		Database: servertest.SQLite(t, t.TempDir(), ""),
		Files: map[string]string{
			"acme/company.yaml": "rate: 5/1h\nusers:\n" +
				"  integration: { policies: [DataAPIConsumer] }\n" +
				"  free: { policies: [DataAPIConsumer], rate: unlimited }\n",
			"acme/default/open.sql":    "/*---\nsource: main" + statement,
			"acme/default/limited.sql": "/*---\nsource: main\nrate: 2/1h burst 3" + statement,
		},
	})
	first, second, free := s.Login("acme", "integration").Access, s.Login("acme", "integration").Access, s.Login("acme", "free").Access
	for i := range 5 {
		got := s.Execute("open", first, "{}").Want(http.StatusOK)
		if policy, left := got.Header.Get("RateLimit-Policy"), got.Header.Get("RateLimit"); policy != `"key";q=5;w=3600` ||
			!strings.HasPrefix(left, fmt.Sprintf(`"key";r=%d;t=`, 4-i)) {
			t.Errorf("after %d requests: RateLimit-Policy: %s, RateLimit: %s", i+1, policy, left)
		}
	}
	s.Execute("open", first, "{}").Limited()
	s.Get("/api/v1/auth/permissions", first).Limited()
	s.Execute("open", second, "{}").Want(http.StatusOK) // another key
	for range 20 {
		if got := s.Execute("open", free, "{}").Want(http.StatusOK); got.Header.Get("RateLimit") != "" || got.Header.Get("RateLimit-Policy") != "" {
			t.Fatalf("RateLimit fields without a limit: %v", got.Header)
		}
	}
	got := s.Execute("limited", second, "{}").Want(http.StatusOK)
	if policy, left := got.Header.Get("RateLimit-Policy"), got.Header.Get("RateLimit"); policy != `"key";q=5;w=3600, "endpoint";q=2;w=3600` ||
		!strings.HasPrefix(left, `"key";r=3;t=`) || !strings.Contains(left, `, "endpoint";r=2;t=1800`) {
		t.Errorf("RateLimit-Policy: %s, RateLimit: %s", policy, left)
	}
	for range 3 {
		s.Execute("limited", free, "{}").Want(http.StatusOK)
	}
	refused := s.Execute("limited", free, "{}")
	refused.Limited()
	if left := refused.Header.Get("RateLimit"); left != `"endpoint";r=0;t=`+refused.Header.Get("Retry-After") {
		t.Errorf("RateLimit %s beside Retry-After %s", left, refused.Header.Get("Retry-After"))
	}
	s.Execute("open", free, "{}").Want(http.StatusOK)
}

// A company that asks for fifty times as much as the source can do at once leaves its place to another.
func TestOneCompanyCannotCrowdOutAnother(t *testing.T) {
	t.Parallel()
	const slow = "/*---\nsource: main\n---*/\nSELECT count(*) AS n FROM pg_sleep(0.06)"
	s := newServer(t, servertest.Config{
		Database: servertest.Postgres(t, "", "SELECT").Conns(2),
		Files: map[string]string{
			"globex/company.yaml":     companyFile,
			"acme/default/slow.sql":   slow,
			"globex/default/slow.sql": slow,
		},
	})
	busy, quiet := s.Login("acme", "integration").Access, s.Login("globex", "integration").Access
	s.Execute("slow", quiet, "{}").Want(http.StatusOK)

	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var mu sync.Mutex
	statuses := make(map[int]int)
	for range 100 {
		group.Go(func() {
			for ctx.Err() == nil {
				got, err := s.Try(ctx, http.MethodPost, "/api/v1/data-api/default/slow/execute", busy, "{}")
				if err == nil {
					mu.Lock()
					statuses[got.Status]++
					mu.Unlock()
				}
			}
		})
	}
	deadline := time.Now().Add(3 * time.Second)
	served, refused := 0, 0
	for time.Now().Before(deadline) || served < 10 {
		// A busy machine may keep one call from a place for as long as callers wait; the caller at its end is refused each time.
		switch got := s.Execute("slow", quiet, "{}"); {
		case got.Status == http.StatusOK:
			served++
			continue
		case got.Status == http.StatusServiceUnavailable && refused <= served/10:
			refused++
			continue
		default:
			t.Errorf("the quiet company got %d, after %d calls that were served and %d that were not: %s", got.Status, served, refused, got.Body)
		}
		break
	}
	cancel()
	group.Wait()
	t.Logf("%d of the quiet company's requests were served, one after the other; the busy one's: %v", served, statuses)
	if statuses[http.StatusServiceUnavailable] == 0 || statuses[http.StatusOK] == 0 {
		t.Errorf("the busy company's answers are %v: the test shows nothing", statuses)
	}
}

// A company holds only so many connections that wait for jobs. What can be polled is answered at once, the rest is refused.
func TestWaitingCallersAreBounded(t *testing.T) {
	t.Parallel()
	const endless = "/*---\nsource: main\nmode: async\nlimits: {timeout: 2m}\n---*/\n" +
		"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) AS n FROM r"
	s := newServer(t, servertest.Config{
		Database: servertest.SQLite(t, t.TempDir(), ""),
		Settings: func(settings *servertest.Settings) { settings.WaitingCallers = 1 },
		Files: map[string]string{
			"globex/company.yaml":        companyFile,
			"acme/default/endless.sql":   endless,
			"globex/default/endless.sql": endless,
			"acme/default/quick.sql":     "/*---\nsource: main\n---*/\nSELECT 1 AS n",
		},
	})
	token, other := s.Login("acme", "integration").Access, s.Login("globex", "integration").Access
	job, others := s.Call("endless", token, "{}").Job(), s.Call("endless", other, "{}").Job()
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		for ctx.Err() == nil { // it is refused as long as the polls below have the one place
			_, _ = s.TrySend(ctx, http.MethodGet, job, token, "", "Prefer", "wait=60")
		}
	}()
	poll := func(status int) answer {
		t.Helper()
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			if got := s.Send(http.MethodGet, job, token, "", "Prefer", "wait=1"); got.Status == status || time.Now().After(deadline) {
				return got.Want(status)
			}
		}
	}
	poll(http.StatusServiceUnavailable).Problem(http.StatusServiceUnavailable, "OVERLOADED")
	s.Send(http.MethodGet, job, token, "", "Accept", "text/event-stream").Problem(http.StatusServiceUnavailable, "OVERLOADED")
	s.Call("quick", token, "{}", "Idempotency-Key", "k1").Problem(http.StatusServiceUnavailable, "OVERLOADED")
	s.Await(s.Call("quick", token, "{}", "Prefer", "wait=5").Job(), token) // 202 at once
	s.Get(job, token).Want(http.StatusOK)
	s.Send(http.MethodGet, others, other, "", "Prefer", "wait=1").Want(http.StatusOK)
	hangUp()
	<-waiting
	poll(http.StatusOK)
	s.Call("quick", token, "{}", "Idempotency-Key", "k1").Want(http.StatusOK)
	for url, token := range map[string]string{job: token, others: other} {
		s.Send(http.MethodDelete, url, token, "").Want(http.StatusOK)
	}
}

func TestQuotaOfResults(t *testing.T) {
	t.Parallel()
	const long = "/*---\nsource: main\nlimits: {max_rows: 20000}\n%s---*/\n" +
		"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 20000) " +
		"SELECT n, 'a text that makes the result longer than it would be' AS label FROM r"
	s := newServer(t, servertest.Config{
		Database: servertest.SQLite(t, t.TempDir(), ""),
		Settings: func(settings *servertest.Settings) { settings.Jobs.Quota = 1 << 20 },
		Files: map[string]string{
			"globex/company.yaml":     companyFile,
			"acme/default/long.sql":   fmt.Sprintf(long, "mode: async\n"),
			"globex/default/long.sql": fmt.Sprintf(long, "mode: async\n"),
			"acme/default/sync.sql":   fmt.Sprintf(long, ""),
		},
	})
	token, other := s.Login("acme", "integration").Access, s.Login("globex", "integration").Access
	if ended := s.Await(s.Call("long", token, "{}", "Idempotency-Key", "first").Job(), token); ended.Status != "completed" {
		t.Fatalf("the first job is %+v", ended)
	}
	refused := s.Call("long", token, "{}")
	refused.Problem(http.StatusTooManyRequests, "QUOTA_EXCEEDED")
	if refused.Header.Get("Retry-After") == "" {
		t.Error("a refusal without Retry-After")
	}
	s.Call("sync", token, "{}", "Prefer", "wait=5").Problem(http.StatusTooManyRequests, "QUOTA_EXCEEDED")
	s.Execute("sync", token, "{}").Want(http.StatusOK)                                           // it keeps nothing
	s.Call("long", token, "{}", "Idempotency-Key", "first").Want(http.StatusAccepted)            // it is there already
	if ended := s.Await(s.Call("long", other, "{}").Job(), other); ended.Status != "completed" { // another company's
		t.Fatalf("another company's job is %+v", ended)
	}
}
