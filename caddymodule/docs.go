package caddymodule

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/console"
)

func init() {
	caddy.RegisterModule(new(DocsHandler))
}

// DocsHandler serves the documentation page at its path and below: sign in with an API key, see the user's own endpoints, run
// them, take the call into a program. The page is embedded and loads nothing from elsewhere. It calls the API of the site
// that it is served on, at /api/v1.
type DocsHandler struct {
	config.Docs

	page  *console.Handler
	ended func() error // not nil: the configuration is replaced
}

// CaddyModule returns the Caddy module information.
func (*DocsHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.data_api_docs", New: func() caddy.Module { return new(DocsHandler) }}
}

// Provision sets the default.
func (h *DocsHandler) Provision(ctx caddy.Context) error {
	h.ended = ctx.Err
	if h.Path == "" {
		h.Path = config.DefaultDocsPath
	}
	h.page = console.New(console.Embedded, console.Docs, map[console.Face]string{console.Docs: h.Path, console.Console: h.Console})
	return nil
}

// Validate reports a path that cannot be used.
func (h *DocsHandler) Validate() error {
	if err := h.Docs.Validate(); err != nil {
		return fmt.Errorf("data_api_docs: %w", err)
	}
	return nil
}

// ServeHTTP answers the request; it calls no further handler.
func (h *DocsHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	if h.ended() != nil {
		endConnection(w, r) // see App.enter
	}
	h.page.ServeHTTP(w, r)
	return nil
}

// Interface guards.
var (
	_ caddyhttp.MiddlewareHandler = (*DocsHandler)(nil)
	_ caddy.Provisioner           = (*DocsHandler)(nil)
	_ caddy.Validator             = (*DocsHandler)(nil)
)
