package catalog

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options configures a [Catalog].
type Options struct {
	// Logger receives changes and faults. Nil: slog.Default.
	Logger *slog.Logger

	// Check asks an endpoint's source about its statement before the endpoint goes live. Nil: nobody is asked.
	Check CheckFunc

	// Forget is told of endpoints that Check was asked about and that never went live, once their files say something
	// else: whoever keeps something for them lets go of it. Nil: nobody is told.
	Forget func(endpoint *Endpoint)

	// Debounce is how long files must be quiet before they are read again, since editors and deployments write in
	// several steps. Zero: 200 ms.
	Debounce time.Duration

	// Rescan is how often everything is read without any notice of a change: file systems such as NFS give none.
	// Zero: one minute.
	Rescan time.Duration

	// Retry is how soon a source that could not be reached is asked again. Each time in vain doubles it, up to eight
	// times. Zero: 1 s.
	Retry time.Duration
}

// Catalog is a snapshot that follows the files. It is safe for concurrent use.
type Catalog struct {
	root    string
	options Options
	current atomic.Pointer[state]

	unasked   chan struct{} // holds a token after a reading that left sources unasked
	changing  sync.Mutex    // held while the files are read and listeners are told
	listeners []func(*Snapshot)

	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	closed sync.Once
}

// Open reads the catalog below root and watches it until Close. A catalog with faults is refused: the error is [Faults].
// It blocks while files are read and, with Options.Check, while sources are asked: at most 5 s for each source that does
// not answer.
func Open(root string, options Options) (*Catalog, error) {
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.Debounce <= 0 {
		options.Debounce = 200 * time.Millisecond
	}
	if options.Rescan <= 0 {
		options.Rescan = time.Minute
	}
	if options.Retry <= 0 {
		options.Retry = time.Second
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Catalog{root: root, options: options, ctx: ctx, cancel: cancel, done: make(chan struct{}), unasked: make(chan struct{}, 1)}
	watcher := newWatcher(root, options.Logger) // before the files are read, so that no change falls between
	first := load(ctx, root, nil, options.Check)
	if len(first.faults) > 0 {
		cancel()
		watcher.close()
		return nil, first.faults
	}
	c.current.Store(first)
	c.logNew(slog.LevelWarn, first.warnings, nil)
	c.logSources(first, &state{live: newTree()})
	c.askAgain(first)
	go c.follow(watcher)
	return c, nil
}

// Current returns the snapshot of this moment. It neither blocks nor allocates.
func (c *Catalog) Current() *Snapshot { return c.current.Load().snapshot }

// Faults returns what is wrong with the files now, while the last good revision of what is at fault stays live. The slice is
// the caller's own.
func (c *Catalog) Faults() Faults { return slices.Clone(c.current.Load().faults) }

// Warnings returns what is doubtful, and what waits for a source that cannot be reached. The slice is the caller's own.
func (c *Catalog) Warnings() Faults {
	current := c.current.Load()
	return append(current.pending(), current.warnings...).sorted()
}

// OnChange calls listener with the current snapshot at once, and from then on with each new one, one after another.
// A listener must not call Reload, OnChange or Close, and delays the next reading of the files while it runs.
func (c *Catalog) OnChange(listener func(*Snapshot)) {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.listeners = append(c.listeners, listener)
	listener(c.Current())
}

// Reload reads the files now, without waiting for a notice of a change, and returns the faults that they have, or nil.
// What is at fault keeps its last good revision. After Close it does nothing.
func (c *Catalog) Reload() error {
	c.changing.Lock()
	defer c.changing.Unlock()
	if c.ctx.Err() != nil {
		return nil
	}
	before := c.current.Load()
	next := load(c.ctx, c.root, before, c.options.Check)
	if c.ctx.Err() != nil { // closed meanwhile, so that sources were not asked to the end
		return nil
	}
	changed := !next.live.same(before.live)
	if !changed {
		next.snapshot = before.snapshot
	}
	c.current.Store(next)
	c.logNew(slog.LevelError, next.faults, before.faults)
	c.logNew(slog.LevelWarn, next.warnings, before.warnings)
	c.logSources(next, before)
	c.askAgain(next)
	c.forget(before, next)
	c.logWithdrawn(next.snapshot, before.snapshot)
	if len(next.faults) == 0 && len(before.faults) > 0 {
		c.options.Logger.Info("the catalog has no faults any more")
	}
	if changed {
		c.options.Logger.Info("the catalog changed",
			"companies", len(next.snapshot.companies), "endpoints", len(next.snapshot.endpoints))
		for _, listener := range c.listeners {
			listener(next.snapshot)
		}
	}
	if len(next.faults) > 0 {
		return slices.Clone(next.faults)
	}
	return nil
}

// forget tells of the drafts that are gone: a file at fault that is saved again and again makes one each time, and
// changes no snapshot.
func (c *Catalog) forget(before, next *state) {
	if c.options.Forget == nil {
		return
	}
	for file, read := range before.live.read {
		draft, now := read.endpoint, next.live.read[file]
		if draft == nil || draft == before.live.endpoints[file] || draft == next.live.endpoints[file] ||
			now != nil && now.endpoint == draft {
			continue
		}
		c.options.Forget(draft)
	}
}

// askAgain has the sources asked again soon that could not be asked.
func (c *Catalog) askAgain(s *state) {
	if len(s.down) == 0 {
		return
	}
	select {
	case c.unasked <- struct{}{}:
	default: // a token is there already
	}
}

// Close stops watching. It waits for a reading that is under way, and may be called again. Snapshots stay usable.
func (c *Catalog) Close() error {
	c.closed.Do(c.cancel)
	<-c.done
	return nil
}
