package caddymodule_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// slowHandshake is a connection whose client says the last word of the TLS handshake only when it is let go.
type slowHandshake struct {
	net.Conn

	once   sync.Once
	spoken bool          // the client's hello was sent
	begun  chan struct{} // closed when the server has answered it, and so has accepted the connection
	letGo  <-chan struct{}
}

func (c *slowHandshake) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.once.Do(func() { close(c.begun) })
	}
	return n, err
}

func (c *slowHandshake) Write(p []byte) (int, error) {
	if c.spoken {
		<-c.letGo
	}
	c.spoken = true
	return c.Conn.Write(p)
}

const sayOne, sayTwo = "/*---\nsource: main\n---*/\nSELECT 1 AS n", "/*---\nsource: main\n---*/\nSELECT 2 AS n"

// TestConnectionAcceptedBeforeAReload: a connection that a configuration has accepted, and whose handshake ends when that
// is replaced or rejected, gets the answers of the configuration in force, and ends after the first.
func TestConnectionAcceptedBeforeAReload(t *testing.T) {
	for _, path := range []string{"/api/v1/data-api/default/say/execute", "/docs/"} {
		t.Run(path, func(t *testing.T) {
			s := run(t)
			s.mustLoad(settings{name: "one", catalog: catalogOf(t, map[string]string{"say": sayOne})})
			s.login()

			var dials int
			begun, letGo := make(chan struct{}), make(chan struct{})
			client := s.client(func(ctx context.Context, config *tls.Config) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
				if err != nil {
					return nil, err
				}
				if dials++; dials == 1 {
					conn = &slowHandshake{Conn: conn, begun: begun, letGo: letGo}
				}
				secure := tls.Client(conn, config)
				return secure, secure.HandshakeContext(ctx)
			})
			defer client.CloseIdleConnections()
			ask := func() (int, []byte, error) {
				if path == "/docs/" {
					return s.ask(client, http.MethodGet, path, "")
				}
				return s.ask(client, http.MethodPost, path, `{"parameter_values": {}}`)
			}
			type answer struct {
				status int
				body   []byte
				err    error
			}
			first := make(chan answer, 1)
			go func() {
				status, body, err := ask()
				first <- answer{status, body, err}
			}()
			<-begun
			s.mustLoad(settings{name: "two", catalog: catalogOf(t, map[string]string{"say": sayTwo})})
			close(letGo)
			got := <-first
			if got.err != nil || got.status != http.StatusOK {
				t.Fatalf("the first request after the reload: %d %s %v", got.status, got.body, got.err)
			}
			if path != "/docs/" && !strings.Contains(string(got.body), `{"n":2}`) {
				t.Errorf("the answer is that of the replaced configuration: %s", got.body)
			}
			// The word that the connection ends may come after the answer.
			requests := 1
			eventually(t, "a new connection", func() bool {
				requests++
				if status, body, err := ask(); err != nil || status != http.StatusOK {
					t.Fatalf("request %d: %d %s %v", requests, status, body, err)
				}
				return dials == 2
			})
			t.Logf("%d requests on the connection of the replaced configuration", requests-1)
		})
	}
}

// refuser is an app that lets others start before it fails.
type refuser struct{}

func (refuser) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api_test_refuser", New: func() caddy.Module { return new(refuser) }}
}

func (refuser) Start() error {
	time.Sleep(30 * time.Millisecond)
	return errors.New("refused by the test")
}

func (refuser) Stop() error { return nil }

func init() { caddy.RegisterModule(refuser{}) }

const (
	refused = `, "data_api_test_refuser": {}`

	endless = "/*---\nsource: main\nmode: async\n---*/\n" +
		"WITH RECURSIVE steps(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM steps WHERE n < 10000000000) SELECT COUNT(*) AS n FROM steps"
	quick = "/*---\nsource: main\nmode: async\n---*/\nSELECT 1 AS n"
)

// job is what polling shows.
type jobState struct {
	ID     string `json:"job_id"`
	Status string `json:"status"`
}

func (s *running) begin(slug string) (path string) {
	s.t.Helper()
	status, body, err := s.execute(s.clientHelper, slug)
	var begun jobState
	if err := errors.Join(err, json.Unmarshal(body, &begun)); err != nil || status != http.StatusAccepted {
		s.t.Fatalf("%d %s %v", status, body, err)
	}
	return "/api/v1/data-api/default/" + slug + "/jobs/" + begun.ID
}

