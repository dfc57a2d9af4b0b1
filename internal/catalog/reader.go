package catalog

import (
	"errors"
	"os"
	"sync"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
)

// reader reads the files of one company, one reading after another, beside those of the other companies.
type reader struct {
	catalog *Catalog
	slug    string

	mu      sync.Mutex
	waiting []chan struct{} // of those who wait for a reading that begins after they came
	serving []chan struct{} // of those who wait for the one under way
	busy    bool
}

// request has a company's files read, and its statements asked about. What it returns is closed when that has been done,
// except for what needs longer than a second.
func (c *Catalog) request(slug string) (done <-chan struct{}) { return c.readerOf(slug).request() }

func (c *Catalog) readerOf(slug string) *reader {
	c.readersMu.Lock()
	defer c.readersMu.Unlock()
	r := c.readers[slug]
	if r == nil {
		r = &reader{catalog: c, slug: slug}
		c.readers[slug] = r
	}
	return r
}

func (r *reader) request() (done <-chan struct{}) {
	c := r.catalog
	waiter := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, waiter)
	if !r.busy {
		r.busy = c.background(r.run)
	}
	if !r.busy { // the catalog is closed
		r.serve()
	}
	return waiter
}

// settled returns what is closed when the readings are done that have been asked for; it asks for none.
func (r *reader) settled() (done <-chan struct{}) {
	waiter := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.waiting) > 0:
		r.waiting = append(r.waiting, waiter)
	case r.busy:
		r.serving = append(r.serving, waiter)
	default:
		close(waiter)
	}
	return waiter
}

func (r *reader) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.busy
}

// serve tells everybody who waits that it is done.
func (r *reader) serve() {
	for _, waiter := range r.waiting {
		close(waiter)
	}
	r.waiting = nil
}

// run reads until nobody asks for it any more.
func (r *reader) run() {
	for {
		r.mu.Lock()
		r.serving, r.waiting = r.waiting, nil
		r.busy = len(r.serving) > 0
		over := !r.busy
		r.mu.Unlock()
		if over {
			return
		}
		complete := r.read()
		r.mu.Lock()
		if complete || r.catalog.ctx.Err() != nil {
			for _, waiter := range r.serving {
				close(waiter)
			}
		} else {
			r.waiting = append(r.waiting, r.serving...) // the next reading goes on where this one was stopped
		}
		r.serving = nil
		r.mu.Unlock()
	}
}

// wanted reports that somebody asks for another reading, and that this one should end for it.
func (r *reader) wanted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting) > 0 || r.catalog.ctx.Err() != nil
}

// read reads once, and publishes as it goes: first what takes access away, then what needs no source, then what the sources
// accept.
func (r *reader) read() (complete bool) {
	c := r.catalog
	root, err := os.OpenRoot(c.root)
	if err != nil {
		return true // listing the root reports it
	}
	defer root.Close()
	var previous *branch
	c.look(func(g *ground) { previous = g.branches[r.slug] })
	reading := branchReader{
		scanner: scanner{
			given: c.root, root: root, dialects: document.Dialects{BySource: c.options.DialectOf, Others: c.options.Dialects},
			now: c.options.now(), reads: &c.reads,
		},
		slug: r.slug, stored: c.storedOf(r.slug), authors: c.options.Authors, live: c.current.Load().live, previous: previous,
		told: r.tell, stop: r.wanted,
	}
	read, complete, err := reading.read()
	if errors.Is(err, errDirectoryGone) {
		return true // whether the company is gone is for the root to say
	}
	r.warm(read)
	r.tell(read)
	if !complete {
		return false
	}
	r.inquire()
	return true
}

// inquire asks about the company's statements, as far as that is to be done.
func (r *reader) inquire() {
	c := r.catalog
	var ask []inquired
	c.look(func(g *ground) { ask = g.toAsk(g.branches[r.slug], c.current.Load()) })
	if len(ask) > 0 {
		c.inquire(ask)
	}
}

// ask asks about the company's statements, and returns when that has been done. A reading that is under way is waited for, and does
// it.
func (r *reader) ask() {
	if !r.idle() {
		select {
		case <-r.request():
		case <-r.catalog.ctx.Done():
		}
		return
	}
	done := make(chan struct{})
	if r.catalog.background(func() {
		defer close(done)
		r.inquire()
	}) {
		<-done
	}
}

// tell publishes what the files say, when that has changed.
func (r *reader) tell(b *branch) {
	var changed, settled bool
	r.catalog.look(func(g *ground) {
		before := g.branches[r.slug]
		changed = !b.same(before)
		settled = !changed && !b.stampedAs(before)
	})
	take := func(g *ground) {
		if g.listing.has(r.slug) {
			g.branches[r.slug] = b
		}
	}
	switch {
	case changed:
		r.catalog.publish(take)
	case settled:
		r.catalog.amend(take)
	}
}

// warm holds the company's share contexts against its endpoints before the files are linked, for which others would have to
// wait.
func (r *reader) warm(b *branch) {
	if b.company == nil || b.company.sound == nil {
		return
	}
	for _, user := range b.company.sound.Company.Users {
		for _, read := range b.files {
			if read.endpoint == nil || read.endpoint.Contract == nil {
				continue
			}
			for parameter := range user.ShareContext {
				if read.endpoint.Contract.Has(parameter) {
					r.catalog.ground.contexts.check(read.endpoint, user, parameter)
				}
			}
		}
	}
}
