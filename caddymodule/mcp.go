package caddymodule

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/solucao42/caddy-data-api/internal/buildinfo"
	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/cors"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/mcp"
	"github.com/solucao42/caddy-data-api/internal/telemetry"
)

func init() {
	caddy.RegisterModule(new(MCPHandler))
}

// MCPHandler lets agents call endpoints by the Model Context Protocol, at its path, and at PATH/NAMESPACE those of one namespace.
// Agents present the same access tokens as other callers. It also describes itself to OAuth clients (RFC 9728), at
// /.well-known/oauth-protected-resource and its path.
type MCPHandler struct {
	config.MCP

	app     *App
	base    dataapi.Base // that the configuration names
	handler *mcp.Handler
}

// CaddyModule returns the Caddy module information.
func (*MCPHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.data_api_mcp", New: func() caddy.Module { return new(MCPHandler) }}
}

// Provision sets the defaults, and finds the app.
func (h *MCPHandler) Provision(ctx caddy.Context) (err error) {
	knowConnections(ctx)
	h.SetDefaults()
	if h.base, err = dataapi.ParseBase(h.BaseURL); err != nil {
		return fmt.Errorf("data_api_mcp: %w", err)
	}
	h.handler = mcp.New(mcp.Options{Path: h.Path, MaxBody: h.MaxBody, Version: buildinfo.Read().Version, Log: ctx.Slogger()})
	h.app, err = findApp(ctx)
	return err
}

// Validate reports settings that cannot be used.
func (h *MCPHandler) Validate() error {
	if err := h.MCP.Validate(); err != nil {
		return fmt.Errorf("data_api_mcp: %w", err)
	}
	return nil
}

// ServeHTTP answers the request. It calls a further handler for a preflight of a browser alone.
func (h *MCPHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if cors.IsPreflight(r) {
		return next.ServeHTTP(w, r)
	}
	ready, err := h.app.enter(w, r)
	if err != nil {
		return h.app.unready(w, r, err)
	}
	defer ready.leave()
	ready.API.EnterStranger(w, r, h.MaxBody) // the request that a call becomes is let in for its caller
	base := urlOf(r, h.base)
	if strings.HasPrefix(r.URL.Path, mcp.MetadataPath(h.Path)) {
		if err := h.handler.ServeMetadata(w, r, base.URL, append(ready.app.issuers(), base.URL)); err != nil {
			ready.API.Fail(w, r, err)
		}
		return nil
	}
	caller, presented, err := ready.API.Authenticate(w, r)
	switch {
	case dataapi.HasCode(err, dataapi.CodeUnauthenticated):
		respond.SetChallenge(w, presented)
		mcp.Challenge(w.Header(), base.URL, r.URL.EscapedPath())
		respond.WriteProblem(w, r, err)
		return nil
	case err != nil:
		ready.API.Fail(w, r, err)
		return nil
	}
	telemetry.ShowRecord(r, caller)
	if r.Method == http.MethodPost {
		// The SDK would keep what a body may hold of the memory, and answer in words of its own.
		body, err := respond.ReadText(r)
		if err != nil {
			ready.API.Fail(w, r, err)
			return nil
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	err = h.handler.ServeHTTP(w, r, base.Path, func(w http.ResponseWriter, r *http.Request) {
		ready.API.ServeExecute(w, r, caller, httpapi.ExecuteOptions{MaxBody: h.MaxBody, Base: base, Counted: mcp.Continued(r)})
	})
	if err != nil {
		ready.API.Fail(w, r, err)
	}
	return nil
}

// issuers are those whose tokens are accepted beside our own. We are one too, for programs which have a key.
func (a *App) issuers() []string {
	var issuers []string
	for _, trust := range a.trusts {
		issuers = append(issuers, trust.Issuer)
	}
	return issuers
}

// Interface guards.
var (
	_ caddyhttp.MiddlewareHandler = (*MCPHandler)(nil)
	_ caddy.Provisioner           = (*MCPHandler)(nil)
	_ caddy.Validator             = (*MCPHandler)(nil)
)
