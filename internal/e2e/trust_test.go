package e2e

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// provider is a company's identity provider, which a test lets come and go.
type provider struct {
	t       testing.TB
	address string
	asked   atomic.Int64
	set     atomic.Pointer[string]
	server  *http.Server
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	p := &provider{t: t, address: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	t.Cleanup(p.stop)
	return p
}

// publish sets the keys, by their ids.
func (p *provider) publish(keys map[string]ed25519.PrivateKey) {
	p.t.Helper()
	var set jose.JSONWebKeySet
	for kid, key := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: kid, Algorithm: "EdDSA", Use: "sig"})
	}
	document := encoded(p.t, set)
	p.set.Store(&document)
}

func (p *provider) start() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.server = &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		_, _ = io.WriteString(w, *p.set.Load())
	})}
	go func() { _ = p.server.Serve(listener) }()
}

func (p *provider) stop() {
	if p.server != nil {
		_ = p.server.Close()
		p.server = nil
	}
}

// foreignToken makes a token of a trusted issuer.
func foreignToken(t testing.TB, kid string, key ed25519.PrivateKey, subject string) string {
	now := time.Now().Unix()
	return forger{t: t, key: key, head: changes{"alg": "EdDSA", "kid": kid, "typ": "at+jwt"}, body: changes{
		"iss": "https://idp.example.com", "aud": "urn:example:data-api", "sub": subject, "iat": now, "exp": now + 600,
	}}.token(nil, nil)
}

// A provider that is down keeps nothing from starting and nobody waiting who has a token of ours; its keys outlive
// reloads and its own failures.
func TestProviderThatComesAndGoes(t *testing.T) {
	e, p, first, second := engines[0], newProvider(t), newEd(t), newEd(t)
	p.publish(map[string]ed25519.PrivateKey{"first": first})
	sources := e.Source(t, t.TempDir(), sales).Directive()
	trust := fmt.Sprintf(trustOptions, "http://"+p.address+"/keys")
	s := newServer(t, serverConfig{sources: sources, files: files(e), options: trust})
	own := s.Login("acme", "integration").Access
	foreign := foreignToken(t, "first", first, "integration")
	begun := time.Now()
	for range 20 {
		s.Execute("few", own, `{}`).Want(http.StatusOK)
	}
	s.Within("20 requests with our own tokens", time.Since(begun), 5*time.Second)
	if got := s.Execute("few", foreign, `{}`).Problem(http.StatusServiceUnavailable, "OVERLOADED"); got.Header.Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
	if err := s.reload(); err != nil {
		t.Errorf("a reload while the provider is down: %v", err)
	}
	p.start()
	eventually(t, "the provider is found", patience, func() bool { return s.Execute("few", foreign, `{}`).Status == http.StatusOK })
	p.stop()
	for range 3 {
		if err := s.reload(); err != nil {
			t.Fatal(err)
		}
		s.Execute("few", foreign, `{}`).Want(http.StatusOK)
	}
	// A key that is published while nobody looks is looked for when its first token comes.
	p.publish(map[string]ed25519.PrivateKey{"first": first, "second": second})
	p.start()
	asked := p.asked.Load()
	s.Execute("few", foreignToken(t, "second", second, "integration"), `{}`).Want(http.StatusOK)
	for n := range 50 {
		s.Execute("few", foreignToken(t, fmt.Sprint("invented-", n), second, "integration"), `{}`).Want(http.StatusUnauthorized)
	}
	if more := p.asked.Load() - asked; more > 3 {
		t.Errorf("51 tokens with unknown keys made %d requests to the provider", more)
	}
	// Without the trust its tokens are nothing.
	s.writeCaddyfile(sources, "tokens {\n issuer https://api.example.com\n }")
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	s.Execute("few", foreign, `{}`).Want(http.StatusUnauthorized)
	s.Execute("few", own, `{}`).Want(http.StatusOK)
}