func (s *running) stateOf(path string) string {
	s.t.Helper()
	status, body, err := s.ask(s.clientHelper, http.MethodGet, path, "")
	var seen jobState
	if err := errors.Join(err, json.Unmarshal(body, &seen)); err != nil || status != http.StatusOK {
		s.t.Fatalf("%d %s %v", status, body, err)
	}
	return seen.Status
}

// TestRejectedConfigurationDoesNothing: one that starts, and is rejected since another app fails, has ended no job,
// although it knows nobody who could have asked for one, and has run none; nothing that happens after it is written to
// its logs; and what its catalog holds is no change of what is served.
func TestRejectedConfigurationDoesNothing(t *testing.T) {
	s := run(t)
	good := settings{name: "good", catalog: catalogOf(t, map[string]string{"endless": endless, "quick": quick})}
	s.mustLoad(good)
	s.login()
	job := s.begin("endless")
	defer func() { _, _, _ = s.ask(s.clientHelper, http.MethodDelete, job, "") }()

	stranger := t.TempDir()
	if err := os.MkdirAll(filepath.Join(stranger, "globex/default"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(stranger, "globex/company.yaml"), "name: Globex\n")
	bad := settings{name: "bad", catalog: stranger, apps: refused}
	started := 0
	for range 100 {
		if started == 5 {
			break
		}
		if err := s.load(bad); err == nil || !strings.Contains(err.Error(), "refused by the test") {
			t.Fatalf("the bad configuration: %v", err)
		}
		started = strings.Count(s.logOf("bad.log"), `"msg":"serving"`)
	}
	if started == 0 {
		t.Fatal("the apps start in no such order that the test says anything")
	}
	if status := s.stateOf(job); status != "processing" {
		t.Errorf("the job is %s", status)
	}
	var before string
	eventually(t, "the log of the rejected configuration rests", func() bool {
		before = s.logOf("bad.log")
		time.Sleep(100 * time.Millisecond)
		return s.logOf("bad.log") == before
	})
	quick := s.begin("quick")
	eventually(t, "the end of a job", func() bool { return s.stateOf(quick) == "completed" })
	eventually(t, "its line in the audit log", func() bool { return strings.Contains(s.logOf("good.audit"), quick[strings.LastIndex(quick, "/")+1:]) })
	if after := s.logOf("bad.log"); after != before {
		t.Errorf("the log of the rejected configuration goes on: %s", strings.TrimPrefix(after, before))
	}
	if auditLog := s.logOf("bad.audit"); auditLog != "" {
		t.Errorf("the audit log of a rejected configuration has %s", auditLog)
	}
}

// TestRejectedCatalogIsNoChange: an endpoint that its source refuses goes from the catalog of a configuration that starts,
// and from nothing else when that is rejected.
func TestRejectedCatalogIsNoChange(t *testing.T) {
	s := run(t)
	s.mustLoad(settings{name: "good", catalog: catalogOf(t, map[string]string{"say": sayOne})})
	faulty := catalogOf(t, map[string]string{"say": "/*---\nsource: main\n---*/\nSELECT n FROM nowhere"})
	eventually(t, "a configuration that is rejected after its sources were asked", func() bool {
		if err := s.load(settings{name: "bad", catalog: faulty, apps: refused}); err == nil {
			t.Fatal("the bad configuration was accepted")
		}
		return strings.Contains(s.logOf("bad.log"), "nowhere")
	})
	if auditLog := s.logOf("good.audit") + s.logOf("bad.audit"); strings.Contains(auditLog, "catalog.changed") {
		t.Errorf("the audit log has %s", auditLog)
	}
}

// TestRejectedConfigurationAnswersNothing: its HTTP server has accepted connections before it is rejected, and none of their
// requests is answered with what was not to be.
func TestRejectedConfigurationAnswersNothing(t *testing.T) {
	s := run(t)
	s.mustLoad(settings{name: "good", catalog: catalogOf(t, map[string]string{"say": sayOne})})
	s.login()
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	var answers atomic.Int64
	for range 4 {
		callers.Go(func() {
			for ctx.Err() == nil {
				client := s.client(nil)
				// Connections may be reset while two configurations share a port.
				if status, body, err := s.execute(client, "say"); err == nil {
					answers.Add(1)
					if status != http.StatusOK || !strings.Contains(string(body), `{"n":1}`) {
						t.Errorf("%d %s", status, body)
					}
				}
				client.CloseIdleConnections()
			}
		})
	}
	bad := settings{name: "bad", catalog: catalogOf(t, map[string]string{"say": sayTwo}), apps: refused}
	for range 20 {
		if err := s.load(bad); err == nil {
			t.Error("the bad configuration was accepted")
		}
	}
	stop()
	callers.Wait()
	t.Logf("%d answers", answers.Load())
}

// TestStartThatFailsLeavesNothing: a configuration whose own Start fails half way is as if it had never been.
func TestStartThatFailsLeavesNothing(t *testing.T) {
	s := run(t)
	catalog := catalogOf(t, map[string]string{"quick": quick})
	s.mustLoad(settings{name: "good", catalog: catalog})
	s.login()

	// The store is locked by somebody else: so Start fails, whatever it thinks of the catalog.
	taken := filepath.Join(s.dir, "directory.db")
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.load(settings{name: "bad", catalog: catalog, store: taken}); err == nil {
		t.Fatal("a directory was opened as a store")
	}
	job := s.begin("quick")
	eventually(t, "its line in the audit log of the configuration in force", func() bool {
		return strings.Contains(s.logOf("good.audit"), job[strings.LastIndex(job, "/")+1:]) &&
			strings.Contains(s.logOf("good.audit"), `"job.ended"`)
	})
	if auditLog := s.logOf("bad.audit"); auditLog != "" {
		t.Errorf("the audit log of a rejected configuration has %s", auditLog)
	}
}

// TestCatalogThatAReloadChanges: what comes into force with a configuration is a change too, and is recorded once.
func TestCatalogThatAReloadChanges(t *testing.T) {
	s := run(t)
	s.mustLoad(settings{name: "one", catalog: catalogOf(t, map[string]string{"say": sayOne, "gone": sayOne})})
	s.mustLoad(settings{name: "two", catalog: catalogOf(t, map[string]string{"say": sayTwo})})
	const want = `"changes":["changed endpoint acme/default/say","removed endpoint acme/default/gone"]`
	if got := s.logOf("two.audit"); strings.Count(got, "catalog.changed") != 1 || !strings.Contains(got, want) {
		t.Errorf("the audit log has %s\nwant one line with %s", got, want)
	}
	if got := s.logOf("one.audit"); strings.Contains(got, "catalog.changed") {
		t.Errorf("the audit log of the first configuration has %s", got)
	}
}

// TestRejectedReloadsLeak nothing: neither goroutines nor open files.
func TestRejectedReloadsLeak(t *testing.T) {
	s := run(t)
	catalog := catalogOf(t, map[string]string{"quick": quick, "say": sayOne})
	s.mustLoad(settings{name: "good", catalog: catalog})
	s.login()
	faulty := catalogOf(t, map[string]string{"say": "/*---\nsource: main\n---*/\nSELECT n FROM nowhere"})
	directory := filepath.Join(s.dir, "directory.db")
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	reject := func(round int) {
		bad := []settings{
			{name: "bad", catalog: catalog, apps: refused},
			{name: "bad", catalog: catalog, apps: refused, conns: 1 + round%7, store: filepath.Join(s.dir, "other.db")},
			{name: "bad", catalog: faulty},
			{name: "bad", catalog: catalog, store: directory},
			{name: "bad", catalog: filepath.Join(s.dir, "nowhere")},
		}[round%5]
		if round%5 == 2 {
			_ = s.load(bad) // a statement at fault may be left out instead
			s.mustLoad(settings{name: "good", catalog: catalog})
			return
		}
		if err := s.load(bad); err == nil {
			t.Fatalf("configuration %d was accepted", round)
		}
	}
	settle := func() (goroutines, files int) {
		s.clientHelper.CloseIdleConnections()
		http.DefaultClient.CloseIdleConnections()
		runtime.GC()
		return runtime.NumGoroutine(), openFiles(t)
	}
	for round := range 10 { // what is made once
		reject(round)
	}
	eventually(t, "rest", func() bool {
		goroutines, files := settle()
		time.Sleep(500 * time.Millisecond)
		again, filesAgain := settle()
		return goroutines == again && files == filesAgain
	})
	goroutines, files := settle()
	const rounds = 50 // ten of each kind: one that leaks shows
	for round := range rounds {
		reject(round)
	}
	var goroutinesAfter, filesAfter int
	eventually(t, fmt.Sprintf("%d goroutines and %d files again", goroutines, files), func() bool {
		goroutinesAfter, filesAfter = settle()
		return goroutinesAfter <= goroutines+2 && filesAfter <= files+2
	})
	t.Logf("%d rejected reloads: %d goroutines before and %d after, %d open files before and %d after",
		rounds, goroutines, goroutinesAfter, files, filesAfter)
	if status, body, err := s.execute(s.clientHelper, "say"); err != nil || status != http.StatusOK {
		t.Errorf("the server answers %d %s %v", status, body, err)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		entries, err = os.ReadDir("/dev/fd")
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
