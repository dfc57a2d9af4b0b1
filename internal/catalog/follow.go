package catalog

import (
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog/watch"
)

// maxRetries times Options.Retry is the longest wait between two attempts to ask a source.
const maxRetries = 8

// follow reads the files again after each change, until Close.
func (c *Catalog) follow(watcher *watch.Watcher) {
	defer watcher.Close()
	rescan := time.NewTicker(c.options.Rescan)
	defer rescan.Stop()
	quiet := watch.NewQuietTimes(c.options.Debounce)
	defer quiet.Stop()
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	defer retry.Stop()
	armed, wait := false, c.options.Retry

	for {
		select {
		case <-c.ctx.Done():
			return
		case event, ok := <-watcher.Events():
			if !ok {
				return
			}
			if what, concerned := watcher.Concerns(event); concerned {
				quiet.Begin(what)
			}
		case err := <-watcher.Errors():
			c.options.Logger.Warn("watching the catalog: changes may have been missed, so it is read again", "error", err)
			quiet.Begin(watch.Everything)
		case what := <-quiet.Due():
			quiet.End(what)
			watcher.Sync() // first, so that a change during the reading is noticed
			c.readAgain(what)
		case <-rescan.C:
			watcher.Sync()
			c.readAgain(watch.Everything)
		case <-c.unasked:
			if !armed {
				armed = true
				retry.Reset(wait)
				wait = min(2*wait, maxRetries*c.options.Retry)
			}
		case <-retry.C:
			armed = false
			var companies []string
			c.look(func(g *ground) { companies = g.unanswered() })
			for _, slug := range companies {
				c.request(slug) // it tells c.unasked when there is still no answer
			}
			if len(companies) == 0 {
				wait = c.options.Retry
			}
		}
	}
}

// readAgain has a company read, or everything, and does not wait for it. Mistakes are logged, and stay for Diagnostics.
func (c *Catalog) readAgain(what string) {
	if what != watch.Everything {
		c.request(what)
		return
	}
	for _, slug := range c.list() {
		c.request(slug)
	}
}
