package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

func contractServer(t *testing.T, e engine) *server {
	t.Helper()
	return newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: files(e)})
}

func TestSyncResultIsTheGuides(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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

	// An inactive company's key does not work any more.
	key := s.CreateKey("acme", "integration")
	body := fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":%q}`, key.Key, key.Secret)
	var mine tokens
	s.Post("/api/v1/auth/api-key", "", body).Want(http.StatusOK).Decode(&mine)
	s.Execute("few", mine.Access, `{}`).Want(http.StatusOK)
	s.Revoke(key.Key)
	s.Post("/api/v1/auth/api-key", "", body).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Execute("few", mine.Access, `{}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	s.Post("/api/v1/auth/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, mine.Refresh)).
		Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
}

func TestFailureAfterTheFirstByteBreaksTheConnection(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		catalog := files(e)
		failing := map[string]string{
			"sqlite":   `SELECT n, CASE WHEN n < 50000 THEN n ELSE json_extract('x', '$') END AS m FROM (` + e.Series + `)`,
			"postgres": `SELECT n, 1 / (50000 - n) AS m FROM generate_series(1, @rows) AS n`,
		}
		catalog["acme/default/failing.sql"] = "/*---\nsource: main\nparams: { rows: { type: integer, required: true } }\n" +
			"limits: { max_rows: 1000000 }\n---*/\n" + failing[e.Name]
		s := newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: catalog})
		token := s.Login("acme", "integration").Access
		got, err := s.Try(context.Background(), http.MethodPost, "/api/v1/data-api/default/failing/execute", token,
			`{"parameter_values":{"rows":100000}}`)
		if got.Status != http.StatusOK || err == nil || json.Valid(got.Body) || len(got.Body) == 0 {
			t.Errorf("status %d, %d bytes, valid %t, error %v", got.Status, len(got.Body), json.Valid(got.Body), err)
		}
	})
}
