// Package caddymodule is the plug-in: the data_api app, the handlers and the authentication provider that serve it,
// the guests that keep its data and run its queries, its admin API and its commands. It is thin: what it wires together
// stands in internal packages that know no Caddy.
package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	_ "github.com/solucao42/caddy-data-api/caddyfile" // the directive and the global option
	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/attach"
	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi"
	"github.com/solucao42/caddy-data-api/internal/lease"
	"github.com/solucao42/caddy-data-api/internal/token"
)

func init() {
	caddy.RegisterModule(new(App))
}

const (
	// retireGrace is how long a replaced configuration keeps its resources for requests that were on their way to it.
	retireGrace = 10 * time.Second

	// drainTimeout is how long the end of the process waits for running jobs. Those that are not done are run again at
	// the next start.
	drainTimeout = 10 * time.Second
)

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
	trusts     []token.Trust
	queries    *execution.Queries
	catalog    *catalog.Catalog
	plan       atomic.Pointer[execution.Plan]
	started    atomic.Bool // sources may be asked
	detach     func()
	logging    *attach.Attachment[slog.Handler]
	auditing   *attach.Attachment[audit.Trail]

	ending context.Context //nolint:containedctx // an event: this configuration is replaced, or the server stops
	end    context.CancelFunc

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
	if err := a.watchEnd(ctx); err != nil {
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

// watchEnd arranges that requests which wait for a job are answered when this configuration ends. Caddy waits for the
// requests of a server that stops before it stops the apps, in any order, and so says in advance that it is about to.
func (a *App) watchEnd(ctx caddy.Context) error {
	a.ending, a.end = context.WithCancel(context.Background())
	events, err := ctx.App("events")
	if err != nil {
		return err
	}
	return events.(*caddyevents.App).On("stopping", endOnEvent(a.end))
}

// endOnEvent is an event handler that calls a function.
type endOnEvent func()

// Handle calls the function.
func (end endOnEvent) Handle(context.Context, caddy.Event) error {
	end()
	return nil
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
	module, ok := guest.(StoreModule)
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
	for name, guest := range guests.(map[string]any) {
		module, ok := guest.(SourceModule)
		if !ok {
			return fmt.Errorf("source %s: %T is no source", name, guest)
		}
		held, err := sources.Hold(a.generation, hashKey(module.SourceKey()), func() (*pooledSource, error) {
			opened, err := module.OpenSource(sharedLog.With(slog.String("source", name)))
			if err != nil {
				return nil, err
			}
			return &pooledSource{Source: admission.Admit(opened, admission.Options{})}, nil
		})
		if err != nil {
			return fmt.Errorf("source %s: %w", name, err)
		}
		a.sources[name] = held.Source
	}
	return nil
}

// Start opens the store, checks every statement on its source and lets jobs run under this configuration. A store that
// cannot be opened or a statement that a source refuses fails it; a source that cannot be reached does not.
func (a *App) Start() error {
	a.logging = sharedLog.attach(a.log)
	a.auditing = sharedTrail.trails.Attach(a.trail)
	ready, err := a.ready()
	if err != nil {
		return err
	}
	if err := a.checkStatements(); err != nil {
		return err
	}
	if a.detach, err = a.state.attach(ready); err != nil {
		return err
	}
	snapshot := a.catalog.Current()
	a.log.Info("serving",
		slog.String("catalog", a.Catalog),
		slog.Int("companies", len(snapshot.Companies())),
		slog.Int("endpoints", len(snapshot.Endpoints())),
		slog.Any("sources", slices.Sorted(maps.Keys(a.sources))),
		slog.String("store", a.storeName))
	return nil
}

// Stop takes this configuration away from the job engine: running jobs end under it, new ones begin under the one that
// has been started since. When the process ends, running jobs are given a while to end.
func (a *App) Stop() error {
	a.end()
	if a.detach != nil {
		a.detach()
		a.detach = nil
	}
	if caddy.Exiting() {
		a.state.drain(drainTimeout)
	}
	if a.logging != nil {
		a.logging.Detach()
		a.auditing.Detach()
	}
	return nil
}

// Cleanup lets go of everything that Provision took hold of, also when Provision failed half way.
func (a *App) Cleanup() error {
	if a.end != nil {
		a.end()
	}
	if a.catalog != nil {
		_ = a.catalog.Close()
	}
	if a.generation != nil {
		a.generation.Retire(retireGrace)
	}
	return nil
}

// use runs f with an API that is ready, and holds the resources of this configuration meanwhile.
func (a *App) use(f func(*httpapi.API) error) error {
	if !a.generation.Enter() {
		return dataapi.Wrap(dataapi.CodeOverloaded, lease.ErrReleased)
	}
	defer a.generation.Leave()
	ready, err := a.ready()
	if err != nil {
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	return f(ready.api)
}

// serve answers a request, with a problem document when the app is not ready. It never returns an error: the contract's
// errors are answers.
func (a *App) serve(w http.ResponseWriter, r *http.Request, f func(*httpapi.API)) error {
	err := a.use(func(api *httpapi.API) error {
		f(api)
		return nil
	})
	if err != nil {
		httpapi.SetRequestID(w, r)
		a.log.Error("not ready to serve", slog.String("request_id", httpapi.RequestID(w)), slog.Any("error", err))
		httpapi.WriteProblem(w, err)
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

// findApp returns the app of the configuration that ctx belongs to.
func findApp(ctx caddy.Context) (*App, error) {
	app, err := ctx.AppIfConfigured("data_api")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil, errors.New("the data_api app is not configured: in a Caddyfile add a global data_api block with " +
			"a catalog and a source")
	}
	if err != nil {
		return nil, err
	}
	return app.(*App), nil
}

// Interface guards.
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
