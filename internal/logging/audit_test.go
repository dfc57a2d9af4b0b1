package logging

import (
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/solucao42/caddy-data-api/internal/audit"
)

// TestALineIsBounded: a reason quotes a token's header, and a client that sends tokens of 8 KiB must not write such lines.
func TestALineIsBounded(t *testing.T) {
	core, lines := observer.New(zap.InfoLevel)
	for sent, want := range map[string]string{
		"short": "short", strings.Repeat("é", 4000): strings.Repeat("é", maxReason/2) + "...", "x" + strings.Repeat("é", 4000): "x" + strings.Repeat("é", maxReason/2-1) + "...",
	} {
		NewAuditLog(zap.New(core)).Record(audit.Event{Action: audit.AccessRefused, Reason: sent})
		if got := lines.TakeAll()[0].ContextMap()["reason"]; got != want {
			t.Errorf("a reason of %d bytes is told as %v", len(sent), got)
		}
	}
}
