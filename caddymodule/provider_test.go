package caddymodule_test

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/solucao42/caddy-data-api/internal/jwks"
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

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{t: t, address: fmt.Sprintf("127.0.0.1:%d", servertest.FreePort(t))}
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
	document := servertest.Encoded(p.t, set)
	p.set.Store(&document)
}

func (p *provider) start() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.server = &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
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

// A provider that is down keeps nothing from starting and nobody waiting who has a token of ours; its keys outlive
// reloads and its own failures.
func TestProviderThatComesAndGoes(t *testing.T) {
	e, p, first, second := servertest.Engines[0], newProvider(t), servertest.NewEd(t), servertest.NewEd(t)
	p.publish(map[string]ed25519.PrivateKey{"first": first})
	sources := e.Source(t, t.TempDir(), servertest.Sales).Directive()
	trust := fmt.Sprintf(servertest.TrustOptions, "http://"+p.address+"/keys")
	s := serveProgram(t, programConfig{sources: sources, files: servertest.Files(e), options: trust})
	own := s.Login("acme", "integration").Access
	foreign := servertest.ForeignToken(t, "first", first, "integration")
	control := s.Control()
	begun := time.Now()
	for range 20 {
		s.Execute("few", own, `{}`).Want(http.StatusOK)
	}
	control.Within("20 requests with our own tokens", time.Since(begun), 5*time.Second)
	if got := s.Execute("few", foreign, `{}`).Problem(http.StatusServiceUnavailable, "OVERLOADED"); got.Header.Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
	if err := s.reload(); err != nil {
		t.Errorf("a reload while the provider is down: %v", err)
	}
	p.start()
	eventually(t, "the provider is found", func() bool { return s.Execute("few", foreign, `{}`).Status == http.StatusOK })
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
	asked, looked := p.asked.Load(), time.Now()
	s.Execute("few", servertest.ForeignToken(t, "second", second, "integration"), `{}`).Want(http.StatusOK)
	for n := range 50 {
		s.Execute("few", servertest.ForeignToken(t, fmt.Sprint("invented-", n), second, "integration"), `{}`).Want(http.StatusUnauthorized)
	}
	if more := p.asked.Load() - asked; more > 3+int64(time.Since(looked)/jwks.UnknownKeyInterval) { // on a machine however slow
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
