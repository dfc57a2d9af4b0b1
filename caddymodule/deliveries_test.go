package caddymodule_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

func TestDeliveriesAreListedReplayedAndSignedAnew(t *testing.T) {
	e, receiver := servertest.Engines[0], servertest.NewHook(t)
	host := strings.TrimPrefix(receiver.URL, "http://")
	catalog := map[string]string{
		"acme/company.yaml":       servertest.CompanyFile + "callbacks: { hosts: [127.0.0.1] }\n",
		"acme/default/report.sql": "/*---\nsource: main\nmode: async\n---*/\nSELECT regiao, total FROM vendas ORDER BY regiao, total",
	}
	s := serveProgram(t, programConfig{
		sources: e.Source(t, t.TempDir(), servertest.Sales).Directive(), files: catalog, options: "callbacks {\n\t\t\tallow " + host + " localhost:9\n\t\t}",
	})
	token := s.Login("acme", "integration").Access
	const path = servertest.Endpoints + "report/execute"
	request := func(url string) string {
		return fmt.Sprintf(`{"callback_url":%q}`, url)
	}
	// Allowed by the operator, and not by the company.
	s.Post(path, token, request("http://localhost:9/")).Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")

	user := []string{"--company", "acme", "--user", "integration"}
	secret := strings.TrimSpace(s.mustCLI(append([]string{"callback-secret"}, user...)...))
	if _, stderr, err := s.cli(append([]string{"callback-secret"}, user...)...); err == nil || !strings.Contains(stderr, "rotate") {
		t.Errorf("the secret is shown again: %s, %v", stderr, err)
	}

	receiver.Status.Store(http.StatusGone) // which ends a delivery at once
	s.Post(path, token, request(receiver.URL)).Want(http.StatusAccepted)
	first, payload := receiver.Await(t, 0)
	verify(t, secret, first, payload, true)
	var dead []struct {
		Job   string `json:"job_id"`
		State string `json:"state"`
		Log   []struct{ Status int }
	}
	eventually(t, "the delivery is given up", func() bool {
		s.cliJSON(&dead, "deliveries", "list", "--state", "dead")
		return len(dead) > 0
	})
	if dead[0].State != "dead" || dead[0].Log[0].Status != http.StatusGone {
		t.Errorf("listed %+v", dead)
	}
	if table := s.mustCLI("deliveries", "list"); !strings.Contains(table, dead[0].Job) || !strings.Contains(table, "410") {
		t.Errorf("the table:\n%s", table)
	}

	renewed := strings.TrimSpace(s.mustCLI(append([]string{"callback-secret", "rotate", "--overlap", "1h"}, user...)...))
	receiver.Status.Store(http.StatusNoContent)
	s.mustCLI("deliveries", "replay", dead[0].Job)
	second, again := receiver.Await(t, 1)
	verify(t, secret, second, again, true)
	verify(t, renewed, second, again, true)
	if id := first.Get("webhook-id"); id == "" || second.Get("webhook-id") != id || string(again) != string(payload) {
		t.Errorf("replayed as %s %s, first %s %s", second.Get("webhook-id"), again, id, payload)
	}
	s.mustCLI(append([]string{"callback-secret", "rotate", "--overlap", "0s"}, user...)...)
	s.Post(path, token, request(receiver.URL)).Want(http.StatusAccepted)
	third, last := receiver.Await(t, 2)
	verify(t, renewed, third, last, false)

	for _, wrong := range [][]string{
		{"deliveries", "list", "--state", "lost"}, {"deliveries", "replay"}, {"deliveries", "replay", "x"},
		{"deliveries", "replay", "507f1f77bcf86cd799439011"}, {"deliveries", "replay", "--dead", "x"}, {"store", "shrink"},
		append([]string{"callback-secret", "rotate", "--overlap", "-1h"}, user...),
	} {
		if out, _, err := s.cli(wrong...); err == nil {
			t.Errorf("%v: %s", wrong, out)
		}
	}
	if out := s.mustCLI("deliveries", "replay", "--dead"); !strings.HasPrefix(out, "0 ") {
		t.Errorf("replay --dead: %s", out)
	}
	if out := s.mustCLI("store", "compact"); !strings.Contains(out, "MB became") {
		t.Errorf("compact: %s", out)
	}
	s.Execute("report", token, `{}`).Want(http.StatusAccepted) // the store is in use as before
}

func verify(t *testing.T, secret string, header http.Header, payload []byte, want bool) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(payload, header); (err == nil) != want {
		t.Errorf("verified: %v, want %v", err, want)
	}
}
