package catalog

import (
	"maps"
	"reflect"
)

// beginWith takes over what another catalog has read of the same files, so that only what has changed since is read.
func (c *Catalog) beginWith(before *Catalog) {
	if before == nil || !c.readsAs(before) {
		return
	}
	before.look(func(g *ground) { c.ground.branches = maps.Clone(g.branches) })
	c.ground.contexts.inherit(&before.ground.contexts)
}

// readsAs reports whether two catalogs make the same of a text.
func (c *Catalog) readsAs(other *Catalog) bool {
	return c.root == other.root && reflect.DeepEqual(c.options.DialectOf, other.options.DialectOf) &&
		reflect.DeepEqual(c.options.Dialects, other.options.Dialects) && reflect.DeepEqual(c.options.Authors, other.options.Authors)
}

// shareWith shares the snapshot with another catalog that serves the same.
func (s *state) shareWith(other *Catalog) {
	if other == nil {
		return
	}
	if current := other.current.Load(); s.live.same(current.live) {
		s.live, s.snapshot = current.live, current.snapshot
	}
}
