package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// clientIP returns the address of the client that sent a request. Caddy has worked it out by the server's trusted_proxies: an
// X-Forwarded-For header counts only where a proxy that is trusted has set it.
func clientIP(r *http.Request) string {
	address, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	return address
}
