package e2e

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The server holds a small part of a result at a time, however large that is.
func TestResultsTakeConstantMemory(t *testing.T) {
	t.Run("a kept result is read", largeResultIsReadInConstantMemory)
	onEveryEngine(t, resultStreams)
}

// A result of any size is read in constant memory, whole and in pages.
func largeResultIsReadInConstantMemory(t *testing.T) {
	e := engines[0]
	s := newServer(t, serverConfig{
		sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e), env: []string{"GOMEMLIMIT="},
	})
	token := s.Login("acme", "integration").Access
	job := s.Call("series-job", token, `{"rows":500000}`).Job()
	eventuallyEnded := s.Send(http.MethodGet, job, token, "", "Prefer", "wait=60").Want(http.StatusOK)
	if mediaType, _, _ := mime.ParseMediaType(eventuallyEnded.Header.Get("Content-Type")); mediaType != "application/json" {
		t.Fatal(mediaType)
	}
	before := s.memory(t)
	peak := before
	for range 3 {
		request, err := http.NewRequest(http.MethodGet, s.URL(job+"/result"), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		if err != nil || n != response.ContentLength || n < 50<<20 {
			t.Fatalf("%d bytes of %d: %v", n, response.ContentLength, err)
		}
		_ = response.Body.Close()
		peak = max(peak, s.memory(t))
	}
	pages := 0
	for next := job + "/result?limit=10000"; next != "" && pages < 20; pages++ {
		next = s.Get(next, token).Want(http.StatusOK).NextLink()
		peak = max(peak, s.memory(t))
	}
	t.Logf("resident memory was %d MiB before, and at most %d MiB while 3 results of over 50 MiB and %d pages were read", before>>20, peak>>20, pages)
	if peak > before+64<<20 {
		t.Errorf("memory grew from %d to %d MiB", before>>20, peak>>20)
	}
}

// memory is the server's resident memory in bytes.
func (s *server) memory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("the system does not say how much memory the server has")
	return 0
}

// A result of a million rows is streamed, to a caller who waits and into a job.
func resultStreams(t *testing.T, e engine) {
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e)})
	token := s.Login("acme", "integration").Access
	request, _ := http.NewRequest(http.MethodPost, s.URL("/api/v1/data-api/default/series/execute"),
		strings.NewReader(`{"parameter_values":{"rows":1000000}}`))
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	size, last := drain(t, response.Body)
	if !strings.Contains(last, `"row_count":1000000,"truncated":false,"max_rows":2000000`) {
		t.Fatalf("%d bytes end with %s", size, last)
	}

	accepted := s.Execute("series-job", token, `{"rows":1000000}`).Want(http.StatusAccepted)
	var job struct {
		PollingURL string `json:"polling_url"`
	}
	accepted.Decode(&job)
	// Polling would read the result each time; the test waits without it.
	deadline := time.Now().Add(2 * time.Minute)
	for !jobHasEnded(t, s, job.PollingURL, token) {
		if time.Now().After(deadline) {
			t.Fatal("the job does not end")
		}
		time.Sleep(100 * time.Millisecond)
	}
	peak := s.peakMemory()
	t.Logf("%d bytes; peak memory of the process %d MiB", size, peak>>20)
	if peak > 100<<20 {
		t.Errorf("peak memory is %d MiB", peak>>20)
	}
}

// drain reads to the end and returns the number of bytes and the last few of them.
func drain(t *testing.T, body io.Reader) (int64, string) {
	t.Helper()
	reader := bufio.NewReaderSize(body, 1<<20)
	tail := make([]byte, 0, 400)
	var size int64
	buffer := make([]byte, 1<<16)
	for {
		n, err := reader.Read(buffer)
		size += int64(n)
		tail = append(tail, buffer[:n]...)
		if len(tail) > 200 {
			tail = append(tail[:0], tail[len(tail)-200:]...)
		}
		if err == io.EOF {
			return size, string(tail)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// jobHasEnded polls and drops the result; it fails the test unless a job that has ended is complete.
func jobHasEnded(t *testing.T, s *server, pollingURL, token string) bool {
	t.Helper()
	request, _ := http.NewRequest(http.MethodGet, s.URL(pollingURL), nil)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	head := make([]byte, 80)
	n, err := io.ReadFull(response.Body, head)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(head[:n]), `"status":"processing"`) {
		return false
	}
	_, last := drain(t, response.Body)
	if !strings.Contains(string(head[:n]), `"status":"completed"`) || !strings.Contains(last, `"row_count":1000000,"truncated":false}`) {
		t.Fatalf("the job begins %s and ends %s", head[:n], last)
	}
	return true
}
