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
	busy    bool
}

// request has a company's files read, and its statements asked about. What it returns is closed when that has been done,
// except for what needs longer than a second.
func (c *Catalog) request(slug string) (done <-chan struct{}) {
	c.readersMu.Lock()
	r := c.readers[slug]
	if r == nil {
		r = &reader{catalog: c, slug: slug}
		c.readers[slug] = r
	}
	c.readersMu.Unlock()
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
		served := r.waiting
		r.waiting = nil
		r.busy = len(served) > 0
		r.mu.Unlock()
		if len(served) == 0 {
			return
		}
		complete := r.read()
		r.mu.Lock()
		if complete || r.catalog.ctx.Err() != nil {
			for _, waiter := range served {
				close(waiter)
			}
		} else {
			r.waiting = append(r.waiting, served...) // the next reading goes on where this one was stopped
		}
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
		scanner: scanner{given: c.root, root: root, dialects: document.Dialects{BySource: c.options.DialectOf, Others: c.options.Dialects}},
		slug:    r.slug, stored: c.storedOf(r.slug), authors: c.options.Authors, live: c.current.Load().live, previous: previous,
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
	var ask []*Endpoint
	c.look(func(g *ground) { ask = g.toAsk(g.branches[r.slug], c.current.Load()) })
	if len(ask) > 0 {
		answers := c.inquire(ask)
		c.publish(func(g *ground) { g.decide(answers) })
	}
	return true
}

// tell publishes what the files say, when that has changed.
func (r *reader) tell(b *branch) {
	changed := false
	r.catalog.look(func(g *ground) { changed = !b.same(g.branches[r.slug]) })
	if changed {
		r.catalog.publish(func(g *ground) {
			if g.listing.has(r.slug) {
				g.branches[r.slug] = b
			}
		})
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
