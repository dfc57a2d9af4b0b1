package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// reloadEvery and reloads are the load of the reload tests.
const (
	reloads     = 200
	reloadEvery = 100 * time.Millisecond
)

func TestReloadsUnderLoad(t *testing.T) {
	for name, rejectEvery := range map[string]int{"accepted": 0, "every third rejected": 3} {
		t.Run(name, func(t *testing.T) { reloadUnderLoad(t, rejectEvery) })
	}
}

// reloadUnderLoad reloads under constant sync and async load: no request fails, no job is lost, none ends twice.
func reloadUnderLoad(t *testing.T, rejectEvery int) {
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.source(t, t.TempDir(), sales), files: files(e)})
	token := s.login("acme", "integration").Access

	// HTTP/2, as HTTPS clients speak it: a server that retires says so in advance. HTTP/1.1 has no such word, and a
	// request that arrives as its connection is closed is lost, whichever handler it was for.
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	try := func(path, body string) (answer, error) {
		request, err := http.NewRequest(http.MethodPost, s.url(path), strings.NewReader(body))
		if err != nil {
			return answer{}, err
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+token)
		return s.doWith(client, request)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var load sync.WaitGroup
	var requests atomic.Int64
	var mu sync.Mutex
	var failures, jobs []string
	fail := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		failures = append(failures, fmt.Sprintf(format, args...))
	}
	for range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				got, err := try("/api/v1/data-api/default/vendas-por-regiao/execute", `{"parameter_values":{"data_inicio":"2026-01-01"}}`)
				requests.Add(1)
				if err != nil || got.Status != http.StatusOK || !json.Valid(got.Body) {
					fail("sync: %d %s %v", got.Status, got.Body, err)
				}
			}
		})
	}
	load.Go(func() {
		for ctx.Err() == nil {
			got, err := try("/api/v1/data-api/default/relatorio-mensal/execute", `{"parameter_values":{"mes":"2026-01"}}`)
			if err != nil || got.Status != http.StatusAccepted {
				fail("async: %d %s %v", got.Status, got.Body, err)
				continue
			}
			mu.Lock()
			jobs = append(jobs, got.Header.Get("Location"))
			mu.Unlock()
			time.Sleep(5 * time.Millisecond)
		}
	})

	good, err := os.ReadFile(s.caddyfile)
	if err != nil {
		t.Fatal(err)
	}
	rejected := 0
	for i := range reloads {
		begun := time.Now()
		content := strings.Replace(string(good), "grace_period 10s", fmt.Sprintf("grace_period %ds", 10+i%2), 1)
		bad := rejectEvery > 0 && i%rejectEvery == 0
		if bad {
			// It is provisioned, started in part, and refused: the port is taken by the server's own admin API.
			content += fmt.Sprintf("\nhttp://127.0.0.1:%d {\n\tbind unix/%s/no/such/directory/x.sock\n\trespond x\n}\n", s.port+1, s.dir)
		}
		status := s.load(t, content)
		switch {
		case bad && status == http.StatusOK:
			t.Fatalf("reload %d should have been rejected", i)
		case !bad && status != http.StatusOK:
			t.Fatalf("reload %d gave %d\n%s", i, status, s.log)
		case bad:
			rejected++
		}
		time.Sleep(reloadEvery - min(reloadEvery, time.Since(begun)))
	}
	stop()
	load.Wait()
	t.Logf("%d reloads, %d of them rejected; %d sync requests, %d jobs, %d failures", reloads, rejected, requests.Load(), len(jobs), len(failures))
	if len(failures) > 0 {
		t.Errorf("%d failures, the first: %s", len(failures), failures[0])
	}
	if requests.Load() < reloads || len(jobs) < reloads {
		t.Error("there was no load to speak of")
	}
	seen := make(map[string]bool)
	for _, pollingURL := range jobs {
		if seen[pollingURL] {
			t.Errorf("%s was given twice", pollingURL)
		}
		seen[pollingURL] = true
		if job := s.await(pollingURL, token); job.Status != "completed" {
			t.Errorf("%s ended as %s: %+v", pollingURL, job.Status, job.Error)
		}
	}
}

