package server

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/solucao42/caddy-data-api/internal/activity"
	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/spool"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/tracing"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// Shared is a backend that configurations share. The first one that needs it opens it.
type Shared struct {
	options  BackendOptions
	troubles *execution.Troubles

	mu      sync.Mutex
	opened  *Backend
	failure error                  // of the last attempt to open it
	retryAt time.Time              // until then it is everybody's
	begun   []weak.Pointer[Server] // the configurations that have checked their statements, the newest last
}

// BackendOptions belong to a backend for good.
type BackendOptions struct {
	// OpenStore opens the store. It may block. It is called again after it failed.
	OpenStore func() (store.Store, error)

	Logger   *slog.Logger
	AuditLog audit.Log          // is told how jobs end
	Observer observe.Observer   // watches the ends of jobs
	Traces   *tracing.Provider  // makes the spans of jobs and callbacks; may be nil
	OnQuota  func(usage.Notice) // is told when a quota is used up to a part; it must not block. Nil: nobody is
	Meter    observe.Meter      // counts the attempts of callbacks; nil: nobody does
}

// retryOpening is how long the failure to open a store is kept: each attempt may take as long as another process is waited
// for, and every request asks.
const retryOpening = time.Second

// Backend is an open store and what lives as long as it does.
type Backend struct {
	Store      store.Store
	Keys       *identity.Keys
	Dispatcher *callback.Dispatcher
	Usage      *usage.Counter
	Activity   *activity.Recorder
	Documents  *documents.Library // what people make over the API

	quotas    *usage.Quotas
	links     *link.Links
	spool     *spool.Spool
	ring      *token.KeyRing // of the server's own keys
	families  *token.Families
	engine    *job.Engine
	throttle  *ratelimit.Throttle
	rates     *ratelimit.Table
	traces    *tracing.Provider
	memory    *respond.Memory // of answers, those of replaced configurations included
	cursorKey []byte          // signs the cursors of result pages
	dead      *deadLetters
	results   atomic.Pointer[cache.Cache] // of the configuration that was attached last
	unfollow  func()
}

// NewShared returns a backend that is not open.
func NewShared(options BackendOptions) *Shared {
	if options.Meter == nil {
		options.Meter = observe.Unmetered{}
	}
	return &Shared{options: options, troubles: execution.NewTroubles()}
}

// latest is the newest configuration that has checked its statements, of those that anybody holds; nil: there is none. The next one
// need not read again what has not changed since.
func (s *Shared) latest() *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range slices.Backward(s.begun) {
		if server := one.Value(); server != nil {
			return server
		}
	}
	return nil
}

// follows makes a configuration the newest one.
func (s *Shared) follows(server *Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = slices.DeleteFunc(s.begun, func(one weak.Pointer[Server]) bool { return one.Value() == nil })
	s.begun = append(s.begun, weak.Make(server))
}

// Open opens the store unless it is open. It blocks while the store does, and can be called again after it failed: within
// a second of a failure it fails at once.
func (s *Shared) Open(ctx context.Context) (*Backend, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != nil {
		return s.opened, nil
	}
	if time.Now().Before(s.retryAt) {
		return nil, s.failure
	}
	built, err := openBackend(ctx, s.options)
	if err != nil {
		s.failure, s.retryAt = err, time.Now().Add(retryOpening)
		return nil, err
	}
	s.opened = built
	return built, nil
}

// Drain stops the engines and waits for what runs, at most this long. What is not done by then is given back and done
// after the next start.
func (s *Shared) Drain(timeout time.Duration) {
	s.mu.Lock()
	opened := s.opened
	s.mu.Unlock()
	if opened == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := errors.Join(opened.engine.Stop(ctx), opened.Dispatcher.Stop(ctx)); err != nil {
		s.options.Logger.Warn("work that was not done in time is done after the next start", slog.Any("error", err))
	}
}

// Close closes the store. The engines must have been drained.
func (s *Shared) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == nil {
		return nil
	}
	opened := s.opened
	s.opened = nil
	opened.unfollow()
	opened.ring.Close()
	opened.spool.Close()
	return errors.Join(opened.Usage.Close(), opened.Store.Close())
}

