package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

const personEndpoint = "acme/default/person"

// auditLine is a line of the audit log.
type auditLine struct {
	Logger     string
	Msg        string
	Outcome    string
	Reason     string
	Actor      string
	Company    string
	User       string
	Key        string `json:"api_key"`
	ClientIP   string `json:"client_ip"`
	RequestID  string `json:"request_id"`
	Endpoint   string
	Revision   string
	JobID      string `json:"job_id"`
	Subject    string
	Parameters json.RawMessage
	Changes    []string
	Rows       *int
	Duration   *float64
}

// readAuditLog reads the file that the audit log goes to.
func readAuditLog(t *testing.T, path string) (lines []auditLine) {
	t.Helper()
	for line := range bytes.Lines([]byte(readFile(t, path))) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		var read auditLine
		if err := json.Unmarshal(line, &read); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		lines = append(lines, read)
	}
	return lines
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAuditLogAndSecrets goes through everything that handles a secret, on a server that logs all it can. The auditLog tells
// each event, and no secret is found where it does not belong.
func TestAuditLogAndSecrets(t *testing.T) {
	t.Parallel()
	const (
		hs256     = "hs256-secret-of-this-test-0123456789abcdef"
		password  = "dsn-password-of-this-test-4711"
		sensitive = "sensitive-value-of-this-test"
	)
	e, receiver := engines[0], servertest.NewHook(t)
	catalog := files(e)
	catalog["acme/default/person.sql"] = `/*---
source: main
params:
  cpf: { type: string, sensitive: true, max_length: 40, pattern: "^[a-z-]+$" }
  numbers: { type: array<integer>, sensitive: true }
  regiao: { type: string }
share: { globex: { cpf: [nobody] } }
---*/
SELECT regiao FROM vendas WHERE @cpf IS NOT NULL AND @numbers IS NULL AND regiao <> @regiao`
	catalog["acme/default/unreachable.sql"] = "/*---\nsource: other\n---*/\nSELECT 1 AS one"
	dir := t.TempDir()
	auditLogPath, accessLogPath := filepath.Join(dir, "audit.log"), filepath.Join(dir, "access.log")
	s := newServer(t, serverConfig{
		sources: e.Source(t, dir, sales).Directive() + "\n\t\tsource other postgres {env.TEST_DSN}",
		files:   catalog,
		options: "callbacks {\n\t\t\tallow " + strings.TrimPrefix(receiver.URL, "http://") + "\n\t\t}\n" +
			"\t\ttokens {\n\t\t\ths256_secret {env.TEST_HS256}\n\t\t}\n\t\taudit {\n\t\t\tparameters\n\t\t}\n\t\tslow_queries 1ns",
		globals: "debug\n\tlog audit {\n\t\toutput file " + auditLogPath + "\n\t\tinclude data_api.audit\n\t}",
		env:     []string{"TEST_HS256=" + hs256, "TEST_DSN=postgres://reader:" + password + "@127.0.0.1:1/none"},
	})
	// As docs/credentials.md has it.
	s.reconfigure("\n\tdata_api\n}", "\n\tdata_api\n\tlog {\n\t\toutput file "+accessLogPath+"\n\t\tformat filter {\n\t\t\trequest>uri regexp `\\?.*` \"\"\n\t\t}\n\t}\n}")
	var refused bytes.Buffer // the bodies of all errors
	fail := func(got answer, status int) {
		t.Helper()
		refused.Write(got.Want(status).Body)
	}
	keyRoute, person := "/api/v1/auth/api-key", endpoints+"person/execute"

	key := s.CreateKey("acme", "integration")
	first := s.Exchange("acme", key)
	fail(s.Post(keyRoute, "", fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":%q}`, key.Secret, key.Key)), http.StatusUnauthorized)
	fail(s.Post(keyRoute, "", fmt.Sprintf(`{"company_slug":%q,"api_key":"x","api_secret":"y"}`, key.Secret)), http.StatusUnauthorized)
	fail(s.Post(keyRoute, "", fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"secret":%q}`, key.Key, key.Secret)), http.StatusBadRequest)
	second := s.Refresh(first.Refresh)
	third := s.Refresh(second.Refresh)
	fail(s.Post(refreshRoute, "", servertest.RefreshBody(first.Refresh)), http.StatusUnauthorized)
	fail(s.Get(whoAmI, third.Access), http.StatusUnauthorized)
	fourth := s.Exchange("acme", key)
	access := fourth.Access

	s.Post(person, access, `{"parameter_values":{"cpf":"`+sensitive+`","regiao":"Norte"}}`).Want(http.StatusOK)
	for _, values := range []string{
		`{"cpf":"` + sensitive + sensitive + `"}`, `{"cpf":"` + sensitive + `0"}`, `{"cpf":["` + sensitive + `"]}`,
		`{"numbers":["` + sensitive + `"]}`, `{"numbers":"` + sensitive + `"}`,
	} {
		fail(s.Post(person, access, `{"parameter_values":`+values+`}`), http.StatusUnprocessableEntity)
	}
	// By URL a sensitive value is refused, and repeated nowhere; other clients present the secret with each request, or get tokens by OAuth.
	for _, format := range []string{"", ".csv", ".xlsx", ".arrow"} {
		s.Get(person+format+"?regiao=Norte", access).Want(http.StatusOK)
		for _, query := range []string{"?cpf=" + sensitive, "?p.cpf=" + sensitive + "&regiao=Sul", "?cpf=x&cpf=" + sensitive, "?numbers=" + sensitive, "?unknown=" + sensitive, "?regiao=%zz" + sensitive} {
			got := s.Get(person+format+query, access)
			if got.Status < http.StatusBadRequest {
				t.Errorf("%s: %d", query, got.Status)
			}
			if !strings.HasPrefix(query, "?unknown") { // the name that is unknown is told, and its value is nobody's secret
				refused.Write(got.Body)
			}
		}
	}
	for _, secret := range []string{key.Secret, key.Secret[:20]} {
		grant := url.Values{"grant_type": {"client_credentials"}, "client_id": {key.Key}, "client_secret": {secret}}
		response, err := http.PostForm(s.URL("/api/v1/auth/token"), grant)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		basic := s.Send(http.MethodGet, person+"?regiao=Norte", "", "", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(key.Key+":"+secret)))
		fail(basic, http.StatusUnauthorized)
	}
	foreign := s.Login("globex", "reader").Access
	fail(s.Post(person, foreign, `{"parameter_values":{"cpf":"`+sensitive+`"}}`), http.StatusUnprocessableEntity)
	fail(s.Post(person, s.Login("acme", "powerless").Access, `{}`), http.StatusForbidden)
	fail(s.Execute("unreachable", access, `{}`), http.StatusServiceUnavailable)

	callbackSecret := strings.TrimSpace(s.mustCLI(s.admin("callback-secret", "--company", "acme", "--user", "integration")...))
	rotatedSecret := strings.TrimSpace(s.mustCLI(s.admin("callback-secret", "rotate", "--company", "acme", "--user", "integration")...))
	accepted := s.Post(endpoints+"relatorio-mensal/execute", access, fmt.Sprintf(`{"callback_url":%q}`, receiver.URL)).Want(http.StatusAccepted)
	location := accepted.Header.Get("Location")
	s.Await(location, access)
	receiver.Await(t, 0)
	endless := s.Execute("slow-job", access, `{}`).Want(http.StatusAccepted).Header.Get("Location")
	s.Send(http.MethodDelete, endless, access, "").Want(http.StatusOK)
	var successor credentials
	s.cliJSON(&successor, "keys", "rotate", key.Key)
	s.mustCLI(s.admin("keys", "revoke", key.Key)...)
	fail(s.Get(whoAmI, access), http.StatusUnauthorized)
	fifth := s.Exchange("acme", successor)
	s.Post(logoutRoute, "", servertest.RefreshBody(fifth.Refresh)).Want(http.StatusNoContent)
	s.WriteCatalog("acme/default/few.sql", "/*---\nsource: main\n---*/\nSELECT regiao FROM vendas")

	for _, want := range []auditLine{
		{Msg: "key.created", Outcome: "success", Actor: "operator", Company: "acme", User: "integration", Key: key.Key},
		{Msg: "token.issued", Outcome: "success", Company: "acme", User: "integration", Key: key.Key},
		{Msg: "token.refused", Outcome: "UNAUTHENTICATED", Company: "acme", Reason: "the API key or secret is malformed"},
		{Msg: "token.refreshed", Outcome: "success", Company: "acme", User: "integration", Key: key.Key},
		{Msg: "token.reused", Outcome: "UNAUTHENTICATED", Company: "acme", User: "integration", Key: key.Key},
		{Msg: "access.refused", Outcome: "UNAUTHENTICATED", Company: "acme", User: "integration", Reason: "the token's family is revoked"},
		{Msg: "endpoint.executed", Outcome: "success", Company: "acme", User: "integration", Key: key.Key, Endpoint: personEndpoint},
		{Msg: "endpoint.executed", Outcome: "SOURCE_UNAVAILABLE", Company: "acme", Endpoint: "acme/default/unreachable"},
		{Msg: "permission.denied", Outcome: "PARAMETER_NOT_ALLOWED", Company: "globex", User: "reader", Subject: "default/person"},
		{Msg: "permission.denied", Outcome: "FORBIDDEN", Company: "acme", User: "powerless", Subject: "default/person"},
		{Msg: "callback_secret.shown", Outcome: "success", Actor: "operator", Company: "acme", User: "integration"},
		{Msg: "callback_secret.rotated", Outcome: "success", Actor: "operator", Company: "acme", User: "integration"},
		{Msg: "job.accepted", Outcome: "success", User: "integration", Key: key.Key, Endpoint: "acme/default/relatorio-mensal"},
		{Msg: "job.ended", Outcome: "success", User: "integration", Key: key.Key, Endpoint: "acme/default/relatorio-mensal"},
		{Msg: "result.read", Outcome: "success", User: "integration", Endpoint: "acme/default/relatorio-mensal"},
		{Msg: "job.cancelled", Outcome: "success", User: "integration", Endpoint: "acme/default/slow-job"},
		{Msg: "job.ended", Outcome: "cancelled", User: "integration", Endpoint: "acme/default/slow-job"},
		{Msg: "key.rotated", Outcome: "success", Actor: "operator", Key: key.Key, Subject: successor.Key},
		{Msg: "key.revoked", Outcome: "success", Actor: "operator", Key: key.Key},
		{Msg: "token.ended", Outcome: "success", Company: "acme", User: "integration", Key: successor.Key},
		{Msg: "catalog.changed", Outcome: "success", Actor: "operator"},
	} {
		// What has happened by itself, as the end of a job or a change of the catalog, is told in any order.
		eventually(t, fmt.Sprintf("the audit log tells %+v", want), patience, func() bool { return told(readAuditLog(t, auditLogPath), want) })
	}
	checkLines(t, readAuditLog(t, auditLogPath))
	secrets := map[string]string{
		"API secret": key.Secret, "API secret of the successor": successor.Secret, "HS256 secret": hs256, "DSN password": password,
		"sensitive value": sensitive, "access token": access, "refresh token": fourth.Refresh,
		"callback secret": callbackSecret, "rotated callback secret": rotatedSecret,
	}
	for place, text := range map[string]string{
		"log": s.Log.String(), "audit log": readFile(t, auditLogPath), "access log": readFile(t, accessLogPath), "errors": refused.String(),
		"store":                   readFile(t, filepath.Join(s.Dir, "data-api.db")),
		"autosaved configuration": readFile(t, filepath.Join(s.Dir, "caddy", "autosave.json")),
		"adapted configuration":   s.mustCLI("adapt", "--config", s.caddyfile),
		"list of keys":            s.mustCLI(s.admin("keys", "list", "--json")...),
	} {
		if len(text) < 100 {
			t.Errorf("%s: there is nothing to search", place)
		}
		for name, secret := range secrets {
			if place == "store" && strings.Contains(name, "callback") {
				continue // a key that signs has to be kept, as docs/credentials.md says
			}
			if at := strings.Index(text, strings.TrimPrefix(secret, "whsec_")); at >= 0 {
				t.Errorf("%s: the %s is there: ...%q", place, name, text[max(0, at-120):min(len(text), at+20)])
			}
		}
	}
}

// personRows are the rows of a call, by what is told of its parameters: a sensitive value is not, and none can be given in a URL.
var personRows = map[string]int{
	`{"cpf":"***","numbers":null,"regiao":"Norte"}`: 3,
	`{"cpf":null,"numbers":null,"regiao":"Norte"}`:  0,
}

// checkLines checks what every line has.
func checkLines(t *testing.T, auditLog []auditLine) {
	t.Helper()
	for _, line := range auditLog {
		http := line.Actor == "" && line.Msg != "job.ended"
		if line.Logger != "data_api.audit" || http && (line.ClientIP != "127.0.0.1" || line.RequestID == "") {
			t.Errorf("the line %+v", line)
		}
		if line.Msg == "endpoint.executed" && line.Endpoint == personEndpoint {
			rows, known := personRows[string(line.Parameters)]
			if !known || line.Rows == nil || *line.Rows != rows || line.Duration == nil || line.Revision == "" {
				t.Errorf("the execution is told as %+v with %s", line, line.Parameters)
			}
		}
	}
}

// told reports whether a line has all that want says.
func told(auditLog []auditLine, want auditLine) bool {
	for _, line := range auditLog {
		if line.Msg == want.Msg && line.Outcome == want.Outcome && says(line.Actor, want.Actor) && says(line.Company, want.Company) &&
			says(line.User, want.User) && says(line.Key, want.Key) && says(line.Endpoint, want.Endpoint) &&
			says(line.Subject, want.Subject) && says(line.Reason, want.Reason) {
			return true
		}
	}
	return false
}

func says(got, want string) bool { return want == "" || got == want }
