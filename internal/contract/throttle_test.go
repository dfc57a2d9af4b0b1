package contract

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// loginFrom exchanges a key, as from an address behind the proxy.
func (s *server) loginFrom(address, company, key, secret string) answer {
	s.T.Helper()
	body := fmt.Sprintf(`{"company_slug":%q,"api_key":%q,"api_secret":%q}`, company, key, secret)
	request, err := http.NewRequestWithContext(s.T.Context(), http.MethodPost, s.URL("/api/v1/auth/api-key"), strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Forwarded-For", address)
	got, err := s.Do(request)
	if err != nil {
		s.T.Fatal(err)
	}
	return got
}

func TestTokenRequestsAreThrottled(t *testing.T) {
	t.Parallel()
	var behindProxy atomic.Bool // what a proxy says of its callers' addresses is believed
	perHour := func(n int) ratelimit.Limit { return ratelimit.Limit{Count: n, Period: time.Hour, Burst: n} }
	s := newServer(t, servertest.Config{Settings: func(settings *servertest.Settings) {
		settings.Throttle = ratelimit.ThrottleLimits{Address: perHour(20), Failures: perHour(5), Identity: perHour(12), Total: perHour(1000)}
		peer := settings.ClientIP
		settings.ClientIP = func(r *http.Request) string {
			if behindProxy.Load() {
				return r.Header.Get("X-Forwarded-For")
			}
			return peer(r)
		}
	}})
	key, other := s.CreateKey("acme", "integration"), s.CreateKey("acme", "integration")

	// A header that anybody can write counts for nothing.
	for i := range 5 {
		s.loginFrom(fmt.Sprintf("192.0.2.%d", i), "acme", other.Key, key.Secret).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	}
	s.loginFrom("192.0.2.99", "acme", other.Key, other.Secret).Limited()

	// Behind a proxy that the configuration trusts, each caller has its own address.
	behindProxy.Store(true)
	s.loginFrom("192.0.2.99", "acme", other.Key, other.Secret).Want(http.StatusOK)
	for range 5 {
		s.loginFrom("198.51.100.1", "acme", key.Key, other.Secret).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	}
	s.loginFrom("198.51.100.1", "acme", key.Key, other.Secret).Limited()
	s.loginFrom("198.51.100.1", "acme", other.Key, other.Secret).Limited()

	// From many addresses: beyond the key's own limit, an address that has failed before is refused, and the key is not locked.
	refused := 0
	for range 2 {
		for i := range 20 {
			got := s.loginFrom(fmt.Sprintf("2001:db8:0:%x::1", i), "acme", key.Key, other.Secret)
			if got.Status == http.StatusTooManyRequests {
				got.Limited()
				refused++
			} else {
				got.Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
			}
		}
	}
	if refused != 20 {
		t.Errorf("%d guesses of the second round were refused, want 20", refused)
	}
	s.loginFrom("203.0.113.7", "acme", key.Key, key.Secret).Want(http.StatusOK)
	// A key that does not exist is refused alike.
	made := "s42_" + strings.Repeat("0", 22)
	for i := range 20 {
		s.loginFrom(fmt.Sprintf("2001:db8:1:%x::1", i), "acme", made, other.Secret).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	}
	s.loginFrom("2001:db8:1:1:ffff::1", "acme", made, other.Secret).Limited() // the same network of 64 bits

	// Good requests have a limit too, for each address.
	for range 20 {
		s.loginFrom("203.0.113.8", "acme", key.Key, key.Secret).Want(http.StatusOK)
	}
	s.loginFrom("203.0.113.8", "acme", key.Key, key.Secret).Limited()
	s.loginFrom("203.0.113.9", "acme", key.Key, key.Secret).Want(http.StatusOK)
}
