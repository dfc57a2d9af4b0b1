package catalog

import "log/slog"

// logNew logs what was not there before: diagnostics, warnings, and sources that cannot be asked, or can be again.
func (c *Catalog) logNew(now, before *state) {
	c.logFaults(slog.LevelError, now.faults, before.faults)
	c.logFaults(slog.LevelWarn, now.warnings, before.warnings)
	c.logSources(now, before)
	if len(now.faults) == 0 && len(before.faults) > 0 {
		c.options.Logger.Info("the catalog has no faults any more")
	}
}

func (c *Catalog) logFaults(level slog.Level, now, before Diagnostics) {
	known := make(map[Diagnostic]bool, len(before))
	for _, fault := range before {
		known[fault] = true
	}
	for _, fault := range now {
		if known[fault] {
			continue
		}
		attributes := []any{"fault", fault.String()}
		if fault.Effect != "" {
			attributes = append(attributes, "effect", fault.Effect)
		}
		c.options.Logger.Log(c.ctx, level, "the catalog has a file to look at", attributes...)
	}
}

// logSources logs once that a source cannot be asked and what waits for it, and that it can be asked again.
func (c *Catalog) logSources(now, before *state) {
	for _, source := range sortedKeys(now.down) {
		if before.down[source] != nil {
			continue
		}
		unchecked := 0
		for endpoint := range now.unchecked {
			if endpoint.Source == source && now.live.endpoints[endpoint.File] == endpoint {
				unchecked++
			}
		}
		c.options.Logger.Warn("a source cannot be asked about its statements; it is asked again until it answers",
			"source", source, "unchecked_endpoints", unchecked, "error", now.down[source])
	}
	for _, file := range sortedKeys(now.waiting) {
		if now.waiting[file] != before.waiting[file] {
			c.options.Logger.Warn("a changed file waits for its source", "file", file, "effect", effectWaiting)
		}
	}
	for _, source := range sortedKeys(before.down) {
		if now.down[source] == nil {
			c.options.Logger.Info("a source can be asked about its statements again", "source", source)
		}
	}
}

// logWithdrawn says of each company that is gone what went with it.
func (c *Catalog) logWithdrawn(now, before *Snapshot) {
	for _, slug := range sortedKeys(before.companies) {
		if now.companies[slug] != nil {
			continue
		}
		endpoints := 0
		for _, endpoint := range before.endpoints {
			if endpoint.Company == slug {
				endpoints++
			}
		}
		c.options.Logger.Warn("a company is withdrawn, since its "+companyFileName+" is gone: its users and endpoints are refused",
			"company", slug, "endpoints", endpoints, "users", len(before.companies[slug].Users))
	}
}
