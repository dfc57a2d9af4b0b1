//go:build npm

// This test needs Node.js, npm and its registry. It is run by `make interop`, fails where something is missing, and says
// what.

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// joseProcess is the JavaScript library, asked line by line.
type joseProcess struct {
	t       testing.TB
	in      io.Writer
	answers *bufio.Scanner
}

func startJose(t *testing.T) *joseProcess {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("this test needs %s, which Node.js brings: %v", program, err)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "jose"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm cannot install the library, perhaps because its registry cannot be reached: %v\n%s", err, out)
	}
	program := exec.CommandContext(t.Context(), "node", "jose.js")
	program.Dir, program.Stderr = dir, os.Stderr
	in, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = program.Wait()
	})
	return &joseProcess{t: t, in: in, answers: bufio.NewScanner(out)}
}

// joseAnswer is what the library says; Error is its code for what is wrong.
type joseAnswer struct {
	Claims map[string]any    `json:"claims"`
	Header map[string]string `json:"header"`
	JWK    json.RawMessage   `json:"jwk"`
	Token  string            `json:"token"`
	Error  string            `json:"error"`
}

func (j *joseProcess) ask(command map[string]any) (answer joseAnswer) {
	j.t.Helper()
	if err := json.NewEncoder(j.in).Encode(command); err != nil {
		j.t.Fatal(err)
	}
	if !j.answers.Scan() {
		j.t.Fatalf("the library does not answer: %v", j.answers.Err())
	}
	if err := json.Unmarshal(j.answers.Bytes(), &answer); err != nil {
		j.t.Fatalf("%v in %s", err, j.answers.Bytes())
	}
	return answer
}

func (j *joseProcess) verify(s *server, token string, change map[string]any) joseAnswer {
	j.t.Helper()
	return j.ask(servertest.With(map[string]any{
		"do": "verify", "jwks": s.URL("/.well-known/jwks.json"), "token": token,
		"issuer": "https://api.example.com", "audience": "https://api.example.com", "algorithms": []string{"EdDSA", "ES256"},
	}, change))
}

// TestJoseVerifiesOurTokens lets another implementation verify our tokens with the keys that we publish.
func TestJoseVerifiesOurTokens(t *testing.T) {
	t.Parallel()
	e, jose := engines[0], startJose(t)
	for _, algorithm := range []string{"EdDSA", "ES256"} {
		t.Run(algorithm, func(t *testing.T) {
			s := newServer(t, serverConfig{
				sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e),
				options: "tokens {\n issuer https://api.example.com\n algorithm " + algorithm + "\n }",
			})
			key := s.CreateKey("acme", "integration")
			pair := s.Exchange("acme", key)
			good := jose.verify(s, pair.Access, nil)
			if good.Error != "" || good.Claims["sub"] != "acme/integration" || good.Claims["client_id"] != key.Key || good.Header["alg"] != algorithm {
				t.Errorf("our token: %+v", good)
			}
			for name, c := range map[string]struct {
				token  string
				change map[string]any
				want   string
			}{
				"a refresh token":     {pair.Refresh, nil, "ERR_JWT_CLAIM_VALIDATION_FAILED"},
				"a changed signature": {pair.Access[:len(pair.Access)-8] + "AAAAAAAA", nil, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"},
				"another issuer":      {pair.Access, map[string]any{"issuer": "https://other.example.com"}, "ERR_JWT_CLAIM_VALIDATION_FAILED"},
				"another audience":    {pair.Access, map[string]any{"audience": "https://other.example.com"}, "ERR_JWT_CLAIM_VALIDATION_FAILED"},
				"another algorithm":   {pair.Access, map[string]any{"algorithms": []string{"RS256"}}, "ERR_JOSE_ALG_NOT_ALLOWED"},
			} {
				if got := jose.verify(s, c.token, c.change); got.Error != c.want {
					t.Errorf("%s: %+v, want %s", name, got, c.want)
				}
			}
			// A key that signs at once is found by a client that looks again, and the old one still verifies.
			s.mustCLI(s.admin("signing-keys", "rotate", "--now")...)
			rotated := s.Exchange("acme", key)
			if kidOf(t, rotated.Access) == kidOf(t, pair.Access) {
				t.Error("the old key signs on")
			}
			for _, token := range []string{rotated.Access, pair.Access} {
				if got := jose.verify(s, token, nil); got.Error != "" {
					t.Errorf("after a rotation: %+v", got)
				}
			}
		})
	}
}