// load gives a Caddyfile to the admin API, as `caddy reload` does, without a process for each.
func (s *server) load(t *testing.T, caddyfile string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, "http://127.0.0.1/load", strings.NewReader(caddyfile))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "text/caddyfile")
	request.Header.Set("Cache-Control", "must-revalidate")
	client := &http.Client{Transport: unixTransport(s.adminSocket())}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func TestKillNineLosesNoJob(t *testing.T) {
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.source(t, t.TempDir(), sales), files: files(e)})
	token := s.login("acme", "integration").Access
	var jobs []string
	const rounds = 5
	for round := range rounds {
		ctx, stop := context.WithCancel(context.Background())
		var load sync.WaitGroup
		var mu sync.Mutex
		for range 8 {
			load.Go(func() {
				for ctx.Err() == nil {
					got, err := s.try(ctx, http.MethodPost, "/api/v1/data-api/default/relatorio-mensal/execute", token,
						`{"parameter_values":{"mes":"2026-01"}}`)
					if err == nil && got.Status == http.StatusAccepted {
						mu.Lock()
						jobs = append(jobs, got.Header.Get("Location"))
						mu.Unlock()
					}
				}
			})
		}
		time.Sleep(time.Duration(200+round*50) * time.Millisecond)
		s.kill()
		stop()
		load.Wait()
		s.start()
	}
	t.Logf("%d jobs were answered 202 in %d rounds", len(jobs), rounds)
	if len(jobs) < 10*rounds {
		t.Fatal("there was no load to speak of")
	}
	for _, pollingURL := range jobs {
		if job := s.await(pollingURL, token); job.Status != "completed" {
			t.Errorf("%s ended as %s: %+v", pollingURL, job.Status, job.Error)
		}
	}
}

func TestEndpointFilesAreReloaded(t *testing.T) {
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.source(t, t.TempDir(), sales), files: files(e)})
	token := s.login("acme", "integration").Access
	eventually := func(what string, check func() bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !check(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not within 10 s\n%s", what, s.log)
			}
		}
	}
	s.execute("fresh", token, `{}`).problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	s.writeCatalog("acme/default/fresh.sql", "/*---\nsource: main\n---*/\nSELECT 1 AS one")
	eventually("a new file", func() bool { return s.execute("fresh", token, `{}`).Status == http.StatusOK })

	s.writeCatalog("acme/default/fresh.sql", "/*---\nsource: main\n---*/\nSELECT 2 AS two")
	eventually("a changed file", func() bool { return strings.Contains(string(s.execute("fresh", token, `{}`).Body), "two") })

	s.writeCatalog("acme/default/fresh.sql", "/*---\nsource: main\nmode: slow\n---*/\nSELECT 3 AS three")
	eventually("a fault is logged", func() bool { return strings.Contains(s.log.String(), "fresh.sql:3:7: mode must be sync or async") })
	if got := s.execute("fresh", token, `{}`); !strings.Contains(string(got.Body), "two") {
		t.Errorf("the last good revision is gone: %s", got.Body)
	}
	s.writeCatalog("acme/default/fresh.sql", "/*---\nsource: main\n---*/\nSELECT absent FROM nowhere")
	eventually("a fault of SQL is logged", func() bool { return strings.Contains(s.log.String(), "nowhere") })
	if got := s.execute("fresh", token, `{}`); !strings.Contains(string(got.Body), "two") {
		t.Errorf("the last good revision is gone: %s", got.Body)
	}
	if status := s.mustCLI(s.admin("status")...); !strings.Contains(status, "acme/default/fresh") || !strings.Contains(status, "\n\nFAULTS\n") ||
		!strings.Contains(status, "fresh.sql:4:20: no such table: nowhere; the last good revision stays live\n") {
		t.Errorf("status does not show the fault:\n%s", status)
	}
	if err := os.Remove(filepath.Join(s.dir, "catalog/acme/default/fresh.sql")); err != nil {
		t.Fatal(err)
	}
	eventually("a removed file", func() bool { return s.execute("fresh", token, `{}`).Status == http.StatusNotFound })
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.source(t, t.TempDir(), sales), files: files(e)})
	if _, stderr, err := s.cli("validate", "--config", s.caddyfile); err != nil {
		t.Errorf("validate beside the running server: %v\n%s", err, stderr)
	}
	s.reconfigure("\t\tstore ", "\t\tstrict\n\t\tstore ")
	s.writeCatalog("acme/default/bad.sql", "/*---\nsource: elsewhere\nlimits: { max_rows: 0 }\n---*/\nSELECT 1 AS one")
	_, stderr, err := s.cli("validate", "--config", s.caddyfile)
	if err == nil || !strings.Contains(stderr, "bad.sql:3:") {
		t.Errorf("validate accepts a bad catalog: %v\n%s", err, stderr)
	}
	if err := s.reload(); err == nil {
		t.Error("a reload with a bad catalog was accepted")
	}
	out, stderr, err := s.cli("data-api", "check", filepath.Join(s.dir, "catalog"))
	if !isExit(err) || !strings.Contains(out+stderr, "bad.sql:3:") {
		t.Errorf("check: %v\n%s%s", err, out, stderr)
	}
	if err := os.Remove(filepath.Join(s.dir, "catalog/acme/default/bad.sql")); err != nil {
		t.Fatal(err)
	}
	if out := s.mustCLI("data-api", "check", filepath.Join(s.dir, "catalog")); !strings.Contains(out, "no faults") {
		t.Errorf("check of a good catalog printed %q", out)
	}
	if err := s.reload(); err != nil {
		t.Error(err)
	}
	// A second server on the same store is told who holds it.
	other := filepath.Join(s.dir, "Caddyfile.second")
	content, err := os.ReadFile(s.caddyfile)
	if err != nil {
		t.Fatal(err)
	}
	second := strings.NewReplacer(
		"admin.sock", "admin2.sock", fmt.Sprint(s.port), fmt.Sprint(freePort(t)),
	).Replace(string(content))
	if err := os.WriteFile(other, []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, err := s.cli("run", "--config", other); err == nil || !strings.Contains(stderr, "another process holds") {
		t.Errorf("a second server on one store: %v\n%s", err, stderr)
	}
}

