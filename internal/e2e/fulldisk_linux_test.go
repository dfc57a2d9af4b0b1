package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// limitFiles sets how long a file of the server's process may become, in bytes: writes beyond fail, as on a full disk.
func (s *server) limitFiles(bytes uint64) {
	s.T.Helper()
	var limit unix.Rlimit
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &limit); err != nil {
		s.T.Fatal(err)
	}
	limit.Cur = min(bytes, limit.Max)
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		s.T.Fatal(err)
	}
}

func TestFullDiskRefusesNewJobsAndLosesNone(t *testing.T) {
	t.Parallel()
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: map[string]string{
		"acme/default/report.sql": "/*---\nsource: main\nmode: async\n---*/\nSELECT regiao, total FROM vendas ORDER BY regiao, total",
		"acme/default/total.sql":  "/*---\nsource: main\n---*/\nSELECT SUM(total) AS total FROM vendas",
	}})
	token := s.Login("acme", "integration").Access
	const path, body = "/api/v1/data-api/default/report/execute", `{}`
	var jobs []string
	accept := func() answer {
		got := s.Post(path, token, body)
		if got.Status == http.StatusAccepted {
			jobs = append(jobs, got.Header.Get("Location"))
		}
		return got
	}
	accept().Want(http.StatusAccepted)

	file, err := os.Stat(filepath.Join(s.Dir, "data-api.db"))
	if err != nil {
		t.Fatal(err)
	}
	s.limitFiles(uint64(file.Size()) / 16) // inside the file, where its pages have no disk space yet
	refused := accept()
	for n := 0; refused.Status == http.StatusAccepted && n < 5000; n++ {
		refused = accept()
	}
	refused.Problem(http.StatusServiceUnavailable, "OVERLOADED")
	if refused.Header.Get("Retry-After") == "" {
		t.Error("the 503 does not say when to come back")
	}
	// What needs no space works.
	s.Get(jobs[0], token).Want(http.StatusOK)
	s.Post("/api/v1/data-api/default/total/execute", token, `{}`).Want(http.StatusOK)

	s.limitFiles(unix.RLIM_INFINITY)
	accept().Want(http.StatusAccepted)
	for _, job := range jobs {
		if got := s.Await(job, token); got.Status != "completed" {
			t.Errorf("%s is %s: %+v", job, got.Status, got.Error)
		}
	}
	t.Logf("%d jobs were accepted before and after the disk was full, and all completed", len(jobs))
	if strings.Contains(s.Log.String(), "panic") {
		t.Error(fmt.Sprint("the server panicked:\n", s.Log))
	}
}