// TestJoseSignsForATrustedIssuer lets another implementation be a company's identity provider.
func TestJoseSignsForATrustedIssuer(t *testing.T) {
	t.Parallel()
	e, jose := engines[0], startJose(t)
	var keys []json.RawMessage
	algorithms := []string{"EdDSA", "ES256", "RS256", "PS256"}
	for _, algorithm := range algorithms {
		keys = append(keys, jose.ask(map[string]any{"do": "key", "alg": algorithm, "kid": "k-" + algorithm}).JWK)
	}
	jose.ask(map[string]any{"do": "key", "alg": "EdDSA", "kid": "unpublished"})
	document := servertest.Encoded(t, map[string]any{"keys": keys})
	provider := http.Server{Addr: fmt.Sprintf("127.0.0.1:%d", servertest.FreePort(t)), ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, document) })}
	go func() { _ = provider.ListenAndServe() }()
	t.Cleanup(func() { _ = provider.Close() })

	catalog := files(e)
	catalog["acme/company.yaml"] = `name: Acme
users:
  integration: { policies: [DataAPIConsumer], subject: "auth0|5f7c8ec7" }
  retired: { policies: [DataAPIConsumer], active: false }
`
	s := newServer(t, serverConfig{
		sources: e.Source(t, t.TempDir(), sales).Directive(), files: catalog,
		options: fmt.Sprintf(servertest.TrustOptions, "http://"+provider.Addr+"/jwks.json"),
	})
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": "https://idp.example.com", "aud": "urn:example:data-api", "sub": "auth0|5f7c8ec7", "iat": now, "exp": now + 600,
		"client_id": "app", "jti": "1",
	}
	sign := func(kid, algorithm string, head, body map[string]any) string {
		t.Helper()
		answer := jose.ask(map[string]any{
			"do": "sign", "kid": kid, "claims": servertest.With(claims, body),
			"header": servertest.With(map[string]any{"alg": algorithm, "kid": kid, "typ": "at+jwt"}, head),
		})
		if answer.Token == "" {
			t.Fatalf("the library does not sign: %+v", answer)
		}
		return answer.Token
	}
	for _, algorithm := range algorithms {
		token := sign("k-"+algorithm, algorithm, nil, nil)
		s.Execute("few", token, `{}`).Want(http.StatusOK)
		s.Get("/api/v1/auth/permissions", token).Want(http.StatusOK)
	}
	// A job of a user without an API key runs, and is polled.
	token := sign("k-ES256", "ES256", nil, nil)
	location := s.Execute("relatorio-mensal", token, `{"mes":"2026-01"}`).Want(http.StatusAccepted).Header.Get("Location")
	if job := s.Await(location, token); job.Status != "completed" {
		t.Errorf("the job ended as %+v", job)
	}
	for name, bad := range map[string]string{
		"an unpublished key":         sign("unpublished", "EdDSA", nil, nil),
		"an unpublished key, k-":     sign("unpublished", "EdDSA", map[string]any{"kid": "k-EdDSA"}, nil),
		"another key's id":           sign("k-RS256", "RS256", map[string]any{"kid": "k-PS256"}, nil),
		"no key's id":                sign("k-EdDSA", "EdDSA", map[string]any{"kid": servertest.Absent{}}, nil),
		"another issuer":             sign("k-EdDSA", "EdDSA", nil, map[string]any{"iss": "https://other.example.com"}),
		"our issuer":                 sign("k-EdDSA", "EdDSA", nil, map[string]any{"iss": "https://api.example.com"}),
		"another audience":           sign("k-EdDSA", "EdDSA", nil, map[string]any{"aud": "urn:example:other"}),
		"no audience":                sign("k-EdDSA", "EdDSA", nil, map[string]any{"aud": servertest.Absent{}}),
		"expired":                    sign("k-EdDSA", "EdDSA", nil, map[string]any{"iat": now - 1200, "exp": now - 600}),
		"no expiry":                  sign("k-EdDSA", "EdDSA", nil, map[string]any{"exp": servertest.Absent{}}),
		"a year":                     sign("k-EdDSA", "EdDSA", nil, map[string]any{"exp": now + 365*24*3600}),
		"not yet":                    sign("k-EdDSA", "EdDSA", nil, map[string]any{"nbf": now + 300}),
		"an ID token":                sign("k-EdDSA", "EdDSA", map[string]any{"typ": "JWT"}, nil),
		"no type":                    sign("k-EdDSA", "EdDSA", map[string]any{"typ": servertest.Absent{}}, nil),
		"a user whom nobody knows":   sign("k-EdDSA", "EdDSA", nil, map[string]any{"sub": "auth0|other"}),
		"a user's name, not subject": sign("k-EdDSA", "EdDSA", nil, map[string]any{"sub": "integration"}),
		"a user who is inactive":     sign("k-EdDSA", "EdDSA", nil, map[string]any{"sub": "retired"}),
		"no subject":                 sign("k-EdDSA", "EdDSA", nil, map[string]any{"sub": servertest.Absent{}}),
		"cut":                        token[:len(token)-4],
		"changed":                    strings.Replace(token, ".", ".e", 1),
	} {
		if got := s.Execute("few", bad, `{}`); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	// The company's list of users has the last word.
	s.WriteCatalog("acme/company.yaml", strings.Replace(catalog["acme/company.yaml"], "subject:", "active: false, subject:", 1))
	for deadline := time.Now().Add(patience); s.Execute("few", token, `{}`).Status != http.StatusUnauthorized; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a user who was made inactive is served")
		}
	}
}
