package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// reloadEvery is the pace of the reload tests.
const reloadEvery = 100 * time.Millisecond

func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	const reloads = 24 // each setting once
	for name, rejectEvery := range map[string]int{"accepted": 0, "every third rejected": 3} {
		t.Run(name, func(t *testing.T) { reloadUnderLoad(t, reloads, rejectEvery) })
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
	t.Parallel()
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e)})
	token := s.Login("acme", "integration").Access
	var jobs []string
	const rounds = 5
	for round := range rounds {
		ctx, stop := context.WithCancel(context.Background())
		var load sync.WaitGroup
		var mu sync.Mutex
		for range 8 {
			load.Go(func() {
				for ctx.Err() == nil {
					got, err := s.Try(ctx, http.MethodPost, "/api/v1/data-api/default/relatorio-mensal/execute", token,
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
		if job := s.Await(pollingURL, token); job.Status != "completed" {
			t.Errorf("%s ended as %s: %+v", pollingURL, job.Status, job.Error)
		}
	}
}

func TestEndpointFilesAreReloaded(t *testing.T) {
	t.Parallel()
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e)})
	token := s.Login("acme", "integration").Access
	eventually := func(what string, check func() bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); !check(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not within %s\n%s", what, patience, s.Log)
			}
		}
	}
	s.Execute("fresh", token, `{}`).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	s.WriteCatalog("acme/default/fresh.sql", "/*---\nsource: main\n---*/\nSELECT 1 AS one")
	eventually("a new file", func() bool { return s.Execute("fresh", token, `{}`).Status == http.StatusOK })

	s.WriteCatalog("acme/default/fresh.sql", "/*---\nsource: main\n---*/\nSELECT 2 AS two")
	eventually("a changed file", func() bool { return strings.Contains(string(s.Execute("fresh", token, `{}`).Body), "two") })

	s.WriteCatalog("acme/default/fresh.sql", "/*---\nsource: main\nmode: slow\n---*/\nSELECT 3 AS three")
	eventually("a fault is logged", func() bool { return strings.Contains(s.Log.String(), "fresh.sql:3:7: mode must be sync or async") })
	if got := s.Execute("fresh", token, `{}`); !strings.Contains(string(got.Body), "two") {
		t.Errorf("the last good revision is gone: %s", got.Body)
	}
	s.WriteCatalog("acme/default/fresh.sql", "/*---\nsource: main\n---*/\nSELECT absent FROM nowhere")
	eventually("a fault of SQL is logged", func() bool { return strings.Contains(s.Log.String(), "nowhere") })
	if got := s.Execute("fresh", token, `{}`); !strings.Contains(string(got.Body), "two") {
		t.Errorf("the last good revision is gone: %s", got.Body)
	}
	if status := s.mustCLI(s.admin("status", "--endpoints")...); !strings.Contains(status, "\nacme/default/fresh ") || !strings.Contains(status, "\n\nPROBLEMS\n") ||
		!strings.Contains(status, "fresh.sql:4:20: no such table: nowhere; the last good revision stays live\n") {
		t.Errorf("status does not show the fault:\n%s", status)
	}
	if err := os.Remove(filepath.Join(s.Dir, "catalog/acme/default/fresh.sql")); err != nil {
		t.Fatal(err)
	}
	eventually("a removed file", func() bool { return s.Execute("fresh", token, `{}`).Status == http.StatusNotFound })
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e)})
	if _, stderr, err := s.cli("validate", "--config", s.caddyfile); err != nil {
		t.Errorf("validate beside the running server: %v\n%s", err, stderr)
	}
	s.reconfigure("\t\tstore ", "\t\tstrict\n\t\tstore ")
	s.WriteCatalog("acme/default/bad.sql", "/*---\nsource: elsewhere\nlimits: { max_rows: 0 }\n---*/\nSELECT 1 AS one")
	_, stderr, err := s.cli("validate", "--config", s.caddyfile)
	if err == nil || !strings.Contains(stderr, "bad.sql:3:") {
		t.Errorf("validate accepts a bad catalog: %v\n%s", err, stderr)
	}
	if err := s.reload(); err == nil {
		t.Error("a reload with a bad catalog was accepted")
	}
	out, stderr, err := s.cli("data-api", "check", filepath.Join(s.Dir, "catalog"))
	if !isExit(err) || !strings.Contains(out+stderr, "bad.sql:3:") {
		t.Errorf("check: %v\n%s%s", err, out, stderr)
	}
	if err := os.Remove(filepath.Join(s.Dir, "catalog/acme/default/bad.sql")); err != nil {
		t.Fatal(err)
	}
	if out := s.mustCLI("data-api", "check", filepath.Join(s.Dir, "catalog")); !strings.Contains(out, "no faults") {
		t.Errorf("check of a good catalog printed %q", out)
	}
	if err := s.reload(); err != nil {
		t.Error(err)
	}
	// A second server on the same store is told who holds it.
	other := filepath.Join(s.Dir, "Caddyfile.second")
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
