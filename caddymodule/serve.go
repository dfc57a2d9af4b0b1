package caddymodule

import (
	"log/slog"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/lease"
	"github.com/solucao42/caddy-data-api/internal/server"
)

// services are what a request is answered with, by the app whose generation it has entered.
type services struct {
	*server.Services
	app *App
}

// maxEnter is how often a request looks for the configuration that is in force: one may be replaced while it is entered.
const maxEnter = 3

// enter returns what a request is answered with, and holds the resources of its configuration until leave. It is this
// app's as long as its configuration is in force.
//
// Requests come before and after that. Caddy's HTTP server serves as soon as it has started, though the configuration
// may be rejected. And when it stops it tells clients to go elsewhere, but for those whose TLS handshake was not at its
// end: these stay, for as long as they like. All are answered by the configuration in force, and those who come late are
// told to connect again.
func (a *App) enter(w http.ResponseWriter, r *http.Request) (services, error) {
	app, err := a.current(w, r)
	if err != nil {
		return services{}, err
	}
	return app.entered()
}

// current returns the app whose configuration is in force, with its generation entered: the caller leaves it.
func (a *App) current(w http.ResponseWriter, r *http.Request) (*App, error) {
	if a.inForce.Load() && a.generation.Enter() {
		return a, nil
	}
	if a.ended() {
		endConnection(w, r)
	}
	for range maxEnter {
		app := activeApp()
		if app == nil {
			app = a // the first configuration, or the last
		}
		if app.generation.Enter() {
			return app, nil
		}
	}
	return nil, dataapi.Wrap(dataapi.CodeOverloaded, lease.ErrReleased)
}

// entered returns the services of an app whose generation was entered.
func (a *App) entered() (services, error) {
	opened, err := a.server.Open()
	if err != nil {
		a.generation.Leave()
		return services{}, dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	return services{opened, a}, nil
}

// leave lets go of what enter holds.
func (s services) leave() { s.app.generation.Leave() }

// activeApp returns the app of the configuration that is in force; nil: there is none.
func activeApp() *App {
	found, err := caddy.ActiveContext().AppIfConfigured("data_api")
	if err != nil {
		return nil
	}
	return found.(*App)
}

// endConnection tells the client to send no further request on its connection. HTTP/2 says so with a GOAWAY frame, which
// net/http makes of the header; the server of HTTP/3 does it by itself.
func endConnection(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 3 {
		w.Header().Set("Connection", "close")
	}
}

// unready answers a request that could not be entered for. The contract's errors are answers, so it returns nil.
func (a *App) unready(w http.ResponseWriter, r *http.Request, err error) error {
	fields.SetRequestID(w, r)
	a.log.Error("not ready to serve", slog.String("request_id", fields.RequestID(w)), slog.Any("error", err))
	respond.WriteProblem(w, r, err)
	return nil
}