func TestSourceThatIsDown(t *testing.T) {
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	db.Exec(sales)
	cluster.Stop(t)
	e := engines[1]
	s := newServer(t, serverConfig{sources: `source main postgres "` + db.ReaderDSN + `"`, files: files(e)})
	token := s.login("acme", "integration").Access
	down := s.execute("vendas-por-regiao", token, `{"data_inicio":"2026-01-01"}`).problem(http.StatusServiceUnavailable, "SOURCE_UNAVAILABLE")
	if down.Header.Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
	cluster.Start(t)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if got := s.execute("vendas-por-regiao", token, `{"data_inicio":"2026-01-01"}`); got.Status == http.StatusOK {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the source is back and the endpoint is not: %d %s", got.Status, got.Body)
		}
	}
	cluster.Stop(t)
	s.execute("vendas-por-regiao", token, `{"data_inicio":"2026-01-01"}`).problem(http.StatusServiceUnavailable, "SOURCE_UNAVAILABLE")
	cluster.Start(t)
}

// A caller that goes away cancels its query inside the database.
func TestDisconnectCancelsTheQuery(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(sales)
	e := engines[1]
	s := newServer(t, serverConfig{sources: `source main postgres "` + db.ReaderDSN + `"`, files: files(e)})
	token := s.login("acme", "integration").Access
	watcher := db.Conn()
	running := func() (n int) {
		err := watcher.QueryRow(context.Background(), `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = s.try(ctx, http.MethodPost, "/api/v1/data-api/default/endless/execute", token, `{}`)
	}()
	for deadline := time.Now().Add(10 * time.Second); running() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the query does not start")
		}
	}
	cancel()
	<-done
	gone := time.Now()
	for running() > 0 {
		if time.Since(gone) > time.Second {
			t.Fatal("the query runs on")
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Logf("the query was gone %s after its caller", time.Since(gone).Round(time.Millisecond))
}
