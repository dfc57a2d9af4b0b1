package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A result of 600,000 rows is over 60 MB, which the server may never hold: beside what it is itself, that would be more than it may take.
const (
	manyRows = 600_000
	mostHeld = 100 << 20
)

// The server holds a small part of a result at a time, however large that is: streamed to a caller who waits, written by a job, and read
// again, whole and in pages.
func TestResultsTakeConstantMemory(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		t.Parallel()
		s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e), env: []string{"GOMEMLIMIT="}})
		token := s.Login("acme", "integration").Access
		streamed, last := s.drain(t, http.MethodPost, endpoints+"series/execute", token, parametersOf(manyRows))
		if !strings.Contains(last, fmt.Sprintf(`"row_count":%d,"truncated":false,"max_rows":2000000`, manyRows)) {
			t.Fatalf("%d bytes end with %s", streamed, last)
		}
		var accepted struct {
			PollingURL string `json:"polling_url"`
		}
		s.Post(endpoints+"series-job/execute", token, parametersOf(manyRows)).Want(http.StatusAccepted).Decode(&accepted)
		job := accepted.PollingURL
		// Polling would read the result each time; the test waits without it.
		eventually(t, "the job ends", 2*patience, func() bool {
			var list listing
			s.Get(endpoints+"series-job/jobs", token).Want(http.StatusOK).Decode(&list)
			return list.Jobs[0].Status != "processing"
		})
		polled, last := s.drain(t, http.MethodGet, job, token, "")
		if !strings.Contains(last, fmt.Sprintf(`"row_count":%d,"truncated":false}`, manyRows)) {
			t.Fatalf("the job ends with %s", last)
		}
		read, _ := s.drain(t, http.MethodGet, job+"/result", token, "")
		pages := 0
		for next := job + "/result?limit=10000"; next != "" && pages < 10; pages++ {
			next = s.Get(next, token).Want(http.StatusOK).NextLink()
		}
		peak := s.peakMemory()
		t.Logf("%d, %d and %d bytes and %d pages were read; peak memory of the process %d MiB", streamed, polled, read, pages, peak>>20)
		if peak > mostHeld || min(streamed, polled, read) < 60_000_000 || pages < 10 {
			t.Errorf("peak memory is %d MiB, the results have %d, %d and %d bytes, and %d pages", peak>>20, streamed, polled, read, pages)
		}
	})
}

func parametersOf(rows int) string { return fmt.Sprintf(`{"parameter_values":{"rows":%d}}`, rows) }

// drain reads an answer to its end, and returns the number of its bytes and the last few of them.
func (s *server) drain(t *testing.T, method, path, token, body string) (size int64, last string) {
	t.Helper()
	request, err := http.NewRequest(method, s.URL(path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s is answered %d", path, response.StatusCode)
	}
	var tail []byte
	buffer := make([]byte, 1<<16)
	for {
		n, err := response.Body.Read(buffer)
		size += int64(n)
		tail = append(tail, buffer[:n]...)
		tail = append([]byte(nil), tail[max(0, len(tail)-200):]...)
		if errors.Is(err, io.EOF) {
			return size, string(tail)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
