package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func contractServer(t *testing.T, e engine) *server {
	t.Helper()
	return newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e)})
}

func TestSyncResultIsTheGuides(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := contractServer(t, e)
		token := s.Login("acme", "integration").Access
		got := s.Execute("vendas-por-regiao", token, `{"data_inicio":"2026-01-01","regiao":"Sul"}`).Want(http.StatusOK)

		var result struct {
			ExecutedAt time.Time `json:"executed_at"`
		}
		got.Decode(&result)
		if since := time.Since(result.ExecutedAt); since < -time.Minute || since > time.Minute {
			t.Errorf("executed_at is %s", result.ExecutedAt)
		}
		want := fmt.Sprintf(`{"columns":[{"name":"regiao","type":"varchar"},{"name":"total","type":"decimal"}],`+
			`"rows":[{"regiao":"Sul","total":150000.00}],"row_count":1,"truncated":false,"max_rows":10000,"executed_at":%q}`,
			result.ExecutedAt.Format(time.RFC3339))
		if string(got.Body) != want {
			t.Errorf("got  %s\nwant %s", got.Body, want)
		}
		if control := got.Header.Get("Cache-Control"); control != "no-store" {
			t.Errorf("Cache-Control is %q", control)
		}

		var truncated struct {
			Rows      []json.RawMessage `json:"rows"`
			RowCount  int               `json:"row_count"`
			Truncated bool              `json:"truncated"`
			MaxRows   int               `json:"max_rows"`
		}
		s.Execute("few", token, `{}`).Want(http.StatusOK).Decode(&truncated)
		if len(truncated.Rows) != 2 || truncated.RowCount != 2 || !truncated.Truncated || truncated.MaxRows != 2 {
			t.Errorf("a truncated result: %+v", truncated)
		}
	})
}

func TestAsyncJob(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := contractServer(t, e)
		token := s.Login("acme", "integration").Access
		accepted := s.Execute("relatorio-mensal", token, `{"mes":"2026-03"}`).Want(http.StatusAccepted)
		var job struct {
			ID         string `json:"job_id"`
			Status     string `json:"status"`
			PollingURL string `json:"polling_url"`
		}
		accepted.Decode(&job)
		if want := "/api/v1/data-api/default/relatorio-mensal/jobs/" + job.ID; job.PollingURL != want || job.Status != "processing" {
			t.Fatalf("got %s", accepted.Body)
		}
		if accepted.Header.Get("Location") != job.PollingURL || accepted.Header.Get("Retry-After") == "" {
			t.Errorf("headers of the 202: %v", accepted.Header)
		}
		ended := s.Await(job.PollingURL, token)
		if ended.Status != "completed" || ended.Error != nil || ended.CompletedAt == nil {
			t.Fatalf("the job ended as %+v", ended)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(ended.Result, &fields); err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"columns", "rows", "row_count", "truncated"} {
			if _, ok := fields[field]; !ok {
				t.Errorf("the result lacks %s: %s", field, ended.Result)
			}
			delete(fields, field)
		}
		if len(fields) > 0 {
			t.Errorf("the result has more than the guide says: %v", fields)
		}

		// A job is visible to its own company, at its own endpoint, only.
		stranger := s.Login("globex", "reader").Access
		s.Get(job.PollingURL, stranger).Problem(http.StatusNotFound, "JOB_NOT_FOUND")
		s.Get("/api/v1/data-api/default/series-job/jobs/"+job.ID, token).Problem(http.StatusNotFound, "JOB_NOT_FOUND")
		s.Get("/api/v1/data-api/default/relatorio-mensal/jobs/"+strings.Repeat("0", 24), token).Problem(http.StatusNotFound, "JOB_NOT_FOUND")
		s.Get("/api/v1/data-api/default/relatorio-mensal/jobs/nonsense", token).Problem(http.StatusNotFound, "JOB_NOT_FOUND")

		failed := s.Execute("slow-job", token, `{}`).Want(http.StatusAccepted)
		failed.Decode(&job)
		if ended := s.Await(job.PollingURL, token); ended.Status != "failed" || ended.Error == nil ||
			ended.Error.Code != "EXECUTION_TIMEOUT" || string(ended.Result) != "null" {
			t.Errorf("a job that ran too long ended as %+v", ended)
		}
	})
}

