package caddymodule_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(new(eventKeeper)) }

// eventKeeper is an event handler that keeps what it is told.
type eventKeeper struct{}

var (
	keptEvents sync.Map     // of its data, by the event's name
	failedJobs sync.Map     // by ID: those that it was told of
	holding    sync.RWMutex // while a test holds it, the handler does not go on with a job
)

func (*eventKeeper) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.data_api_test_keeper", New: func() caddy.Module { return new(eventKeeper) }}
}

func (*eventKeeper) Handle(_ context.Context, event caddy.Event) error {
	if id, ok := event.Data["job_id"]; ok {
		holding.RLock()
		failedJobs.Store(id, true)
		holding.RUnlock()
	}
	keptEvents.Store(event.Name(), event.Data)
	return nil
}

// TestEvents: handlers of Caddy's events are told what an operator may want to act on.
func TestEvents(t *testing.T) {
	s := run(t)
	keptEvents.Clear()
	catalog := catalogOf(t, map[string]string{"one": sayOne, "failing": "/*---\nsource: main\nmode: async\n---*/\nSELECT n FROM sales"})
	s.mustLoad(settings{name: "events", catalog: catalog, apps: `,
		"events": {"subscriptions": [{"handlers": [{"handler": "data_api_test_keeper"}]}]}`})
	s.login()
	told := func(name string, want map[string]any) {
		t.Helper()
		eventually(t, name, func() bool { _, ok := keptEvents.Load("data_api." + name); return ok })
		kept, _ := keptEvents.Load("data_api." + name)
		for key, value := range want {
			if got := kept.(map[string]any)[key]; got != value {
				t.Errorf("%s: %s is %v, want %v", name, key, got, value)
			}
		}
	}

	if err := os.WriteFile(filepath.Join(catalog, "acme/default/broken.sql"), []byte("no front matter"), 0o600); err != nil {
		t.Fatal(err)
	}
	told("catalog_fault", map[string]any{"faults": 1})

	// The job meets a database that has lost its table.
	s.exec("DROP TABLE sales")
	if status, answer, err := s.ask(s.clientHelper, http.MethodPost, "/api/v1/data-api/default/failing/execute", `{}`); err != nil || status != http.StatusAccepted {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	told("job_failed", map[string]any{"company": "acme", "user": "ci", "endpoint": "acme/default/failing", "code": "INTERNAL_ERROR"})

	if err := os.Rename(s.database, s.database+".hidden"); err != nil {
		t.Fatal(err)
	}
	if status, answer, err := s.ask(s.clientHelper, http.MethodPost, "/api/v1/data-api/default/one/execute", `{}`); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("%d %s %v", status, answer, err)
	}
	told("source_down", map[string]any{"source": "main"})

	revoke, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, fmt.Sprintf("http://127.0.0.1:%d/data_api/keys/%s", s.admin, s.keyID), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(revoke)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("revoking answers %d", answer.StatusCode)
	}
	told("key_revoked", map[string]any{"api_key": s.keyID, "company": "acme", "user": "ci"})
	if log := s.logOf("events.log"); strings.Contains(log, "events were lost") {
		t.Error(log)
	}
}

// TestEventsOutliveAReload: what a configuration with a slow handler has not told yet, the next one tells.
func TestEventsOutliveAReload(t *testing.T) {
	s := run(t)
	events := `,
		"events": {"subscriptions": [{"handlers": [{"handler": "data_api_test_keeper"}]}]}`
	catalog := catalogOf(t, map[string]string{"failing": "/*---\nsource: main\nmode: async\n---*/\nSELECT n FROM sales"})
	s.mustLoad(settings{name: "slow", catalog: catalog, apps: events})
	s.login()
	s.exec("DROP TABLE sales")
	holding.Lock()
	var jobs []string
	for range 10 {
		jobs = append(jobs, s.begin("failing"))
	}
	for _, job := range jobs {
		eventually(t, "the end of a job", func() bool { return s.stateOf(job) == "failed" })
	}
	s.mustLoad(settings{name: "next", catalog: catalog, apps: events})
	holding.Unlock()
	for _, job := range jobs {
		eventually(t, "the handler is told of a job", func() bool { _, ok := failedJobs.Load(path.Base(job)); return ok })
	}
}
