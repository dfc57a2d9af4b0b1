package authn

import (
	"errors"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// Refused credentials are told what they were, in the same words whatever was wrong; the cause stays for the audit log.
func TestRefusedCredentialsAreToldWhatTheyWere(t *testing.T) {
	for _, words := range []string{wrongKey, wrongRefreshToken} {
		cause := errors.New("no such key")
		throttle := ratelimit.NewThrottle(time.Now)
		attempt, _ := throttle.Begin(ratelimit.ThrottleLimits{}, "192.0.2.1")
		err := verified(&attempt, dataapi.Wrap(dataapi.CodeUnauthenticated, cause), words)
		if known := dataapi.AsError(err); known.Code != dataapi.CodeUnauthenticated || known.Detail != words || !errors.Is(err, cause) {
			t.Errorf("%v", err)
		}
		if _, reason := respond.OutcomeOf(err); reason != "no such key" {
			t.Errorf("the audit log has %q", reason)
		}
	}
	if other := dataapi.Wrap(dataapi.CodeOverloaded, nil); !errors.Is(verified(new(ratelimit.Attempt), other, wrongKey), other) {
		t.Error("another error is changed")
	}
}
