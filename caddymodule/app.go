package caddymodule

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	_ "github.com/solucao42/caddy-data-api/caddyfile" // the directive and the global option
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/lease"
	"github.com/solucao42/caddy-data-api/internal/logging"
	"github.com/solucao42/caddy-data-api/internal/server"
	"github.com/solucao42/caddy-data-api/internal/signin"
	"github.com/solucao42/caddy-data-api/internal/telemetry"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/source"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App serves named, governed SQL endpoints to API clients. Endpoints are files in a catalog; they run on sources; keys,
// jobs and results are in a store. The handlers http.handlers.data_api_token and http.handlers.data_api_execute and
// the provider http.authentication.providers.data_api_jwt serve it on any site.
type App struct {
	config.App

	configured   caddy.Context // of this configuration
	log          *slog.Logger
	auditLog     *logging.AuditLog
	events       *caddyevents.App
	generation   *lease.Generation
	storeName    string
	migrated     migratedStore // nil: the store has no schema
	backend      *pooledBackend
	sources      map[string]*server.Source
	trusts       []token.Trust
	signIn       []signin.Provider
	renewHS256   func() (server.HS256Secrets, error) // nil: no placeholder
	server       *server.Server
	catalogAudit *catalogAuditor
	consoles     consolePaths

	lifecycle
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api", New: func() caddy.Module { return new(App) }}
}

// Provision loads the catalog and takes hold of the store and the sources. It opens none of them: another process may
// hold the store, as when a configuration is only validated, and a database may be down.
func (a *App) Provision(ctx caddy.Context) error {
	a.configured, a.log = ctx, ctx.Slogger()
	a.auditLog = logging.NewAuditLog(ctx.Logger())
	a.slowLog = telemetry.NewSlowQueries(ctx.Logger(), time.Duration(a.SlowQueries), a.SlowQueryPlans)
	a.generation = lease.NewGeneration()
	if err := a.followEvents(ctx); err != nil {
		return err
	}
	if err := telemetry.RegisterMetrics(ctx); err != nil {
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
	return a.makeServer()
}

// resolve replaces the placeholders of settings that may hold them.
func (a *App) resolve() error {
	if err := a.resolveHS256(); err != nil {
		return err
	}
	for setting, value := range map[string]*string{
		"catalog":         &a.Catalog,
		"tokens.issuer":   &a.Tokens.Issuer,
		"tokens.audience": &a.Tokens.Audience,
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
	loaded, err := ctx.LoadModule(a, "StoreRaw")
	if err != nil {
		return fmt.Errorf("loading the store: %w", err)
	}
	module, ok := loaded.(storeModule)
	if !ok {
		return fmt.Errorf("%T is no store", loaded)
	}
	a.storeName = module.StoreKey()
	a.migrated, _ = loaded.(migratedStore)
	a.backend, err = backends.Hold(a.generation, hashKey(module.StoreKey()), func() (*pooledBackend, error) {
		return &pooledBackend{server.NewShared(server.BackendOptions{
			OpenStore: module.OpenStore, Logger: sharedLog.Logger, AuditLog: sharedAuditLog, Observer: telemetry.All, Meter: telemetry.Metrics,
			Traces: telemetry.Traces, OnQuota: telemetry.QuotaReached,
		}), module.StoreOptions()}, nil
	})
	if err != nil {
		return err
	}
	if changed := a.backend.changed(module.StoreOptions()); len(changed) > 0 {
		a.log.Warn("the store stays open as it was opened: what has changed of its options takes a restart", slog.Any("options", changed))
	}
	return nil
}

func (a *App) holdSources(ctx caddy.Context) error {
	if len(a.SourcesRaw) == 0 {
		return errors.New("data_api: sources are missing: configure at least one database")
	}
	loaded, err := ctx.LoadModule(a, "SourcesRaw")
	if err != nil {
		return fmt.Errorf("loading the sources: %w", err)
	}
	a.sources = make(map[string]*server.Source)
	for name, value := range loaded.(map[string]any) {
		module, ok := value.(source.Module)
		if !ok {
			return fmt.Errorf("source %s: %T is no source", name, value)
		}
		held, err := sources.Hold(a.generation, hashKey(sourceKind(module)+" "+module.SourceKey()), func() (*pooledSource, error) {
			opened, err := module.OpenSource(sharedLog.With(slog.String("source", name)))
			if err != nil {
				return nil, err
			}
			return &pooledSource{server.NewSource(opened, module.Dialect())}, nil
		})
		if err != nil {
			return fmt.Errorf("source %s: %w", name, err)
		}
		a.sources[name] = held.Source
	}
	for name := range a.Authors {
		if a.sources[name] == nil {
			return fmt.Errorf("data_api: authors.%s: there is no source of that name", name)
		}
	}
	return nil
}

// makeServer reads the catalog. It opens nothing: see [server.New].
func (a *App) makeServer() error {
	throttle, err := a.Tokens.Throttle.Limits()
	if err != nil {
		return err
	}
	a.server, err = server.New(server.Settings{
		Catalog: a.Catalog, Strict: a.Strict, Sources: a.sources, Authors: a.Authors, Backend: a.backend.Shared,
		Tokens: token.Config{
			Issuer: a.Tokens.Issuer, Audience: a.Tokens.Audience, Trusts: a.trusts,
			AccessTTL: time.Duration(a.Tokens.AccessTTL), RefreshTTL: time.Duration(a.Tokens.RefreshTTL),
		},
		Algorithm: a.Tokens.Algorithm, Throttle: throttle, SignIn: a.signIn, Console: a.consoles.any,
		HS256:          server.HS256Secrets{Secret: a.Tokens.HS256Secret, Previous: a.Tokens.HS256Previous},
		RenewHS256:     a.renewHS256,
		Jobs:           a.Jobs.Settings(),
		WaitingCallers: a.Jobs.WaitingCallers,
		CallbackHosts:  a.Callbacks.Allow,
		AnswerMemory:   a.Answers.Memory,
		Cache:          cache.Options{Size: a.App.Cache.Size, MaxResult: a.App.Cache.MaxResult},
		UsageRetention: time.Duration(a.Usage.Retention),
		Log:            a.log, AuditLog: a.auditLog, AuditParameters: a.Audit.Parameters, TraceSQL: a.Tracing.SQL,
		Observer: telemetry.All, Meter: telemetry.Metrics, SourceChanged: telemetry.SourceChanged,
		Ending: a.ending, Exiting: caddy.Exiting, ClientIP: clientIP, Scheme: schemeOf,
	})
	if err != nil {
		return err
	}
	a.catalogAudit = &catalogAuditor{app: a}
	a.server.Catalog().OnChange(a.catalogAudit.follow)
	return nil
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