func openBackend(ctx context.Context, options BackendOptions) (*Backend, error) {
	opened, err := options.OpenStore()
	if err != nil {
		return nil, err
	}
	built, err := buildBackend(ctx, opened, options)
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return built, nil
}

// The names of secrets in the store.
const (
	pepperSecret    = "api-secret-pepper"
	cursorKeySecret = "result-cursor-key"
)

// cursorKeyLength is that of the key of HMAC-SHA-256, in bytes.
const cursorKeyLength = 32

// ratePlaces is how many keys' limits are counted at once: 1 MiB, of which what is used becomes resident.
const ratePlaces = 1 << 16

func randomSecret(length int) func() ([]byte, error) {
	return func() ([]byte, error) {
		secret := make([]byte, length)
		rand.Read(secret) // never fails: the process ends when the system has no randomness
		return secret, nil
	}
}

func buildBackend(ctx context.Context, opened store.Store, options BackendOptions) (*Backend, error) {
	pepper, err := opened.Secret(pepperSecret, randomSecret(identity.MinPepper))
	if err != nil {
		return nil, err
	}
	cursorKey, err := opened.Secret(cursorKeySecret, randomSecret(cursorKeyLength))
	if err != nil {
		return nil, err
	}
	keys, err := identity.OpenKeys(ctx, opened, pepper)
	if err != nil {
		return nil, err
	}
	families, err := token.OpenFamilies(ctx, opened, time.Now)
	if err != nil {
		return nil, err
	}
	part := func(name string) *slog.Logger { return options.Logger.With(slog.String("part", name)) }
	// The last that can fail: a ring has a clock that must not outlive the store.
	ring, err := token.OpenKeyRing(ctx, opened, token.RingOptions{Logger: part("tokens")})
	if err != nil {
		return nil, err
	}
	built := &Backend{
		Store: opened, Keys: keys, ring: ring, families: families, cursorKey: cursorKey, traces: options.Traces,
		Activity: activity.New(time.Now),
		throttle: ratelimit.NewThrottle(time.Now),
		rates:    ratelimit.NewTable(ratePlaces, time.Now),
		memory:   respond.NewMemory(0), // each configuration says how much there is

		Documents: documents.New(opened, time.Now), spool: spool.New(0),
		links: link.New(opened, link.Options{Secret: opened.Secret, Now: time.Now}),
	}
	built.Usage = usage.NewCounter(opened, usage.CounterOptions{Logger: part("usage")})
	shared, isShared := opened.(store.Shared)
	if isShared {
		built.shareWith(shared)
	}
	built.quotas = usage.NewQuotas(built.Usage, usage.QuotasOptions{Logger: part("quotas"), OnQuota: options.OnQuota, Shared: isShared})
	built.Usage.Start()
	options.Observer = built.observing(options.Observer)
	built.dead = newDeadLetters(opened)
	built.Dispatcher = callback.NewDispatcher(opened, opened, callback.Options{
		Logger: part("callbacks"), Traces: options.Traces,
		Tried: func(outcome observe.CallbackOutcome) {
			built.dead.tried(outcome)
			options.Meter.CallbackTried(outcome)
		}})
	owner := "" // one for the process
	if isShared {
		owner = rand.Text() // another server in the same process is another server
	}
	built.engine = job.NewEngine(opened, job.Options{
		Logger: part("jobs"), Traces: options.Traces, Owner: owner,
		Ended: func(ended job.Job) {
			built.Dispatcher.Wake()
			options.ended(ended)
		},
	})
	built.unfollow = built.follow()
	return built, nil
}

// Jobs runs the jobs of the store.
func (b *Backend) Jobs() *job.Engine { return b.engine }

// Start starts the engines unless they run. Nothing begins before something is attached: see [Services.Attach].
func (b *Backend) Start() error {
	return errors.Join(b.engine.Start(context.Background()), b.Dispatcher.Start(context.Background()))
}
