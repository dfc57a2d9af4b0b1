package server

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/ask"
	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/signin"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/source"
)

// Settings are one configuration. Every field is required where no default is named.
type Settings struct {
	Catalog string              // directory of the endpoint files
	Strict  bool                // a catalog with a fault is refused as a whole
	Sources map[string]*Source  // by the name that endpoint files use
	Authors map[string][]string // the companies that may publish from the console, by source; nil: none
	Backend *Shared             // another configuration may have opened it

	Tokens         token.Config // without the keys and the clock
	SignIn         []signin.Provider
	Console        func() string // the path of a site's console; empty, or nil: there is none
	Algorithm      string        // that tokens are signed with
	HS256          HS256Secrets  // for token.HS256
	Throttle       ratelimit.ThrottleLimits
	Jobs           job.Settings // PerSource is set here
	WaitingCallers int          // of one company, for jobs
	CallbackHosts  []string     // that callbacks may reach although they are private; may be empty
	AnswerMemory   int64        // bytes of answers that their readers have not taken
	Cache          cache.Options
	UsageRetention time.Duration // how long usage is kept; 0: usage.DefaultRetention

	// RenewHS256 reads again what HS256 is; nil: that does not change.
	RenewHS256 func() (HS256Secrets, error)

	AuditParameters bool // the values of parameters are in the audit log
	TraceSQL        bool // spans show the SQL of statements

	Log      *slog.Logger
	AuditLog audit.Log
	Observer observe.Observer // watches the calls that this configuration answers
	Meter    observe.Meter    // counts what happens beside calls; nil: nobody does

	// SourceChanged is told when a source cannot be reached any more, and when it answers again, within about a second. It must
	// not block. Nil: nobody is told.
	SourceChanged func(SourceHealth)

	// What httpapi.Services has under the same names.
	Ending   context.Context //nolint:containedctx // an event: this configuration is replaced, or the server stops
	Exiting  func() bool
	ClientIP func(r *http.Request) string

	// Scheme returns the scheme that a client has used, https or http, behind the proxies that are trusted. It must not block.
	Scheme func(r *http.Request) string
}

// Server is one configuration: its catalog, compiled for its sources, and from [Server.Open] on what requests are answered
// with. It is safe for concurrent use.
type Server struct {
	settings Settings
	queries  *execution.Queries
	catalog  *catalog.Catalog
	plan     atomic.Pointer[execution.Plan]
	started  atomic.Bool // sources may be asked

	writing ask.Question[struct{}] // whether the store can write

	rereading sync.Mutex // the secrets of tokens: what was read last is what counts

	opening sync.Mutex
	opened  atomic.Pointer[Services]

	unfollow atomic.Pointer[func()] // ends that the catalog follows the store's documents
}

// New reads the catalog and compiles every statement. It opens no store and asks no source: see [Server.Open] and
// [Server.CheckStatements]. What is at fault is left out, unless the configuration is strict. The server needs
// [Server.Close].
func New(settings Settings) (*Server, error) {
	sources, dialects, accepted := make(execution.Sources), make(map[string]source.Dialect), make(map[string]*execution.Accepted)
	for name, shared := range settings.Sources {
		sources[name], dialects[name], accepted[name] = shared.Source, shared.dialect, shared.accepted
	}
	s := &Server{
		settings: settings, queries: execution.NewQueries(sources),
		writing: ask.Question[struct{}]{Patience: healthPatience, Fresh: healthFresh, Limit: 10 * healthPatience},
	}
	s.queries.ShareTroubles(settings.Backend.troubles)
	if settings.TraceSQL {
		s.queries.TraceSQL()
	}
	s.queries.Remember(accepted)
	options := catalog.Options{
		Logger: settings.Log, Strict: settings.Strict, DialectOf: dialects, Authors: authorsOf(settings),
		Check: s.checkEndpoint, Recall: s.recall, Forget: s.queries.Forget,
	}
	for _, name := range slices.Sorted(maps.Keys(dialects)) {
		options.Dialects = append(options.Dialects, dialects[name])
	}
	if before := settings.Backend.latest(); before != nil {
		options.Before = before.catalog
		s.queries.BeginWith(before.queries)
	}
	opened, err := catalog.Open(settings.Catalog, options)
	if err != nil {
		return nil, fmt.Errorf("the catalog has faults:\n%w", err)
	}
	s.catalog = opened
	s.queries.Watch(opened.Doubt)
	opened.OnChange(func(snapshot *catalog.Snapshot) { s.plan.Store(execution.NewPlan(snapshot, s.queries)) })
	return s, nil
}

