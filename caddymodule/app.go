// Package caddymodule is the plug-in: the data_api app, the handlers and the authentication provider that serve it,
// the guests that keep its data and run its queries. It registers the routes of package admin and the commands of package
// cli. It is thin: what it wires together stands in internal packages that know no Caddy.
package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	_ "github.com/solucao42/caddy-data-api/caddyfile" // the directive and the global option
	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/lease"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/source"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App serves named, governed SQL endpoints to API clients. Endpoints are files in a catalog; they run on sources; keys,
// jobs and results are kept in a store. The handlers http.handlers.data_api_token and http.handlers.data_api_execute and
// the provider http.authentication.providers.data_api_jwt serve it on any site.
type App struct {
	config.App

	log        *slog.Logger
	trail      *logTrail
	generation *lease.Generation
	state      *state
	storeName  string
	sources    execution.Sources
	dialects   []source.Dialect         // of the sources
	pooled     map[string]*pooledSource // the same
	trusts     []token.Trust
	queries    *execution.Queries
	catalog    *catalog.Catalog
	plan       atomic.Pointer[execution.Plan]
	changes    *catalogTrail
	started    atomic.Bool // sources may be asked

	lifecycle

	preparing sync.Mutex
	prepared  atomic.Pointer[services]
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api", New: func() caddy.Module { return new(App) }}
}

// Provision loads the catalog and takes hold of the store and the sources. It opens none of them: another process may
// hold the store, as when a configuration is only validated, and a database may be down.
func (a *App) Provision(ctx caddy.Context) error {
	a.log = ctx.Slogger()
	a.trail = newLogTrail(ctx.Logger())
	a.generation = lease.NewGeneration()
	if err := a.followEvents(ctx); err != nil {
		return err
	}
	a.SetDefaults()
	if err := a.resolve(); err != nil {
		return err
	}
	if err := a.resolveTrusts(); err != nil {
		return err
	}
	if err := a.App.Validate(); err != nil {
		return err
	}
	if err := a.holdStore(ctx); err != nil {
		return err
	}
	if err := a.holdSources(ctx); err != nil {
		return err
	}
	if err := a.holdTrusts(); err != nil {
		return err
	}
	return a.openCatalog()
}

// resolve replaces the placeholders of settings that may hold them.
func (a *App) resolve() error {
	for setting, value := range map[string]*string{
		"catalog":             &a.Catalog,
		"tokens.issuer":       &a.Tokens.Issuer,
		"tokens.audience":     &a.Tokens.Audience,
		"tokens.hs256_secret": &a.Tokens.HS256Secret,
	} {
		resolved, err := resolveSecret(setting, *value)
		if err != nil {
			return err
		}
		*value = resolved
	}
	return nil
}

func (a *App) holdStore(ctx caddy.Context) error {
	if a.StoreRaw == nil {
		a.StoreRaw = []byte(`{"store":"bbolt"}`)
	}
	guest, err := ctx.LoadModule(a, "StoreRaw")
	if err != nil {
		return fmt.Errorf("loading the store: %w", err)
	}
	module, ok := guest.(storeModule)
	if !ok {
		return fmt.Errorf("%T is no store", guest)
	}
	a.storeName = module.StoreKey()
	a.state, err = states.Hold(a.generation, hashKey(module.StoreKey()), func() (*state, error) {
		return newState(module.OpenStore), nil
	})
	return err
}

func (a *App) holdSources(ctx caddy.Context) error {
	if len(a.SourcesRaw) == 0 {
		return errors.New("data_api: sources are missing: configure at least one database")
	}
	guests, err := ctx.LoadModule(a, "SourcesRaw")
	if err != nil {
		return fmt.Errorf("loading the sources: %w", err)
	}
	a.sources = make(execution.Sources)
	a.pooled = make(map[string]*pooledSource)
	for name, guest := range guests.(map[string]any) {
		module, ok := guest.(source.Module)
		if !ok {
			return fmt.Errorf("source %s: %T is no source", name, guest)
		}
		held, err := sources.Hold(a.generation, hashKey(sourceKind(guest)+" "+module.SourceKey()), func() (*pooledSource, error) {
			opened, err := module.OpenSource(sharedLog.With(slog.String("source", name)))
			if err != nil {
				return nil, err
			}
			pinger, _ := opened.(source.Pinger)
			return &pooledSource{Source: admission.Admit(opened, admission.Options{}), pinger: pinger, configured: time.Now()}, nil
		})
		if err != nil {
			return fmt.Errorf("source %s: %w", name, err)
		}
		a.sources[name], a.pooled[name] = held.Source, held
		a.dialects = append(a.dialects, module.Dialect())
	}
	return nil
}

// ready returns this configuration's services. The first call opens the store; when that fails the next call tries again.
func (a *App) ready() (*services, error) {
	if ready := a.prepared.Load(); ready != nil {
		return ready, nil
	}
	a.preparing.Lock()
	defer a.preparing.Unlock()
	if ready := a.prepared.Load(); ready != nil {
		return ready, nil
	}
	opened, err := a.state.open(context.Background())
	if err != nil {
		return nil, fmt.Errorf("data_api: opening the store: %w", err)
	}
	ready, err := a.newServices(opened)
	if err != nil {
		return nil, err
	}
	a.prepared.Store(ready)
	return ready, nil
}

// findApp returns the app of the configuration that ctx belongs to, for a handler that ctx provisions.
func findApp(ctx caddy.Context) (*App, error) {
	found, err := ctx.AppIfConfigured("data_api")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil, errors.New("the data_api app is not configured: in a Caddyfile add a global data_api block with " +
			"a catalog and a source")
	}
	if err != nil {
		return nil, err
	}
	app := found.(*App)
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		app.servedBy(server)
	}
	return app, nil
}

// Interface guards.
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
