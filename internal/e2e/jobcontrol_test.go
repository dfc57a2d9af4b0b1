package e2e

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

const endpoints = "/api/v1/data-api/default/"

// controlServer has, beside the contract's endpoints, ones that take a known while.
func controlServer(t *testing.T, e engine) *server {
	t.Helper()
	catalog := files(e)
	maps.Copy(catalog, map[string]string{
		"acme/default/endless-job.sql": "/*---\nsource: main\nmode: async\n---*/\n" + e.slow,
		"acme/default/patient.sql":     "/*---\nsource: main\non_timeout: continue\nlimits: { timeout: 300ms, job_timeout: 2s }\n---*/\n" + e.slow,
		"acme/default/quick.sql": "/*---\nsource: main\non_timeout: continue\ncolumns: { total: { type: decimal, scale: 2 } }\n---*/\n" +
			"SELECT regiao, total FROM vendas ORDER BY regiao, total",
		"acme/company.yaml": companyFile + "  runner: { policies: [Runner] }\n" +
			"  limited: { policies: [DataAPIConsumer], share_context: { regiao: Norte } }\n" +
			"policies:\n  Runner: { grants: [{ actions: [data_api:execute, data_api:get_job] }] }\n",
	})
	return newServer(t, serverConfig{sources: e.source(t, t.TempDir(), sales), files: catalog})
}

// send sends a request with headers, given as name and value in turn.
func (s *server) Send(method, path, token, body string, headers ...string) answer {
	s.T.Helper()
	got, err := s.TrySend(context.Background(), method, path, token, body, headers...)
	if err != nil {
		s.T.Fatal(err)
	}
	return got
}

func (s *server) TrySend(ctx context.Context, method, path, token, body string, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.URL(path), strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	return s.Do(request)
}

// call runs an endpoint of the namespace default with headers.
func (s *server) Call(slug, token, parameters string, headers ...string) answer {
	s.T.Helper()
	return s.Send(http.MethodPost, endpoints+slug+"/execute", token, `{"parameter_values":`+parameters+`}`, headers...)
}

// applied checks what the answer says of the request's preferences.
func (a answer) Applied(want string) answer {
	a.T.Helper()
	if got := strings.Join(a.Header.Values("Preference-Applied"), ", "); got != want {
		a.T.Errorf("Preference-Applied is %q, want %q", got, want)
	}
	return a
}

// job reads the address of the job from a 202.
func (a answer) Job() (pollingURL string) {
	a.T.Helper()
	var accepted struct {
		ID         string `json:"job_id"`
		PollingURL string `json:"polling_url"`
	}
	a.Want(http.StatusAccepted).Decode(&accepted)
	if accepted.PollingURL == "" || a.Header.Get("Location") != accepted.PollingURL || a.Header.Get("Retry-After") == "" ||
		!strings.HasSuffix(accepted.PollingURL, "/jobs/"+accepted.ID) {
		a.T.Fatalf("a 202 with %v: %s", a.Header, a.Body)
	}
	return accepted.PollingURL
}

// patience is how long a test waits for what comes in a moment, unless the machine has other things to do.
const patience = time.Minute

// eventually waits for a condition.
func eventually(t testing.TB, what string, within time.Duration, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, within)
		}
	}
}
