package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/source"
)

// services is what one configuration serves with: its catalog, tokens and settings over the shared state.
type services struct {
	*openState
	app       *App
	tokenKeys *token.KeyRing
	cache     *cache.Cache
	directory *identity.Directory
	runtime   *execution.JobRuntime
	api       *httpapi.API

	jobSettings job.Settings
	callbacks   callback.Config

	catalogChanged chan struct{} // holds a token when the catalog has changed
}

func (a *App) newServices(opened *openState) (*services, error) {
	ring, err := a.keyRing(opened)
	if err != nil {
		return nil, err
	}
	authority, err := a.newAuthority(ring)
	if err != nil {
		return nil, err
	}
	throttle, err := a.Tokens.Throttle.Limits()
	if err != nil {
		return nil, err
	}
	results, err := cache.New(cache.Options{Size: a.App.Cache.Size, MaxResult: a.App.Cache.MaxResult, Now: time.Now})
	if err != nil {
		return nil, err
	}
	opened.memory.Resize(a.Answers.Memory)
	a.startTrusts()
	directory := identity.NewDirectory(opened.keys)
	directory.Vouch(a.vouchedCompanies())
	ready := &services{
		openState: opened,
		app:       a,
		tokenKeys: ring,
		cache:     results,
		directory: directory,
		runtime:   &execution.JobRuntime{Directory: directory, Plan: a.plan.Load},
		jobSettings: job.Settings{
			Workers: a.Jobs.Workers, PerCompany: a.Jobs.PerCompany, PerSource: a.jobsPerSource(), Quota: a.Jobs.Quota,
			Retention: time.Duration(a.Jobs.Retention),
		},
		catalogChanged: make(chan struct{}, 1),
	}
	ready.callbacks = callback.Config{AllowedHosts: a.Callbacks.Allow, Permit: ready.permitDelivery}
	if err := ready.callbacks.Validate(); err != nil {
		return nil, err
	}
	ready.api = httpapi.New(httpapi.Services{
		Directory: directory,
		Tokens:    authority,
		TokenKeys: ring,
		Families:  opened.families,
		Jobs:      opened.engine,
		Plan:      a.plan.Load,
		CheckCallback: func(url string) error {
			return callback.CheckURL(url, a.Callbacks.Allow)
		},
		Ending:    a.ending,
		Exiting:   caddy.Exiting,
		CursorKey: opened.cursorKey,
		ClientIP:  clientIP,
		Trail:     a.trail, AuditParameters: a.Audit.Parameters,
		Throttle: opened.throttle, ThrottleLimits: throttle,
		Cache: results, Memory: opened.memory,
		Rates: opened.rates, WaitingCallers: admission.NewCounter(a.Jobs.WaitingCallers),
		Log: a.log,
	})
	// From now on, and with what the catalog holds at this moment.
	a.catalog.OnChange(func(snapshot *catalog.Snapshot) {
		if err := directory.SetCompanies(snapshot.Companies()); err != nil {
			a.log.Error("the companies stay as they were", slog.Any("error", err))
		}
		ready.tellCatalogChange()
	})
	return ready, nil
}

// jobsPerSource leaves a worker for the other sources, where there are any.
func (a *App) jobsPerSource() int {
	if len(a.sources) < 2 {
		return a.Jobs.Workers
	}
	return max(1, a.Jobs.Workers-1)
}

// openCatalog reads the catalog and compiles every statement. It asks no source: see [App.checkStatements]. What is at
// fault is left out, unless the configuration is strict.
func (a *App) openCatalog() error {
	a.queries = execution.NewQueries(a.sources)
	opened, err := catalog.Open(a.Catalog, catalog.Options{
		Logger: a.log, Dialects: a.dialects, Check: a.checkEndpoint, Forget: a.queries.Forget, Strict: a.Strict,
	})
	if err != nil {
		return fmt.Errorf("the catalog has faults:\n%w", err)
	}
	a.catalog = opened
	a.queries.Watch(opened.Doubt)
	opened.OnChange(func(snapshot *catalog.Snapshot) { a.plan.Store(execution.NewPlan(snapshot, a.queries)) })
	a.changes = &catalogTrail{app: a}
	opened.OnChange(a.changes.follow)
	return nil
}

// checkEndpoint is what an endpoint has to pass before it goes live.
func (a *App) checkEndpoint(ctx context.Context, endpoint *catalog.Endpoint) ([]source.Column, error) {
	if err := a.queries.Compile(endpoint); err != nil {
		return nil, err
	}
	if !a.started.Load() {
		return nil, catalog.ErrNotYet // sources are asked when the configuration starts
	}
	return a.queries.Check(ctx, endpoint)
}

// checkStatements asks the sources about every statement. One that cannot be reached is asked again later, and in any
// case before the statement first runs; so is a statement that takes long to judge. What is at fault is left out, and said.
// In a strict configuration every statement is waited for, and a fault is an error.
func (a *App) checkStatements() error {
	if a.Strict {
		if err := a.checkAll(); err != nil {
			return fmt.Errorf("the catalog has faults:\n%w", err)
		}
		return nil
	}
	a.started.Store(true)
	_ = a.catalog.Reload() // its faults are logged, and kept
	if faults := a.catalog.Faults(); len(faults) > 0 {
		a.log.Error("the catalog has faults: what is at fault is left out, and everything else is served; "+
			"caddy data-api status shows them",
			slog.Int("faults", len(faults)), slog.String("first", faults[0].WithEffect()))
	}
	return nil
}

// checkAll asks the sources about every statement, waits for the slowest, and returns the faults that there are.
func (a *App) checkAll() error {
	a.started.Store(true)
	return a.catalog.Settle(context.Background())
}

// permitDelivery looks again at who asked for a job, and where it is to be announced: whoever may not ask any more is not
// told either, and a company may have changed its list of hosts.
func (s *services) permitDelivery(ctx context.Context, delivery callback.Delivery) error {
	announced, err := s.store.Get(ctx, delivery.JobID) // the engine hides expired jobs
	if err != nil {
		return err
	}
	caller, err := s.directory.Resolve(announced.Company, announced.User, announced.KeyID)
	if err != nil {
		return err
	}
	if !caller.Permit(dataapi.ActionGetJob, announced.Address.Path()) || !s.app.plan.Load().MayRead(caller, announced) {
		return errors.New("its user may not read the job any more")
	}
	return caller.Company.CheckCallback(delivery.URL)
}

func (a *App) newAuthority(ring *token.KeyRing) (*token.Authority, error) {
	return token.New(token.Config{
		Issuer:       a.Tokens.Issuer,
		Audience:     a.Tokens.Audience,
		AccessTTL:    time.Duration(a.Tokens.AccessTTL),
		RefreshTTL:   time.Duration(a.Tokens.RefreshTTL),
		Leeway:       token.DefaultLeeway,
		Keys:         ring,
		Trusts:       a.trusts,
		CacheEntries: token.DefaultCacheEntries,
		Now:          time.Now,
	})
}

// keyRing returns the keys that sign and verify under this configuration: a secret of its own, or the server's keys,
// which all configurations of a store share.
func (a *App) keyRing(opened *openState) (*token.KeyRing, error) {
	if a.Tokens.Algorithm == token.HS256 {
		key, err := token.NewHS256Key([]byte(a.Tokens.HS256Secret))
		if err != nil {
			return nil, err
		}
		return token.NewKeyRing(key)
	}
	err := opened.ring.Prepare(context.Background(), a.Tokens.Algorithm, time.Duration(a.Tokens.RefreshTTL))
	return opened.ring, err
}
