package caddymodule

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/telemetry"
)

func init() {
	caddy.RegisterModule(new(AdminAPI))
}

// AdminAPI adds routes below /data_api/ to Caddy's admin API, for the commands of caddy data-api: the table of them is in package
// admin, routes.go. It is as protected as the admin API is, which listens on localhost by default.
//
// It holds nothing: Caddy makes it before the apps and keeps it through a failed reload, so it asks for the app that is
// active at each request.
type AdminAPI struct{}

// CaddyModule returns the Caddy module information.
func (*AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.data_api", New: func() caddy.Module { return new(AdminAPI) }}
}

// Routes returns the routes.
func (*AdminAPI) Routes() (routes []caddy.AdminRoute) {
	for pattern, handle := range admin.Handlers(enterAdmin) {
		routes = append(routes, caddy.AdminRoute{Pattern: pattern, Handler: caddy.AdminHandlerFunc(
			func(w http.ResponseWriter, r *http.Request) error { return adminError(handle(w, r)) })})
	}
	return routes
}

// enterAdmin returns what the admin API acts on: the services of the active configuration.
func enterAdmin() (*admin.Services, func(), error) {
	app := activeApp()
	if app == nil {
		return nil, nil, dataapi.Errorf(dataapi.CodeNotFound, "The active configuration has no data_api app. A server that is starting has none yet.")
	}
	if !app.generation.Enter() {
		return nil, nil, dataapi.Errorf(dataapi.CodeOverloaded, "The configuration is being replaced; try again.")
	}
	opened, err := app.server.Open()
	if err != nil {
		app.generation.Leave()
		return nil, nil, err
	}
	return &admin.Services{
		Catalog: app.server.Catalog(), Documents: opened.Documents, Drafts: app.server.Drafts(), Directory: opened.Directory, Keys: opened.Keys,
		SigningKeys: opened.TokenKeys, Algorithm: app.Tokens.Algorithm, Dispatcher: opened.Dispatcher, Store: opened.Store,
		Standing: opened.Standing, Cache: opened.Cache, TellPurge: opened.TellPurge, Usage: opened.Usage, Jobs: opened.Jobs(),
		Plan: app.server.Plan, Sources: app.server.AskSources, Reconnect: app.server.Reconnect, AuditLog: telemetry.AuditLog{Log: app.auditLog},
		ConsolePath: app.consoles.any(), Invite: opened.Invite,
	}, app.generation.Leave, nil
}

// adminError is what an operator is told: other than a caller, it sees the cause.
func adminError(err error) error {
	known, ok := errors.AsType[*dataapi.Error](err)
	if !ok {
		return err // Caddy answers 500 and shows it
	}
	message := known.Detail
	if message == "" {
		message = known.Error()
	}
	return caddy.APIError{HTTPStatus: known.Code.Definition().Status, Err: errors.New(message)}
}

var (
	_ caddy.AdminRouter = (*AdminAPI)(nil)
	_ admin.Compacter   = (*boltstore.Store)(nil)
	_ admin.Backuper    = (*boltstore.Store)(nil)
)
