package caddymodule

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestClientsAddressIsCaddys: a header that anybody can write counts for nothing; what Caddy has made of it, by the server's
// trusted_proxies, does.
func TestClientsAddressIsCaddys(t *testing.T) {
	for want, vars := range map[string]map[string]any{"": {}, "198.51.100.1": {caddyhttp.ClientIPVarKey: "198.51.100.1"}} {
		ctx := context.WithValue(t.Context(), caddyhttp.VarsCtxKey, vars)
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", http.NoBody)
		request.Header.Set("X-Forwarded-For", "192.0.2.1")
		if got := clientIP(request); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
