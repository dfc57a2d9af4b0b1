package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	strictjson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/server"
)

func init() {
	caddy.RegisterModule(new(AdminAPI))
}

// AdminAPI adds routes below /data_api/ to Caddy's admin API: keys and callback secrets are made there, the keys that
// sign tokens rotated, callbacks replayed, the store compacted, and the state of the catalog is shown. It is as protected
// as the admin API is, which listens on localhost by default.
//
// It holds nothing: Caddy makes it before the apps and keeps it through a failed reload, so it asks for the app that is
// active at each request.
type AdminAPI struct{}

// CaddyModule returns the Caddy module information.
func (*AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.data_api", New: func() caddy.Module { return new(AdminAPI) }}
}

// The paths of the admin API.
const (
	adminKeysPath       = "/data_api/keys"
	adminSecretPath     = "/data_api/callback-secret"
	adminRotatePath     = "/data_api/callback-secret/rotate"
	adminDeliveriesPath = "/data_api/deliveries"
	adminCompactPath    = "/data_api/store/compact"
	adminCatalogPath    = "/data_api/catalog"
	adminSigningPath    = "/data_api/signing-keys"
	adminPurgePath      = "/data_api/cache/purge"
	maxAdminBodyBytes   = 64 << 10
)

// Routes returns the routes.
func (*AdminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		adminRoute(adminKeysPath, map[string]adminHandler{
			http.MethodGet: listKeys, http.MethodPost: createKey,
		}),
		adminRoute(adminKeysPath+"/{id}", map[string]adminHandler{http.MethodDelete: revokeKey}),
		adminRoute(adminKeysPath+"/{id}/rotate", map[string]adminHandler{http.MethodPost: rotateKey}),
		adminRoute(adminSecretPath, map[string]adminHandler{http.MethodPost: callbackSecret}),
		adminRoute(adminRotatePath, map[string]adminHandler{http.MethodPost: rotateCallbackSecret}),
		adminRoute(adminDeliveriesPath, map[string]adminHandler{http.MethodGet: listDeliveries}),
		adminRoute(adminDeliveriesPath+"/{id}/replay", map[string]adminHandler{http.MethodPost: replayDelivery}),
		adminRoute(adminCompactPath, map[string]adminHandler{http.MethodPost: compactStore}),
		adminRoute(adminCatalogPath, map[string]adminHandler{http.MethodGet: showCatalog}),
		adminRoute(adminPurgePath, map[string]adminHandler{http.MethodPost: purgeCache}),
		adminRoute(adminSigningPath, map[string]adminHandler{http.MethodGet: listSigningKeys}),
		adminRoute(adminSigningPath+"/rotate", map[string]adminHandler{http.MethodPost: rotateSigningKey}),
		adminRoute(adminSigningPath+"/{kid}", map[string]adminHandler{http.MethodDelete: withdrawSigningKey}),
	}
}

// adminHandler answers a request with a document, or fails with an error of package dataapi.
type adminHandler func(ready services, r *http.Request) (status int, document any, err error)

func adminRoute(pattern string, methods map[string]adminHandler) caddy.AdminRoute {
	return caddy.AdminRoute{Pattern: pattern, Handler: caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		handle, ok := methods[r.Method]
		if !ok {
			return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("method %s is not allowed here", r.Method)}
		}
		ready, err := activeServices()
		if err != nil {
			return adminError(err)
		}
		defer ready.leave()
		status, document, err := handle(ready, r)
		if err != nil {
			return adminError(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		return json.NewEncoder(w).Encode(document)
	})}
}

// activeServices returns the services of the active configuration, which the caller has to leave.
func activeServices() (services, error) {
	app := activeApp()
	if app == nil {
		return services{}, dataapi.Errorf(dataapi.CodeNotFound, "The active configuration has no data_api app. A server that is starting has none yet.")
	}
	if !app.generation.Enter() {
		return services{}, dataapi.Errorf(dataapi.CodeOverloaded, "The configuration is being replaced; try again.")
	}
	opened, err := app.server.Open()
	if err != nil {
		app.generation.Leave()
		return services{}, err
	}
	return services{opened, app}, nil
}

// adminError is what an operator is told: other than a caller, it sees the cause.
func adminError(err error) error {
	known, ok := errors.AsType[*dataapi.Error](err)
	if !ok {
		return caddy.APIError{HTTPStatus: http.StatusInternalServerError, Err: err}
	}
	message := known.Detail
	if message == "" {
		message = known.Error()
	}
	return caddy.APIError{HTTPStatus: known.Code.Definition().Status, Err: errors.New(message)}
}

// knownCompany returns a company of the catalog, or refuses the slug and says which there are.
func knownCompany(snapshot *catalog.Snapshot, slug string) (*identity.Company, error) {
	company, ok := snapshot.Company(slug)
	if !ok {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "There is no company %q in the catalog%s",
			slug, dataapi.Beside(slug, slices.Sorted(maps.Keys(snapshot.Companies()))))
	}
	return company, nil
}

// knownUser returns a user of a company, or refuses the name and says which there are.
func knownUser(company *identity.Company, name string) (*identity.User, error) {
	user, ok := company.Users[name]
	if !ok {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The company %s has no user %q%s",
			company.Slug, name, dataapi.Beside(name, slices.Sorted(maps.Keys(company.Users))))
	}
	return user, nil
}

// decodeAdminBody reads a request's JSON object into target, a pointer to a struct.
func decodeAdminBody(r *http.Request, target any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxAdminBodyBytes))
	if err == nil {
		err = strictjson.Unmarshal(body, target, strictjson.RejectUnknownMembers(true))
	}
	if err == nil && jsontext.Value(body).Kind() != '{' { // the decoder takes null for an object without members
		err = errors.New("it must be one JSON object; got null")
	}
	if err != nil {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "The body cannot be read: %v", err)
	}
	return nil
}

// catalogAnswer describes what is served, what is wrong with the files, what is doubtful or waits for its source, and whether
// the sources answer.
type catalogAnswer struct {
	Endpoints []catalogEndpoint    `json:"endpoints"`
	Faults    []string             `json:"faults"`
	Warnings  []string             `json:"warnings"`
	Sources   []server.SourceState `json:"sources,omitempty"` // with ?sources, which takes as long as they do to answer
}

type catalogEndpoint struct {
	Endpoint string `json:"endpoint"`
	Title    string `json:"title"`
	Mode     string `json:"mode"`
	Source   string `json:"source"`
	Active   bool   `json:"active"`
	Revision string `json:"revision"`
}

func showCatalog(ready services, r *http.Request) (int, any, error) {
	document := catalogAnswer{Endpoints: []catalogEndpoint{}, Faults: []string{}, Warnings: []string{}}
	for _, endpoint := range ready.app.server.Catalog().Current().Endpoints() {
		document.Endpoints = append(document.Endpoints, catalogEndpoint{
			Endpoint: endpoint.Address.String(), Title: endpoint.Title, Mode: string(endpoint.Mode),
			Source: endpoint.Source, Active: endpoint.Active, Revision: endpoint.Revision,
		})
	}
	for _, fault := range ready.app.server.Catalog().Faults() {
		document.Faults = append(document.Faults, fault.WithEffect())
	}
	for _, warning := range ready.app.server.Catalog().Warnings() {
		document.Warnings = append(document.Warnings, warning.WithEffect())
	}
	if r.URL.Query().Has("sources") {
		document.Sources = ready.app.server.AskSources(r.Context())
	}
	return http.StatusOK, document, nil
}

var _ caddy.AdminRouter = (*AdminAPI)(nil)
