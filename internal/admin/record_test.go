package admin

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// auditLog keeps events.
type auditLog struct{ events []audit.Event }

func (*auditLog) Enabled() bool              { return true }
func (t *auditLog) Record(event audit.Event) { t.events = append(t.events, event) }

// TestOperatorsAddress: client_ip is an address for operators as for callers, so that one search finds both.
func TestOperatorsAddress(t *testing.T) {
	for remote, want := range map[string]string{"127.0.0.1:40312": "127.0.0.1", "[::1]:40312": "::1", "@": "@"} {
		told := new(auditLog)
		(&Services{AuditLog: told}).record(&http.Request{RemoteAddr: remote}, audit.Event{Action: audit.KeyRevoked})
		if got := told.events[0].ClientIP; got != want {
			t.Errorf("%s is told as %v, want %s", remote, got, want)
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

// TestARevocationThatIsNotKeptIsTold: the key is refused from then on, so the audit log says who has done it.
func TestARevocationThatIsNotKeptIsTold(t *testing.T) {
	keys, err := identity.OpenKeys(t.Context(), brokenKeys{}, make([]byte, identity.MinPepper))
	if err != nil {
		t.Fatal(err)
	}
	told := new(auditLog)
	services := &Services{Keys: keys, AuditLog: told}
	for _, id := range []string{"s42_none", "s42_some"} {
		request := (&http.Request{RemoteAddr: "127.0.0.1:40312"}).WithContext(t.Context())
		request.SetPathValue("id", id)
		if _, err := services.revokeKey(request); err == nil {
			t.Fatalf("%s is revoked", id)
		}
	}
	if len(told.events) != 1 || told.events[0].Action != "key.revoked" || told.events[0].Outcome != "INTERNAL_ERROR" || told.events[0].KeyID != "s42_some" {
		t.Errorf("told %v", told.events)
	}
}
