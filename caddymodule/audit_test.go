package caddymodule

import (
	"net/http"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/solucao42/caddy-data-api/internal/audit"
)

// TestOperatorsAddress: client_ip is an address for operators as for callers, so that one search finds both.
func TestOperatorsAddress(t *testing.T) {
	for remote, want := range map[string]string{"127.0.0.1:40312": "127.0.0.1", "[::1]:40312": "::1", "@": "@"} {
		core, lines := observer.New(zap.InfoLevel)
		ready := &services{app: &App{trail: newLogTrail(zap.New(core))}}
		ready.auditOperator(&http.Request{RemoteAddr: remote}, audit.Event{Action: audit.KeyRevoked})
		if got := lines.All()[0].ContextMap()["client_ip"]; got != want {
			t.Errorf("%s is told as %v, want %s", remote, got, want)
		}
	}
}