// authorsOf names every source, those without authors too.
func authorsOf(settings Settings) document.Authors {
	authors := make(document.Authors, len(settings.Sources))
	for name := range settings.Sources {
		authors[name] = settings.Authors[name]
	}
	return authors
}

// Catalog returns the catalog, which the server closes.
func (s *Server) Catalog() *catalog.Catalog { return s.catalog }

// Plan returns the endpoints as they are now. It does not block.
func (s *Server) Plan() *execution.Plan { return s.plan.Load() }

// Open returns what requests are answered with. The first call opens the store; when that fails the next call tries again.
func (s *Server) Open() (*Services, error) {
	if opened := s.opened.Load(); opened != nil {
		return opened, nil
	}
	s.opening.Lock()
	defer s.opening.Unlock()
	if opened := s.opened.Load(); opened != nil {
		return opened, nil
	}
	backend, err := s.settings.Backend.Open(context.Background())
	if err != nil {
		return nil, fmt.Errorf("data_api: opening the store: %w", err)
	}
	following, err := s.followStored(backend.Documents)
	if err != nil {
		return nil, fmt.Errorf("data_api: reading what the store has of the catalog: %w", err)
	}
	opened, err := s.newServices(backend)
	if err != nil {
		following()
		return nil, err
	}
	s.unfollow.Store(&following)
	s.opened.Store(opened)
	return opened, nil
}

// Opened returns what [Server.Open] has returned; nil: nothing yet.
func (s *Server) Opened() *Services { return s.opened.Load() }

// Close ends that the catalog is watched. It closes neither the sources nor the backend, which others may share.
func (s *Server) Close() error {
	if unfollow := s.unfollow.Swap(nil); unfollow != nil {
		(*unfollow)()
	}
	return s.catalog.Close()
}

// checkEndpoint is what an endpoint has to pass before it goes live.
func (s *Server) checkEndpoint(ctx context.Context, endpoint *catalog.Endpoint) ([]source.Column, error) {
	if err := s.queries.Compile(endpoint); err != nil {
		return nil, err
	}
	if !s.started.Load() {
		return nil, catalog.ErrNotYet // sources are asked when the configuration starts
	}
	return s.queries.Check(ctx, endpoint)
}

// recall is what sources are known to accept.
func (s *Server) recall(ctx context.Context, endpoints []*catalog.Endpoint) map[*catalog.Endpoint]catalog.Recollection {
	if !s.started.Load() {
		return nil
	}
	return s.queries.Recall(ctx, endpoints)
}

// CheckStatements asks the sources about every statement. One that cannot be reached is asked again later, and in any
// case before the statement first runs; so is a statement that takes long to judge. What is at fault is left out, and said.
// In a strict configuration every statement is waited for, and a fault is an error.
func (s *Server) CheckStatements() error {
	if err := s.checkStatements(); err != nil {
		return err
	}
	s.queries.BeginWith(nil)
	s.settings.Backend.follows(s)
	s.catalog.OnChange(func(*catalog.Snapshot) { s.rememberAccepted() })
	return nil
}

// rememberAccepted has written down, soon, what sources accept.
func (s *Server) rememberAccepted() {
	for _, shared := range s.settings.Sources {
		shared.remembered.saveLater()
	}
}

func (s *Server) checkStatements() error {
	if s.settings.Strict {
		// What users of the console have written must not keep a configuration from starting.
		if err := s.CheckAll(); len(s.catalog.Diagnostics().OfFiles()) > 0 {
			return fmt.Errorf("the catalog has faults:\n%w", err)
		}
		return nil
	}
	s.started.Store(true)
	s.catalog.Ask() // its faults are logged, and kept
	if faults := s.catalog.Diagnostics(); len(faults) > 0 {
		s.settings.Log.Error("the catalog has faults: what is at fault is left out, and everything else is served; "+
			"caddy data-api status shows them",
			slog.Int("faults", len(faults)), slog.String("first", faults[0].WithEffect()))
	}
	return nil
}

// CheckAll asks the sources about every statement, waits for the slowest, and returns the faults that there are.
func (s *Server) CheckAll() error {
	s.started.Store(true)
	return s.catalog.ReloadAndWait(context.Background())
}
