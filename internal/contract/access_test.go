package contract

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

const byRegionJob = `/*---
source: main
mode: async
params:
  regiao: { type: string }
share:
  globex: { regiao: [Sul, Norte] }
---*/
SELECT regiao, total FROM vendas WHERE (@regiao IS NULL OR regiao = @regiao) ORDER BY total
`

// accessServer has users who may do less than the company's own integration user.
func accessServer(t *testing.T) *server {
	t.Helper()
	e := engines[0]
	catalog := files(e)
	catalog["acme/company.yaml"] = `name: Acme
users:
  integration: { policies: [DataAPIConsumer] }
  north: { policies: [DataAPIConsumer], share_context: { regiao: Norte } }
  blind: { policies: [RunOnly] }
policies:
  RunOnly: { grants: [{ actions: [data_api:execute] }] }
`
	catalog["acme/default/by-region-job.sql"] = byRegionJob
	return newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: catalog})
}

// A job shows no more than its reader could ask for.
func TestJobsKeepToTheShareContextOfTheirReader(t *testing.T) {
	t.Parallel()
	s := accessServer(t)
	start := func(token, region string) string {
		t.Helper()
		location := s.Execute("by-region-job", token, `{"regiao":"`+region+`"}`).Want(http.StatusAccepted).Header.Get("Location")
		if job := s.Await(location, token); job.Status != "completed" {
			t.Fatalf("the job ended as %+v", job)
		}
		return location
	}
	everything := s.Login("acme", "integration").Access
	north := s.Login("acme", "north").Access
	south, northern := start(everything, "Sul"), start(everything, "Norte")
	all := s.Execute("by-region-job", everything, `{}`).Want(http.StatusAccepted).Header.Get("Location")
	s.Await(all, everything)
	s.Get(northern, north).Want(http.StatusOK)
	// north's region is pinned: what it leaves out is filled in, which must not pass for what others left out.
	for _, path := range []string{south, south + "/result", all, all + "/result"} {
		s.Get(path, north).Problem(http.StatusNotFound, "JOB_NOT_FOUND")
	}
	if list := s.Get("/api/v1/data-api/default/by-region-job/jobs", north).Want(http.StatusOK); strings.Contains(string(list.Body), south[len(south)-24:]) {
		t.Errorf("the list shows a job that its reader may not see: %s", list.Body)
	}

	// What the owner takes out of a share is gone from kept results too.
	other := s.Login("globex", "reader").Access
	foreign := start(other, "Sul")
	s.WriteCatalog("acme/default/by-region-job.sql", strings.Replace(byRegionJob, "[Sul, Norte]", "[Norte]", 1))
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if got := s.Get(foreign, other); got.Status == http.StatusNotFound {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a result outlives the share that it came from")
		}
	}
	s.Get(south, everything).Want(http.StatusOK)
}

// A callback carries what polling shows, so it needs the same permission.
func TestCallbackNeedsThePermissionToPoll(t *testing.T) {
	t.Parallel()
	s := accessServer(t)
	blind := s.Login("acme", "blind").Access
	s.Execute("by-region-job", blind, `{"regiao":"Sul"}`).Want(http.StatusAccepted)
	s.Post("/api/v1/data-api/default/by-region-job/execute", blind,
		`{"parameter_values":{"regiao":"Sul"},"callback_url":"https://example.com/hook"}`).Problem(http.StatusForbidden, "FORBIDDEN")
}

// A request that is parked in the middle of its body does not outlive the revocation of its key.
func TestParkedRequestMeetsTheRevocation(t *testing.T) {
	t.Parallel()
	s := accessServer(t)
	key, token := s.CreateKeyAndLogin("acme", "integration")
	body, write := io.Pipe()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL("/api/v1/data-api/default/few/execute"), body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	go func() {
		_, _ = io.WriteString(write, `{"parameter_values":`)
		time.Sleep(500 * time.Millisecond) // the server has authenticated the request and waits for its body
		s.Revoke(key.Key)
		_, _ = io.WriteString(write, `{}}`)
		_ = write.Close()
	}()
	got, err := s.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	got.Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
}

// A body that drips is cut off, with or without a token.
func TestDrippingBodyIsCutOff(t *testing.T) {
	t.Parallel()
	s := accessServer(t)
	for path, token := range map[string]string{
		"/api/v1/auth/api-key":                 "",
		"/api/v1/data-api/default/few/execute": s.Login("acme", "integration").Access,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := s.On(t)
			body, write := io.Pipe()
			request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL(path), body)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+token)
			go func() {
				for {
					if _, err := write.Write([]byte(" ")); err != nil {
						return
					}
					time.Sleep(250 * time.Millisecond)
				}
			}()
			control := s.Control()
			begun := time.Now()
			got, err := s.Do(request)
			_ = write.Close()
			control.Within("the end of a body that drips", time.Since(begun), 30*time.Second)
			if err == nil {
				got.Problem(http.StatusBadRequest, "INVALID_REQUEST")
			}
		})
	}
}
