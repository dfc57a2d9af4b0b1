package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Every job that was acknowledged before a backup began is there when it is restored, although others are accepted all the
// while; and what was there before is kept. A server does not start with a damaged store, and says what to do; in particular it does
// not start empty.
func TestBackupUnderLoadIsRestored(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverConfig{
		sources: engines[0].Source(t, t.TempDir(), sales).Directive(),
		files:   map[string]string{"acme/default/quick.sql": "/*---\nsource: main\nmode: async\n---*/\nSELECT 1 AS one"},
	})
	token := s.Login("acme", "integration").Access
	var mu sync.Mutex
	var acknowledged []string
	stop, load := make(chan struct{}), new(sync.WaitGroup)
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				url := s.Execute("quick", token, `{}`).Job()
				mu.Lock()
				acknowledged = append(acknowledged, url)
				mu.Unlock()
				time.Sleep(2 * time.Millisecond) // the others want the processor, too
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged)
	}
	eventually(t, "jobs are accepted", 2*patience, func() bool { return count() > 50 })
	backup, store := filepath.Join(s.Dir, "backup.db"), filepath.Join(s.Dir, "data-api.db")
	before := count()
	out := s.mustCLI(s.admin("store", "backup", backup, "--rate", "1MiB")...)
	during := count() - before
	close(stop)
	load.Wait()
	if !strings.Contains(out, "no faults") || during == 0 {
		t.Fatalf("%d jobs were accepted during the backup, which printed\n%s", during, out)
	}
	if _, stderr, err := s.cli("data-api", "store", "restore", backup, "--to", store, "--force"); !isExit(err) || !strings.Contains(stderr, "a server holds") {
		t.Errorf("while the server runs: %v %s", err, stderr)
	}
	s.stop()
	if _, stderr, err := s.cli("data-api", "store", "restore", backup, "--to", store); !isExit(err) || !strings.Contains(stderr, "--force keeps it aside") {
		t.Errorf("without --force: %v %s", err, stderr)
	}
	s.mustCLI("data-api", "store", "restore", backup, "--to", store, "--force")
	aside, err := filepath.Glob(store + ".20*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("aside are %v, %v", aside, err)
	}
	s.mustCLI("data-api", "store", "check", aside[0])
	s.start()
	for _, url := range acknowledged[:before] {
		s.Get(url, token).Want(http.StatusOK)
	}
	s.Execute("quick", token, `{}`).Job() // the signing keys are the same

	s.stop()
	text, err := os.ReadFile(store)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store, text[:20_000], 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, err := s.cli("run", "--config", s.caddyfile)
	if !isExit(err) || !strings.Contains(stderr, "cut short") || !strings.Contains(stderr, "restore a backup") {
		t.Errorf("%v, %s", err, stderr)
	}
	if after, err := os.Stat(store); err != nil || after.Size() != 20_000 {
		t.Errorf("the file is %+v, %v", after, err)
	}
}
