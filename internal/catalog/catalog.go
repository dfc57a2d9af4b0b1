package catalog

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/catalog/watch"
	"github.com/solucao42/caddy-data-api/source"
)

// Options configures a [Catalog].
type Options struct {
	// Logger receives changes and diagnostics. Nil: slog.Default.
	Logger *slog.Logger

	// DialectOf is what the statements of each source are written in: what it refuses is a diagnostic without asking the source.
	DialectOf map[string]source.Dialect

	// Dialects are those of sources that DialectOf does not name: what all of them refuse is a diagnostic. None: nothing is told of
	// their statements before they are asked.
	Dialects []source.Dialect

	// Authors may publish endpoints of the store on sources: see [Catalog.SetStored]. Nil: nobody may.
	Authors document.Authors

	// Check asks an endpoint's source about its statement before the endpoint goes live. Nil: nobody is asked.
	Check CheckFunc

	// Recall says which of some endpoints' statements their sources have accepted before, so that Check need not be called. It is
	// not called for endpoints of which [Catalog.Doubt] was told. Nil: nobody remembers.
	Recall func(ctx context.Context, endpoints []*Endpoint) map[*Endpoint]Recollection

	// Forget is told of endpoints that Check was asked about once they are neither live nor in any file any more, so
	// that what is kept for them can be dropped. Nil: nobody is told.
	Forget func(endpoint *Endpoint)

	// Debounce is how long files must be quiet before they are read again, since editors and deployments write in
	// several steps. Zero: 200 ms.
	Debounce time.Duration

	// Rescan is how often everything is read without any notice of a change: file systems such as NFS give none.
	// Zero: one minute.
	Rescan time.Duration

	// Retry is how soon a source that could not be reached is asked again. Each failed try doubles it, up to eight
	// times. Zero: 1 s.
	Retry time.Duration

	// StaleWait is how long a reading waits until sources have judged again what they accepted before their schema has changed, before
	// such endpoints go live unchecked. Zero: 2 s.
	StaleWait time.Duration

	// CheckTimeout is how long a source may take to judge one statement. Zero: 5 s.
	CheckTimeout time.Duration

	// Strict lets Open refuse a catalog with a mistake. Otherwise what is at fault is left out.
	Strict bool

	// Before is another catalog that has read these files, be it closed or not: Open reads only what has changed since. Nothing of
	// it is kept but what is the same. Nil: there is none.
	Before *Catalog

	now func() time.Time // for tests; nil: time.Now
}

// Catalog is a snapshot that follows the files. It is safe for concurrent use.
//
// The files of each company are read by themselves, and what they say is published by itself: no company waits for another
// one's files, nor for what a database takes to judge them.
type Catalog struct {
	root    string
	options Options
	current atomic.Pointer[state]
	unasked chan struct{} // holds a token while sources could not be asked
	listed  atomic.Pointer[time.Time]
	reads   atomic.Int64 // of files

	changing  sync.Mutex // held while something is published, and listeners are told
	opening   bool       // nothing is published yet
	asking    bool       // what sources say is published when all of them have been asked
	listeners []func(*Snapshot)

	groundMu sync.Mutex // held for a moment; the ground is read with it or with changing, and written with both
	ground   *ground
	changes  []func(*ground) // that are not made yet

	listing   sync.Mutex // held while the root is listed
	readersMu sync.Mutex
	readers   map[string]*reader // by the company's slug
	storedMu  sync.Mutex
	stored    map[string]*Stored // by the company's slug
	slotsMu   sync.Mutex
	slots     map[string]*checkSlots // by source

	ctx       context.Context
	cancel    context.CancelFunc
	working   sync.WaitGroup
	workingMu sync.Mutex // held while work begins, so that none begins after Close
}

// Open reads the catalog below root and watches it until Close. What is at fault is left out and logged: see Diagnostics. The
// error is [Diagnostics] when the root cannot be read, and with Options.Strict when anything is at fault. It blocks while
// files are read and, with Options.Check, while sources are asked: about a second for each source that does not answer.
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
	if options.CheckTimeout <= 0 {
		options.CheckTimeout = 5 * time.Second
	}
	if options.StaleWait <= 0 {
		options.StaleWait = 2 * time.Second
	}
	if options.now == nil {
		options.now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	before := options.Before
	options.Before = nil
	c := &Catalog{
		root: root, options: options, ctx: ctx, cancel: cancel, opening: true, unasked: make(chan struct{}, 1),
		ground: newGround(root), readers: make(map[string]*reader), slots: make(map[string]*checkSlots),
		stored: make(map[string]*Stored),
	}
	if options.Check != nil {
		c.ground.verdicts = make(map[*Endpoint]*verdict)
	}
	empty := newState()
	c.current.Store(empty)
	c.beginWith(before)
	watcher := watch.New(root, ignored, options.Logger) // before the files are read, so that no change falls between
	c.readAll()
	c.changing.Lock()
	first := c.ground.resolve(empty)
	first.shareWith(before)
	if c.ground.listing.silent || options.Strict && len(first.faults) > 0 {
		c.changing.Unlock()
		watcher.Close()
		_ = c.Close()
		return nil, first.faults
	}
	c.install(first, empty)
	c.opening = false
	c.changing.Unlock()
	c.background(func() { c.follow(watcher) })
	return c, nil
}

