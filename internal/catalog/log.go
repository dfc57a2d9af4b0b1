package catalog

import (
	"log/slog"
	"slices"
)

// logNew logs the entries that were not there before.
func (c *Catalog) logNew(level slog.Level, now, before Faults) {
	for _, fault := range now {
		if slices.Contains(before, fault) {
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
		if !before.waiting[file] || now.live.read[file] != before.live.read[file] {
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
