package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/signin"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// Services is what one configuration serves with: its catalog, tokens and settings over the backend. It is immutable.
type Services struct {
	*Backend
	API       *httpapi.API
	Directory *identity.Directory
	TokenKeys *token.KeyRing
	Cache     *cache.Cache

	server         *Server
	runtime        *execution.JobRuntime
	callbacks      callback.Config
	catalogChanged chan struct{} // holds a token when the catalog has changed
}

func (s *Server) newServices(backend *Backend) (*Services, error) {
	ring, err := s.keyRing(backend)
	if err != nil {
		return nil, err
	}
	authority, err := s.newAuthority(ring)
	if err != nil {
		return nil, err
	}
	caching := s.settings.Cache
	caching.Now = time.Now
	results, err := cache.New(caching)
	if err != nil {
		return nil, err
	}
	desk, err := signin.New(s.settings.SignIn, backend.cursorKey, time.Now)
	if err != nil {
		return nil, err
	}
	backend.memory.Resize(s.settings.AnswerMemory)
	backend.spool.Resize(spooled * s.settings.AnswerMemory)
	directory := identity.NewDirectory(backend.Keys)
	s.startTrusts(directory)
	opened := &Services{
		Backend: backend, Directory: directory, TokenKeys: ring, Cache: results,
		server:         s,
		runtime:        &execution.JobRuntime{Directory: directory, Plan: s.Plan},
		catalogChanged: make(chan struct{}, 1),
	}
	opened.callbacks = callback.Config{AllowedHosts: s.settings.CallbackHosts, Authorize: opened.authorizeDelivery, Redacted: opened.redacted}
	opened.API = httpapi.New(httpapi.Services{
		Directory: directory,
		Tokens:    authority,
		TokenKeys: ring,
		Families:  backend.families,
		Jobs:      backend.engine,
		Plan:      s.Plan,
		CheckCallback: func(url string) error {
			return callback.CheckURL(url, s.settings.CallbackHosts)
		},
		Ending:    s.settings.Ending,
		Exiting:   s.settings.Exiting,
		CursorKey: backend.cursorKey,
		SignIn:    desk, Console: s.settings.Console,
		ClientIP: s.settings.ClientIP,
		Observer: backend.observing(s.settings.Observer), Traces: backend.traces,
		Links: backend.links, Spool: backend.spool,
		Usage: backend.Usage, Quotas: backend.quotas,
		Meter:    s.settings.Meter,
		AuditLog: s.settings.AuditLog, AuditParameters: s.settings.AuditParameters,
		Throttle: backend.throttle, ThrottleLimits: s.settings.Throttle,
		Cache: results, Memory: backend.memory,
		Rates: backend.rates, WaitingCallers: admission.NewCounter(s.settings.WaitingCallers),
		Log: s.settings.Log, Drafts: s.Drafts(), More: s.management(backend, directory),
	})
	// From now on, and with what the catalog holds at this moment.
	s.catalog.OnChange(func(snapshot *catalog.Snapshot) {
		if err := directory.SetCompanies(snapshot.Companies()); err != nil {
			s.settings.Log.Error("the companies stay as they were", slog.Any("error", err))
		}
		opened.tellCatalogChange()
	})
	return opened, nil
}

// redacted is what a callback says of a job's parameters.
func (s *Services) redacted(announced job.Job) json.RawMessage {
	return s.server.Plan().Redacted(announced)
}

// spooled is how much disk results take that are read in parts, as a multiple of the memory that answers may take.
const spooled = 8

// Drafts holds texts to what endpoints of the console have to pass.
func (s *Server) Drafts() *execution.Drafts {
	return &execution.Drafts{Catalog: s.catalog, Queries: s.queries}
}

// keyRing returns the keys that sign and verify under this configuration: a secret of its own, or the server's keys,
// which all configurations of a store share.
func (s *Server) keyRing(backend *Backend) (*token.KeyRing, error) {
	if s.settings.Algorithm == token.HS256 {
		return s.configuredRing()
	}
	err := backend.ring.Prepare(context.Background(), s.settings.Algorithm, s.settings.Tokens.RefreshTTL)
	return backend.ring, err
}

func (s *Server) newAuthority(ring *token.KeyRing) (*token.Authority, error) {
	config := s.settings.Tokens
	config.Leeway, config.Keys = token.DefaultLeeway, ring
	config.CacheEntries, config.Now = token.DefaultCacheEntries, time.Now
	return token.New(config)
}

// startTrusts begins to fetch the keys of the issuers that are trusted, in the background: an issuer that does not answer
// keeps nothing from starting.
func (s *Server) startTrusts(directory *identity.Directory) {
	var companies []string
	for _, trust := range s.settings.Tokens.Trusts {
		trust.Keys.Start()
		companies = append(companies, trust.Slugs()...)
	}
	directory.TrustIssuersFor(companies)
}

// Invite makes the code of a link that signs somebody in once: see [token.Families.Invite].
func (s *Services) Invite(ctx context.Context, subject token.Subject) (code string, until time.Time, err error) {
	return s.families.Invite(ctx, subject)
}

// Attach makes the services the ones that jobs and callbacks begin under from now on. The function that it returns takes
// them away again. Whatever has begun under them ends under them; done is called after that.
func (s *Services) Attach(done func()) (detach func(), err error) {
	callbacks, err := s.Dispatcher.Attach(s.callbacks)
	if err != nil {
		return nil, err
	}
	settings := s.server.settings.Jobs
	settings.PerSource = s.server.jobsPerSource()
	jobs := s.engine.Attach(s.runtime, settings)
	endMaintenance := s.startMaintenance()
	s.results.Store(s.Cache)
	return func() {
		endMaintenance()
		jobs.Detach()
		callbacks.Detach()
		go func() {
			<-jobs.Done()
			<-callbacks.Done()
			done()
		}()
	}, nil
}

// jobsPerSource leaves a worker for the other sources, where there are any.
func (s *Server) jobsPerSource() int {
	workers := s.settings.Jobs.Workers
	if len(s.settings.Sources) < 2 {
		return workers
	}
	return max(1, workers-1)
}

// authorizeDelivery looks again at who asked for a job, and where it is to be announced: a user who may not ask any more is
// not told either, and a company may have changed its list of hosts.
func (s *Services) authorizeDelivery(ctx context.Context, delivery callback.Delivery) error {
	announced, err := s.Store.Get(ctx, delivery.JobID) // the engine hides expired jobs
	switch {
	case errors.Is(err, job.ErrNotFound):
		return err
	case err != nil:
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	caller, err := s.Directory.Resolve(announced.Company, announced.User, announced.KeyID)
	if err != nil {
		return err
	}
	if !caller.Authorize(dataapi.ActionGetJob, announced.Address.Path()) || !s.server.Plan().MayRead(caller, announced) {
		return errors.New("its user may not read the job any more")
	}
	return caller.Company.CheckCallback(delivery.URL)
}
