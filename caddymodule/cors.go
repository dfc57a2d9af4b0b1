package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/cors"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
)

func init() { caddy.RegisterModule(new(CORSHandler)) }

// CORSHandler lets pages of other origins call what the handlers behind it serve: it answers the preflights of browsers, before
// anybody is authenticated, and tells them of every other answer whether a page may read it. It is in front of
// data_api_execute and data_api_token.
type CORSHandler struct {
	config.CORS

	policy *cors.Policy
}

// CaddyModule returns the Caddy module information.
func (*CORSHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.data_api_cors", New: func() caddy.Module { return new(CORSHandler) }}
}

// Provision makes the policy.
func (h *CORSHandler) Provision(caddy.Context) error {
	h.policy = cors.New(h.Origins, h.Age())
	return nil
}

// Validate reports settings that cannot be used.
func (h *CORSHandler) Validate() error { return h.CORS.Validate() }

// ServeHTTP answers a preflight, and calls the next handler otherwise.
func (h *CORSHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if cors.IsPreflight(r) {
		fields.SetRequestID(w, r)
	}
	if h.policy.Apply(w, r) {
		return nil
	}
	return next.ServeHTTP(w, r)
}

// Interface guards.
var (
	_ caddyhttp.MiddlewareHandler = (*CORSHandler)(nil)
	_ caddy.Provisioner           = (*CORSHandler)(nil)
	_ caddy.Validator             = (*CORSHandler)(nil)
)
