package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/server"
)

// TestOperatorsAddress: client_ip is an address for operators as for callers, so that one search finds both.
func TestOperatorsAddress(t *testing.T) {
	for remote, want := range map[string]string{"127.0.0.1:40312": "127.0.0.1", "[::1]:40312": "::1", "@": "@"} {
		core, lines := observer.New(zap.InfoLevel)
		ready := services{app: &App{trail: newLogTrail(zap.New(core))}}
		ready.auditOperator(&http.Request{RemoteAddr: remote}, audit.Event{Action: audit.KeyRevoked})
		if got := lines.All()[0].ContextMap()["client_ip"]; got != want {
			t.Errorf("%s is told as %v, want %s", remote, got, want)
		}
	}
}

// TestALineIsBounded: a reason quotes a token's header, and whoever sends tokens of 8 KiB must not write such lines.
func TestALineIsBounded(t *testing.T) {
	core, lines := observer.New(zap.InfoLevel)
	for sent, want := range map[string]string{
		"short": "short", strings.Repeat("é", 4000): strings.Repeat("é", maxReason/2) + "...", "x" + strings.Repeat("é", 4000): "x" + strings.Repeat("é", maxReason/2-1) + "...",
	} {
		newLogTrail(zap.New(core)).Record(audit.Event{Action: audit.AccessRefused, Reason: sent})
		if got := lines.TakeAll()[0].ContextMap()["reason"]; got != want {
			t.Errorf("a reason of %d bytes is told as %v", len(sent), got)
		}
	}
}

// brokenKeys cannot write that a key is revoked.
type brokenKeys struct{ identity.KeyStore }

func (brokenKeys) ListKeys(context.Context, string) ([]identity.Key, error) { return nil, nil }
func (brokenKeys) RevokeKey(_ context.Context, id string, _ time.Time) (identity.Key, error) {
	if id == "s42_none" {
		return identity.Key{}, identity.ErrKeyNotFound
	}
	return identity.Key{}, errors.New("no space is left")
}

// TestARevocationThatIsNotKeptIsTold: the key is refused from then on, so the trail says who has done it.
func TestARevocationThatIsNotKeptIsTold(t *testing.T) {
	keys, err := identity.OpenKeys(t.Context(), brokenKeys{}, make([]byte, identity.MinPepper))
	if err != nil {
		t.Fatal(err)
	}
	core, lines := observer.New(zap.InfoLevel)
	ready := services{Services: &server.Services{Backend: &server.Backend{Keys: keys}}, app: &App{trail: newLogTrail(zap.New(core))}}
	for _, id := range []string{"s42_none", "s42_some"} {
		request := (&http.Request{RemoteAddr: "127.0.0.1:40312"}).WithContext(t.Context())
		request.SetPathValue("id", id)
		if _, _, err := revokeKey(ready, request); err == nil {
			t.Fatalf("%s is revoked", id)
		}
	}
	told := lines.All()
	if len(told) != 1 || told[0].Message != "key.revoked" || told[0].ContextMap()["outcome"] != "INTERNAL_ERROR" || told[0].ContextMap()["api_key"] != "s42_some" {
		t.Errorf("told %v", told)
	}
}
