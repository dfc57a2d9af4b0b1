package catalog

import "maps"

// look gives a short look at what is known.
func (c *Catalog) look(at func(*ground)) {
	c.groundMu.Lock()
	defer c.groundMu.Unlock()
	at(c.ground)
}

// amend makes a change to what is known, of which nothing is to be published yet.
func (c *Catalog) amend(change func(*ground)) {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.groundMu.Lock()
	defer c.groundMu.Unlock()
	change(c.ground)
}

// publish makes a change to what is known, and publishes what follows from it. Changes that come while another one is being
// published are published together.
func (c *Catalog) publish(change func(*ground)) {
	c.groundMu.Lock()
	c.changes = append(c.changes, change)
	c.groundMu.Unlock()
	c.changing.Lock()
	defer c.changing.Unlock()
	if c.ctx.Err() == nil && c.apply() && !c.opening && !c.asking {
		c.publishKnown()
	}
}

// publishKnown publishes what follows from all that is known. The caller holds changing.
func (c *Catalog) publishKnown() {
	before := c.current.Load()
	c.install(c.ground.resolve(before), before)
}

// holdBack has changes published later, or publishes those that there are.
func (c *Catalog) holdBack(hold bool) {
	c.changing.Lock()
	defer c.changing.Unlock()
	if c.asking = hold; !hold && c.ctx.Err() == nil {
		c.publishKnown()
	}
}

// apply makes the changes that are not made yet, and reports whether there were any.
func (c *Catalog) apply() bool {
	c.groundMu.Lock()
	defer c.groundMu.Unlock()
	changes := c.changes
	c.changes = nil
	for _, change := range changes {
		change(c.ground)
	}
	return len(changes) > 0
}

// install makes a state the current one, and tells what is new in it.
func (c *Catalog) install(next, before *state) {
	c.current.Store(next)
	defer c.forget(next) // listeners may still need what was live
	c.logNew(next, before)
	if len(next.down) > 0 {
		select {
		case c.unasked <- struct{}{}:
		default: // a token is there already
		}
	}
	if next.snapshot == before.snapshot {
		return
	}
	c.logWithdrawn(next.snapshot, before.snapshot)
	if !c.opening {
		c.options.Logger.Info("the catalog changed",
			"companies", len(next.snapshot.companies), "endpoints", len(next.snapshot.endpoints))
	}
	for _, listener := range c.listeners {
		listener(next.snapshot)
	}
}

// take takes in what the root says. Companies whose directories are gone are gone.
func (g *ground) take(listed listing) {
	g.listing = listed
	if !listed.silent {
		maps.DeleteFunc(g.branches, func(slug string, _ *branch) bool { return !listed.has(slug) })
	}
}

// forget lets go of endpoints that are neither live nor in any file, and says so: a file at fault that is saved again and
// again makes one each time.
func (c *Catalog) forget(s *state) {
	var gone []*Endpoint
	c.look(func(g *ground) { gone = g.prune(s) })
	if c.options.Forget == nil {
		return
	}
	for _, endpoint := range gone {
		c.options.Forget(endpoint)
	}
}

// prune forgets what sources have said of endpoints that are neither live nor in any file, and returns these endpoints.
func (g *ground) prune(s *state) (gone []*Endpoint) {
	if g.verdicts == nil {
		return nil
	}
	inUse := make(map[*Endpoint]bool, len(g.verdicts))
	for _, endpoint := range s.live.endpoints {
		inUse[endpoint] = true
	}
	for _, b := range g.branches {
		for _, read := range b.files {
			inUse[read.endpoint] = true
		}
	}
	for endpoint := range g.verdicts {
		if !inUse[endpoint] {
			gone = append(gone, endpoint)
			delete(g.verdicts, endpoint)
		}
	}
	return gone
}

// doubt notes what a run has met, and reports whether the endpoint is one that its source has accepted.
func (g *ground) doubt(endpoint *Endpoint, failure error) bool {
	v := g.verdicts[endpoint]
	if v == nil || v.told == nil {
		return false
	}
	next := *v
	next.doubted, next.failure = true, failure
	g.verdicts[endpoint] = &next
	return true
}

func (g *ground) asksInBackground() bool {
	for _, v := range g.verdicts {
		if v.aside {
			return true
		}
	}
	return false
}

// unanswered lists the companies of whose statements some source could not be asked.
func (g *ground) unanswered() (companies []string) {
	waiting := make(map[string]bool)
	for endpoint, v := range g.verdicts {
		if (v.kind == unanswered || v.doubted) && v.reason != nil {
			waiting[endpoint.Company] = true
		}
	}
	return sortedKeys(waiting)
}