func TestTokensAndPermissions(t *testing.T) {
	s := contractServer(t, engines[0])
	pair := s.Login("acme", "integration")
	if pair.AccessExpiresIn != 600 || pair.RefreshExpiresIn != 604800 {
		t.Errorf("lifetimes %d and %d", pair.AccessExpiresIn, pair.RefreshExpiresIn)
	}
	var renewed tokens
	s.Post("/api/v1/auth/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, pair.Refresh)).Want(http.StatusOK).Decode(&renewed)
	s.Execute("few", renewed.Access, `{}`).Want(http.StatusOK)
	s.Post("/api/v1/auth/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, pair.Access)).
		Problem(http.StatusUnauthorized, "UNAUTHENTICATED")

	var permissions struct {
		Actions []struct{ Action string } `json:"actions"`
	}
	s.Get("/api/v1/auth/permissions", renewed.Access).Want(http.StatusOK).Decode(&permissions)
	if len(permissions.Actions) != 3 || permissions.Actions[0].Action != "data_api:execute" ||
		permissions.Actions[1].Action != "data_api:get_job" || permissions.Actions[2].Action != "data_api:cancel_job" {
		t.Errorf("permissions: %+v", permissions)
	}

	// An inactive company's key works no more.
	key := s.CreateKey("acme", "integration")
	out := s.mustCLI(s.admin("keys", "list", "--company", "acme")...)
	if !strings.Contains(out, key.Key) || strings.Contains(out, key.Secret) {
		t.Errorf("keys list printed %s", out)
	}
	body := fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":%q}`, key.Key, key.Secret)
	var mine tokens
	s.Post("/api/v1/auth/api-key", "", body).Want(http.StatusOK).Decode(&mine)
	s.Execute("few", mine.Access, `{}`).Want(http.StatusOK)
	s.mustCLI(s.admin("keys", "revoke", key.Key)...)
	s.Post("/api/v1/auth/api-key", "", body).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Execute("few", mine.Access, `{}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Post("/api/v1/auth/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, mine.Refresh)).
		Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	if _, _, err := s.cli(s.admin("keys", "create", "--company", "acme", "--user", "nobody")...); !isExit(err) {
		t.Error("a key for an unknown user was made")
	}
}

func TestFailureAfterTheFirstByteBreaksTheConnection(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, e engine) {
		catalog := files(e)
		failing := map[string]string{
			"sqlite":   `SELECT n, CASE WHEN n < 50000 THEN n ELSE json_extract('x', '$') END AS m FROM (` + e.Series + `)`,
			"postgres": `SELECT n, 1 / (50000 - n) AS m FROM generate_series(1, @rows) AS n`,
		}
		catalog["acme/default/failing.sql"] = "/*---\nsource: main\nparams: { rows: { type: integer, required: true } }\n" +
			"limits: { max_rows: 1000000 }\n---*/\n" + failing[e.Name]
		s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: catalog})
		token := s.Login("acme", "integration").Access
		got, err := s.Try(context.Background(), http.MethodPost, "/api/v1/data-api/default/failing/execute", token,
			`{"parameter_values":{"rows":100000}}`)
		if got.Status != http.StatusOK || err == nil || json.Valid(got.Body) || len(got.Body) == 0 {
			t.Errorf("status %d, %d bytes, valid %t, error %v", got.Status, len(got.Body), json.Valid(got.Body), err)
		}
	})
}

func TestResultStreams(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := contractServer(t, e)
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
	})
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