// An issuer vouches for the companies that the configuration names, by the claim that it names.
func TestCompanyClaim(t *testing.T) {
	e, key := engines[0], newEd(t)
	keys := filepath.Join(t.TempDir(), "jwks.json")
	writeJWKS(t, keys, "k", key)
	catalog := files(e)
	catalog["acme/company.yaml"] = "users:\n  ana: { policies: [DataAPIConsumer], subject: ana@acme.example }\n  bob: { policies: [] }\n"
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: catalog, options: `tokens {
	trust shared {
		issuer https://idp.example.com
		audience urn:example:data-api
		jwks ` + keys + `
		company_claim tenant acme initech
		user_claim email
	}
}`})
	now := time.Now().Unix()
	f := forger{t: t, key: key, head: changes{"alg": "EdDSA", "kid": "k", "typ": "at+jwt"}, body: changes{
		"iss": "https://idp.example.com", "aud": "urn:example:data-api", "sub": "7", "iat": now, "exp": now + 600,
		"tenant": "acme", "email": "ana@acme.example", "email_verified": true,
	}}
	var permissions struct {
		User struct {
			Company string `json:"company_slug"`
			Name    string `json:"name"`
		} `json:"user"`
	}
	s.Get("/api/v1/auth/permissions", f.token(nil, nil)).Want(http.StatusOK).Decode(&permissions)
	if permissions.User.Company != "acme" || permissions.User.Name != "ana" {
		t.Errorf("the caller is %+v", permissions.User)
	}
	s.Execute("few", f.token(nil, nil), `{}`).Want(http.StatusOK)
	s.Execute("few", f.token(nil, changes{"email": "bob"}), `{}`).Problem(http.StatusForbidden, "FORBIDDEN")
	for name, change := range map[string]changes{
		"a company that is not listed": {"tenant": "globex", "email": "reader"}, "an inactive company": {"tenant": "initech", "email": "reader"},
		"no company": {"tenant": absent{}}, "an address that is not verified": {"email_verified": false}, "sub is not asked": {"email": absent{}, "sub": "bob"},
	} {
		if got := s.Execute("few", f.token(nil, change), `{}`); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

// A job of a user without an API key ends, with its callback, when the user is deactivated: running or waiting.
func TestVouchedUserWhoIsDeactivated(t *testing.T) {
	e, receiver, key := engines[0], servertest.NewHook(t), newEd(t)
	keys := filepath.Join(t.TempDir(), "jwks.json")
	writeJWKS(t, keys, "k", key)
	catalog := files(e)
	catalog["acme/company.yaml"] = companyFile + "  colleague: { policies: [DataAPIConsumer] }\n"
	catalog["acme/default/endless-job.sql"] = "/*---\nsource: main\nmode: async\n---*/\n" + e.Slow
	s := newServer(t, serverConfig{
		sources: e.Source(t, t.TempDir(), sales).Directive(), files: catalog,
		options: fmt.Sprintf(trustOptions, keys) +
			"\ncallbacks {\n allow " + strings.TrimPrefix(receiver.URL, "http://") + "\n}\njobs {\n workers 1\n}",
	})
	token := foreignToken(t, "k", key, "integration")
	colleague := s.Login("acme", "colleague").Access
	callback := fmt.Sprintf(`{"parameter_values":{"mes":"2026-01"},"callback_url":%q}`, receiver.URL)
	if job := s.Await(s.Post(endpoints+"relatorio-mensal/execute", token, callback).Want(http.StatusAccepted).Header.Get("Location"), token); job.Status != "completed" {
		t.Fatalf("a job of the user ended as %+v", job)
	}
	delivered := func() int {
		return len(receiver.Payloads())
	}
	eventually(t, "the callback comes", patience, func() bool { return delivered() == 1 })

	endless := fmt.Sprintf(`{"callback_url":%q}`, receiver.URL)
	running := s.Post(endpoints+"endless-job/execute", token, endless).Want(http.StatusAccepted).Header.Get("Location")
	queued := s.Post(endpoints+"endless-job/execute", token, endless).Want(http.StatusAccepted).Header.Get("Location")
	eventually(t, "the job runs", patience, func() bool {
		return strings.Contains(string(s.Get(running, token).Body), `"progress":{`)
	})
	file := filepath.Join(s.Dir, "catalog/acme/company.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.WriteCatalog("acme/company.yaml", strings.Replace(string(content), "integration: {", "integration: { active: false,", 1))
	eventually(t, "the user is refused", patience, func() bool { return s.Execute("few", token, `{}`).Status == http.StatusUnauthorized })
	for _, location := range []string{running, queued} {
		var ended document
		eventually(t, "the job ends", patience, func() bool {
			s.Get(location, colleague).Want(http.StatusOK).Decode(&ended)
			return ended.Status != "processing"
		})
		if ended.Status != "failed" || ended.Error == nil || ended.Error.Code != "UNAUTHENTICATED" {
			t.Errorf("the job ended as %+v, %+v", ended, ended.Error)
		}
	}
	time.Sleep(500 * time.Millisecond)
	if n := delivered(); n != 1 {
		t.Errorf("%d callbacks came, want the first alone", n)
	}
}
