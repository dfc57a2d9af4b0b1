package caddymodule

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/httpapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/lease"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/source"
)

// What configurations share: see package lease.
var (
	states  = lease.NewPool[*state]()
	sources = lease.NewPool[*pooledSource]()
	keySets = lease.NewPool[*pooledKeySet]()
)

// pooledSource is a source in the pool.
type pooledSource struct {
	source.Source
	configured time.Time   // when it was made
	answered   atomic.Bool // at least once since
}

// Destruct closes the source when its last holder has let go.
func (p *pooledSource) Destruct() error { return p.Source.Close() }

// state is an open store and what lives as long as it does: the keys in memory, the job engine, the dispatcher of
// callbacks. It is shared by all configurations that name the store, and opened by the first one that needs it.
type state struct {
	openStore func() (store.Store, error)

	mu      sync.Mutex
	opened  *openState
	failure error     // of the last attempt to open it
	retryAt time.Time // until then it is everybody's
}

// retryOpening is how long the failure to open a store stands: each attempt may take as long as another process is waited
// for, and every request asks.
const retryOpening = time.Second

// openState is the open form of a state. It is immutable.
type openState struct {
	store      store.Store
	keys       *identity.Keys
	ring       *token.KeyRing // of the server's own keys
	families   *token.Families
	engine     *job.Engine
	dispatcher *callback.Dispatcher
	throttle   *ratelimit.Throttle
	rates      *ratelimit.Table
	memory     *httpapi.Memory // of answers, those of replaced configurations included
	cursorKey  []byte          // signs the cursors of result pages
}

func newState(openStore func() (store.Store, error)) *state { return &state{openStore: openStore} }

// open opens the store unless it is open. It blocks while the store does, and can be called again after it failed: within
// a second of a failure it fails at once.
func (s *state) open(ctx context.Context) (*openState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != nil {
		return s.opened, nil
	}
	if time.Now().Before(s.retryAt) {
		return nil, s.failure
	}
	built, err := s.openAnew(ctx)
	if err != nil {
		s.failure, s.retryAt = err, time.Now().Add(retryOpening)
		return nil, err
	}
	s.opened = built
	return built, nil
}

func (s *state) openAnew(ctx context.Context) (*openState, error) {
	opened, err := s.openStore()
	if err != nil {
		return nil, err
	}
	built, err := build(ctx, opened)
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

func build(ctx context.Context, opened store.Store) (*openState, error) {
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
	// The last that can fail: a ring has a clock that must not outlive the store.
	ring, err := token.OpenKeyRing(ctx, opened, token.RingOptions{Logger: sharedLog.With(slog.String("part", "tokens"))})
	if err != nil {
		return nil, err
	}
	built := &openState{
		store: opened, keys: keys, ring: ring, families: families, cursorKey: cursorKey,
		throttle: ratelimit.NewThrottle(time.Now),
	}
	built.rates = ratelimit.NewTable(ratePlaces, time.Now)
	built.memory = httpapi.NewMemory(config.DefaultAnswerMemory)
	built.dispatcher = callback.NewDispatcher(opened, opened, callback.Options{
		Logger: sharedLog.With(slog.String("part", "callbacks")),
	})
	built.engine = job.NewEngine(opened, job.Options{
		Logger: sharedLog.With(slog.String("part", "jobs")),
		Ended: func(ended job.Job) {
			built.dispatcher.Wake()
			auditEnded(ended)
		},
	})
	return built, nil
}

// startEngines starts the engines where they stand still. Nothing begins before something is attached.
func (o *openState) startEngines() error {
	return errors.Join(o.engine.Start(context.Background()), o.dispatcher.Start(context.Background()))
}

// attach makes the services the ones that jobs and callbacks begin under from now on. The function that it returns takes
// them away again. Whatever has begun under them ends under them: their generation is held until then.
func (s *state) attach(ready *services) (detach func(), err error) {
	generation := ready.app.generation
	if !generation.Enter() {
		return nil, lease.ErrReleased
	}
	opened := ready.openState
	callbacks, err := opened.dispatcher.Attach(ready.callbacks)
	if err != nil {
		generation.Leave()
		return nil, err
	}
	jobs := opened.engine.Attach(ready.runtime, ready.jobSettings)
	endUpkeep := ready.startUpkeep()
	return func() {
		endUpkeep()
		jobs.Detach()
		callbacks.Detach()
		go func() {
			<-jobs.Done()
			<-callbacks.Done()
			generation.Leave()
		}()
	}, nil
}

// drain stops the engines and waits for what runs, at most this long. What is not done by then is given back and done
// after the next start.
func (s *state) drain(timeout time.Duration) {
	s.mu.Lock()
	opened := s.opened
	s.mu.Unlock()
	if opened == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := errors.Join(opened.engine.Stop(ctx), opened.dispatcher.Stop(ctx)); err != nil {
		sharedLog.Warn("work that was not done in time is done after the next start", slog.Any("error", err))
	}
}

// Destruct closes the store when its last holder has let go.
func (s *state) Destruct() error {
	s.drain(drainTimeout)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == nil {
		return nil
	}
	opened := s.opened
	s.opened = nil
	opened.ring.Close()
	return opened.store.Close()
}
