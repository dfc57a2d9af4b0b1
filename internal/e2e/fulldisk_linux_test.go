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
	s.t.Helper()
	var limit unix.Rlimit
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &limit); err != nil {
		s.t.Fatal(err)
	}
	limit.Cur = min(bytes, limit.Max)
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		s.t.Fatal(err)
	}
}

func TestFullDiskRefusesNewJobsAndLosesNone(t *testing.T) {
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.source(t, t.TempDir(), sales), files: reports})
	token := s.login("acme", "integration").Access
	const path, body = "/api/v1/data-api/default/report/execute", `{}`
	var jobs []string
	accept := func() answer {
		got := s.post(path, token, body)
		if got.Status == http.StatusAccepted {
			jobs = append(jobs, got.Header.Get("Location"))
		}
		return got
	}
	accept().want(http.StatusAccepted)

	file, err := os.Stat(filepath.Join(s.dir, "data-api.db"))
	if err != nil {
		t.Fatal(err)
	}
	s.limitFiles(uint64(file.Size()) / 16) // inside the file, where its pages have no disk space yet
	refused := accept()
	for n := 0; refused.Status == http.StatusAccepted && n < 5000; n++ {
		refused = accept()
	}
	refused.problem(http.StatusServiceUnavailable, "OVERLOADED")
	if refused.Header.Get("Retry-After") == "" {
		t.Error("the 503 does not say when to come back")
	}
	// What needs no space works.
	s.get(jobs[0], token).want(http.StatusOK)
	s.post("/api/v1/data-api/default/total/execute", token, `{}`).want(http.StatusOK)

	s.limitFiles(unix.RLIM_INFINITY)
	accept().want(http.StatusAccepted)
	for _, job := range jobs {
		if got := s.await(job, token); got.Status != "completed" {
			t.Errorf("%s is %s: %+v", job, got.Status, got.Error)
		}
	}
	t.Logf("%d jobs were accepted before and after the disk was full, and all completed", len(jobs))
	if strings.Contains(s.log.String(), "panic") {
		t.Error(fmt.Sprint("the server panicked:\n", s.log))
	}
}
