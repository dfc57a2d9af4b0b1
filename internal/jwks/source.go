package jwks

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"
)

const (
	// MaxStale is how long keys are used after the last fetch that succeeded: an issuer that has withdrawn a key may
	// not have been able to say so since.
	MaxStale = 24 * time.Hour

	// UnknownKeyInterval is how often, at most, a key that nobody has heard of makes the set be fetched ahead of time:
	// anybody can invent names of keys.
	UnknownKeyInterval = 30 * time.Second

	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	maxWaiting = 256 // requests that wait for a fetch
)

// Errors of [Source.Find].
var (
	// ErrUnknownKey says that the issuer has no such key, as far as is known.
	ErrUnknownKey = errors.New("the issuer has published no such key")

	// ErrUnavailable says that the issuer's keys are not known at the moment: a token can be neither good nor bad.
	ErrUnavailable = errors.New("the issuer's keys are not available")
)

// Config is where a source gets its keys from.
type Config struct {
	Location string           // as [CheckLocation] allows
	Logger   *slog.Logger     // told when fetching begins to fail, and when it succeeds again; the source's own to keep
	Now      func() time.Time // the clock; nil: time.Now
}

// Source is the keys of one issuer, fetched again and again in the background. What goes wrong with a fetch, keys that
// are known stay in use, up to [MaxStale]. It is safe for concurrent use.
type Source struct {
	config Config
	fetch  fetcher
	begin  sync.Once
	ctx    context.Context //nolint:containedctx // the life of the background fetches, which Close ends
	end    context.CancelFunc
	ended  chan struct{} // closed when they have ended

	current atomic.Pointer[snapshot]
	waiting atomic.Int64
	unknown *rate.Limiter
	wanted  chan struct{} // asks for a fetch ahead of time

	mu       sync.Mutex
	fetching bool
	round    chan struct{} // closed when the fetch that runs, or else the next one, is done

	// Of the goroutine that fetches alone.
	document []byte
	etag     string
	failing  bool
}

// snapshot is a set and until when it may be used.
type snapshot struct {
	set   *Set
	until time.Time
}

// New makes a source. It does no I/O: [Source.Start] begins to fetch. The caller must Close it.
func New(config Config) (*Source, error) {
	if err := CheckLocation(config.Location); err != nil {
		return nil, fmt.Errorf("the location of the key set %w", err)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Source{
		config: config, fetch: fetcherOf(config.Location), ended: make(chan struct{}),
		unknown: rate.NewLimiter(rate.Every(UnknownKeyInterval), 1),
		wanted:  make(chan struct{}, 1), round: make(chan struct{}),
	}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Start begins to fetch, in the background. Calling it again does nothing.
func (s *Source) Start() {
	s.begin.Do(func() {
		s.setFetching(true) // so that the first caller waits for the first fetch
		go s.run()
	})
}

// Close ends the fetches, and waits until none runs.
func (s *Source) Close() error {
	s.end()
	s.begin.Do(func() { close(s.ended) }) // it has never been started
	<-s.ended
	return nil
}

// Current returns the keys as they are known, or nil when they are not, or not any more. As long as the issuer
// publishes the same, it returns the same set. It does not block.
func (s *Source) Current() *Set {
	if known := s.current.Load(); known != nil && s.config.Now().Before(known.until) {
		return known.set
	}
	return nil
}

// Find returns the key of an id that verifies signatures of an algorithm, and the set that it is in. A key that is
// not known makes the set be fetched, at most once in [UnknownKeyInterval] for all callers together; the caller waits for
// that at most [fetchTimeout], or until ctx ends. The error is ErrUnknownKey or ErrUnavailable.
func (s *Source) Find(ctx context.Context, id, algorithm string) (crypto.PublicKey, *Set, error) {
	for again := false; ; again = true {
		set := s.Current()
		if set != nil {
			if key, ok := set.Find(id, algorithm); ok {
				return key, set, nil
			}
		}
		if again || !s.await(ctx) {
			if set == nil {
				return nil, nil, ErrUnavailable
			}
			return nil, nil, ErrUnknownKey
		}
	}
}

// await waits for a fetch, and reports false when there is none to wait for.
func (s *Source) await(ctx context.Context) bool {
	if s.waiting.Add(1) > maxWaiting {
		s.waiting.Add(-1)
		return false
	}
	defer s.waiting.Add(-1)
	s.mu.Lock()
	round, fetching := s.round, s.fetching
	s.mu.Unlock()
	if !fetching {
		// After a failure the next fetch comes by itself: an issuer in trouble is not asked more often for being asked for.
		if s.Current() == nil || !s.unknown.AllowN(s.config.Now(), 1) {
			return false
		}
		select {
		case s.wanted <- struct{}{}:
		default: // somebody has asked already
		}
	}
	patience := time.NewTimer(fetchTimeout)
	defer patience.Stop()
	select {
	case <-round:
	case <-ctx.Done():
	case <-patience.C:
	}
	return true
}

func (s *Source) setFetching(fetching bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetching = fetching
	if !fetching {
		close(s.round)
		s.round = make(chan struct{})
	}
}

func (s *Source) run() {
	defer close(s.ended)
	retry := &backoff.ExponentialBackOff{
		InitialInterval: firstRetry, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: lastRetry,
	}
	retry.Reset()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.wanted:
		case <-timer.C:
		}
		s.setFetching(true)
		keep, err := s.refresh()
		s.setFetching(false)
		if err != nil {
			keep = retry.NextBackOff()
		} else {
			retry.Reset()
			keep -= rand.N(keep / 10) //nolint:gosec // only so that not all servers ask at one moment
		}
		timer.Reset(keep)
	}
}

// refresh fetches the set, and returns how long it may be kept. A panic of a parser is a failure as any other.
func (s *Source) refresh() (keep time.Duration, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
		s.report(err)
	}()
	got, err := s.fetch(s.ctx, s.etag)
	if err != nil {
		return 0, err
	}
	set, err := s.setOf(got.document)
	if err != nil {
		return 0, err
	}
	s.etag = got.etag
	s.current.Store(&snapshot{set: set, until: s.config.Now().Add(MaxStale)})
	return got.keepFor, nil
}

// setOf returns the set of a document; that of before, when the document is the same, so that what was verified with it
// stays so.
func (s *Source) setOf(document []byte) (*Set, error) {
	known := s.current.Load()
	if known != nil && (document == nil || bytes.Equal(document, s.document)) {
		return known.set, nil
	}
	set, err := Parse(document)
	if err != nil {
		return nil, err
	}
	s.document = document
	s.config.Logger.Info("the keys of a token issuer are known", slog.String("jwks", displayed(s.config.Location)),
		slog.Int("usable", set.Len()), slog.Any("ignored", set.ignored))
	return set, nil
}

// report logs a failure when it begins, and its end.
func (s *Source) report(err error) {
	if s.ctx.Err() != nil {
		return
	}
	switch {
	case err != nil && !s.failing:
		s.config.Logger.Warn("the keys of a token issuer cannot be fetched; trying again",
			slog.String("jwks", displayed(s.config.Location)), slog.Any("error", withoutURL(err)))
	case err == nil && s.failing:
		s.config.Logger.Info("the keys of a token issuer can be fetched again", slog.String("jwks", displayed(s.config.Location)))
	}
	s.failing = err != nil
}