// Current returns the snapshot of this moment. It neither blocks nor allocates.
func (c *Catalog) Current() *Snapshot { return c.current.Load().snapshot }

// Diagnostics returns what is wrong with the files now, and with the statements of endpoints that are live. The slice is the
// caller's own.
func (c *Catalog) Diagnostics() Diagnostics { return slices.Clone(c.current.Load().faults) }

// Warnings returns what is doubtful, and what waits for a source that cannot be reached. The slice is the caller's own.
func (c *Catalog) Warnings() Diagnostics {
	return append(c.Unchecked(), c.current.Load().warnings...).Sorted()
}

// Unchecked returns, among the warnings, the endpoints whose statement no source has accepted yet, since it could not be
// asked. The slice is the caller's own.
func (c *Catalog) Unchecked() Diagnostics {
	current := c.current.Load()
	var pending Diagnostics
	c.look(func(g *ground) { pending = g.pending(current) })
	return pending
}

// OnChange calls listener with the current snapshot at once, and from then on with each new one, one after another.
// A listener must not call Reload, OnChange or Close, and delays further changes while it runs.
func (c *Catalog) OnChange(listener func(*Snapshot)) {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.listeners = append(c.listeners, listener)
	listener(c.Current())
}

// ReadAt returns when the root could be listed last, which is tried once in Options.Rescan at least; zero: never. It does not block.
func (c *Catalog) ReadAt() time.Time {
	if listed := c.listed.Load(); listed != nil {
		return *listed
	}
	return time.Time{}
}

// FaultCount returns how many Diagnostics there are. It neither blocks nor allocates.
func (c *Catalog) FaultCount() int { return len(c.current.Load().faults) }

// Reload reads the files now, without waiting for a notice of a change, and returns the [Diagnostics] that there are, or nil.
// What is at fault keeps its last good revision. Statements that take a source over a second to judge are judged later.
// After Close it does nothing.
func (c *Catalog) Reload() error {
	c.readAll()
	if faults := c.Diagnostics(); len(faults) > 0 && c.ctx.Err() == nil {
		return faults
	}
	return nil
}

// Ask asks the sources about what they have not accepted, and returns when that has been done and published, but for what takes long.
// Files are read first only where they are being read. What changes meanwhile is published at the end, since to publish is work by the
// size of the catalog: it is meant for a server that is about to start. After Close it does nothing.
func (c *Catalog) Ask() {
	c.holdBack(true)
	defer c.holdBack(false)
	var companies []string
	c.look(func(g *ground) { companies = sortedKeys(g.branches) })
	var all sync.WaitGroup
	for _, slug := range companies {
		all.Go(func() { c.readerOf(slug).ask() })
	}
	all.Wait()
}

// readAll reads every company, and returns when each of them has been read.
func (c *Catalog) readAll() {
	var done []<-chan struct{}
	for _, slug := range c.list() {
		done = append(done, c.request(slug))
	}
	for _, one := range done {
		select {
		case <-one:
		case <-c.ctx.Done():
			return
		}
	}
}

// list lists the root, withdraws the companies whose directories are gone, and returns those that there are.
func (c *Catalog) list() []string {
	c.listing.Lock()
	defer c.listing.Unlock()
	if c.ctx.Err() != nil {
		return nil
	}
	listed := scanRoot(c.root, c.current.Load().live.ofFiles())
	if !listed.silent {
		listed.companies = c.withStored(listed.companies)
	}
	changed := false
	c.look(func(g *ground) { changed = !listed.same(g.listing) })
	if changed {
		c.publish(func(g *ground) { g.take(listed) })
	}
	if listed.silent {
		return nil
	}
	c.listed.Store(new(time.Now()))
	c.readersMu.Lock()
	defer c.readersMu.Unlock()
	maps.DeleteFunc(c.readers, func(slug string, r *reader) bool { return !listed.has(slug) && r.idle() })
	return listed.companies
}

// Doubt says that a run of an endpoint has met something else than what was published: columns that have changed, when
// failure is nil, or a statement that the source does not accept any more. The source is asked again, and its answer
// becomes a diagnostic or a warning, while the endpoint stays live. A later Doubt without a failure takes one back. It
// does not block. What is said of an endpoint that is not live is ignored.
func (c *Catalog) Doubt(endpoint *Endpoint, failure error) {
	c.background(func() {
		known := false
		c.amend(func(g *ground) { known = g.doubt(endpoint, failure) })
		if known {
			c.request(endpoint.Company)
		}
	})
}

// ReloadAndWait is Reload that waits for the slowest statement, too. The error is ctx's when that ends.
func (c *Catalog) ReloadAndWait(ctx context.Context) error {
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		err := c.Reload()
		if !c.asksInBackground() {
			return err
		}
		for c.asksInBackground() {
			select {
			case <-poll.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

func (c *Catalog) asksInBackground() (asks bool) {
	c.look(func(g *ground) { asks = g.asksInBackground() })
	return asks && c.ctx.Err() == nil
}

// background does work that Close waits for. It reports false, and does nothing, after Close.
func (c *Catalog) background(work func()) bool {
	c.workingMu.Lock()
	defer c.workingMu.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	c.working.Go(work)
	return true
}

// Close stops watching. It waits for a reading that is under way, and may be called again. Snapshots stay usable.
func (c *Catalog) Close() error {
	c.workingMu.Lock()
	c.cancel()
	c.workingMu.Unlock()
	c.working.Wait()
	return nil
}
