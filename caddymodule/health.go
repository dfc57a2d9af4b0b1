package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/server"
)

func init() {
	caddy.RegisterModule(new(HealthHandler))
}

// HealthHandler tells load balancers and orchestrators whether the server runs, GET /health/live, and whether it can serve,
// GET /health/ready: 200 when the catalog is loaded, the store can be written and at least one source answers; 503 otherwise,
// and from the moment that the server stops. It needs no token, asks no database, and is left out of access logs.
type HealthHandler struct {
	config.Health

	app      *App
	networks []netip.Prefix
}

// CaddyModule returns the Caddy module information.
func (*HealthHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.data_api_health", New: func() caddy.Module { return new(HealthHandler) }}
}

// Provision finds the app.
func (h *HealthHandler) Provision(ctx caddy.Context) (err error) {
	h.SetDefaults()
	for _, text := range h.Detail {
		network, err := config.ParseNetwork(text)
		if err != nil {
			return fmt.Errorf("data_api_health: detail %q: %w", text, err)
		}
		h.networks = append(h.networks, network)
	}
	h.app, err = findApp(ctx)
	return err
}

// Validate reports settings that cannot be used.
func (h *HealthHandler) Validate() error {
	if err := h.Health.Validate(); err != nil {
		return fmt.Errorf("data_api_health: %w", err)
	}
	return nil
}

// healthAnswer is the body of both routes.
type healthAnswer struct {
	Status string `json:"status"`
	*server.Health
}

// ServeHTTP answers the request; it calls no further handler.
func (h *HealthHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true) // an access log has answers of 500 and more as errors
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		fields.SetRequestID(w, r)
		w.Header().Set("Allow", "GET, HEAD")
		respond.WriteProblem(w, r, &dataapi.Error{Code: dataapi.CodeMethodNotAllowed})
		return nil
	}
	if r.URL.Path == h.Live {
		return h.answer(w, http.StatusOK, healthAnswer{Status: "live"})
	}
	status, answer := h.ready(w, r)
	if !h.mayKnow(r) {
		answer.Health = nil
	}
	return h.answer(w, status, answer)
}

// ready asks the configuration in force.
func (h *HealthHandler) ready(w http.ResponseWriter, r *http.Request) (int, healthAnswer) {
	if caddy.Exiting() {
		return http.StatusServiceUnavailable, healthAnswer{Status: "stopping"}
	}
	app, err := h.app.current(w, r)
	if err != nil {
		return http.StatusServiceUnavailable, healthAnswer{Status: "not_ready"}
	}
	defer app.generation.Leave()
	health := app.server.Health()
	if !health.Ready {
		return http.StatusServiceUnavailable, healthAnswer{"not_ready", &health}
	}
	return http.StatusOK, healthAnswer{"ready", &health}
}

// mayKnow reports whether the caller comes from a network that is told more.
func (h *HealthHandler) mayKnow(r *http.Request) bool {
	address, err := netip.ParseAddr(clientIP(r))
	return err == nil && slices.ContainsFunc(h.networks, func(network netip.Prefix) bool { return network.Contains(address.Unmap().WithZone("")) })
}

func (*HealthHandler) answer(w http.ResponseWriter, status int, answer healthAnswer) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a caller that has gone misses nothing
	return nil
}

// Interface guards.
var (
	_ caddyhttp.MiddlewareHandler = (*HealthHandler)(nil)
	_ caddy.Provisioner           = (*HealthHandler)(nil)
	_ caddy.Validator             = (*HealthHandler)(nil)
)
