package caddymodule

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/console"
)

func init() {
	caddy.RegisterModule(new(ConsoleHandler))
}

// ConsoleHandler serves the console at its path and below: sign in, see the user's endpoints, and make and govern what its policies
// allow. The application is embedded and loads nothing from elsewhere. It calls the API of the site that it is served on, at
// /api/v1.
type ConsoleHandler struct {
	config.Console

	page  *console.Handler
	ended func() error // not nil: the configuration is replaced
}

// CaddyModule returns the Caddy module information.
func (*ConsoleHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.data_api_console", New: func() caddy.Module { return new(ConsoleHandler) }}
}

// Provision sets the default, and tells the app where the console is.
func (h *ConsoleHandler) Provision(ctx caddy.Context) error {
	h.ended = ctx.Err
	if h.Path == "" {
		h.Path = config.DefaultConsolePath
	}
	h.page = console.New(console.Embedded, console.Console, map[console.Face]string{console.Console: h.Path, console.Docs: h.Docs})
	if app, err := findApp(ctx); err == nil {
		app.consoles.add(h.Path)
	}
	return nil
}

// Validate reports a path that cannot be used.
func (h *ConsoleHandler) Validate() error {
	if err := h.Console.Validate(); err != nil {
		return fmt.Errorf("data_api_console: %w", err)
	}
	return nil
}

// ServeHTTP answers the request; it calls no further handler.
func (h *ConsoleHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	if h.ended() != nil {
		endConnection(w, r) // see App.enter
	}
	h.page.ServeHTTP(w, r)
	return nil
}

// consolePaths are where the sites of a configuration serve the console.
type consolePaths struct {
	mu    sync.Mutex
	first string
}

func (p *consolePaths) add(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == "" {
		p.first = path
	}
}

// any returns one of them; empty: there is none.
func (p *consolePaths) any() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first
}

// Interface guards.
var (
	_ caddyhttp.MiddlewareHandler = (*ConsoleHandler)(nil)
	_ caddy.Provisioner           = (*ConsoleHandler)(nil)
	_ caddy.Validator             = (*ConsoleHandler)(nil)
)
