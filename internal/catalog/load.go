package catalog

import (
	"context"
	"maps"

	"github.com/solucao42/caddy-data-api/internal/identity"
)

// Load reads and checks the catalog below root, without asking any source. The error is [Faults] with every fault. It
// does file I/O only.
func Load(root string) (*Snapshot, error) {
	loaded := load(context.Background(), root, nil, nil)
	if len(loaded.faults) > 0 {
		return nil, loaded.faults
	}
	return loaded.snapshot, nil
}

// state is a catalog between two changes.
type state struct {
	snapshot  *Snapshot
	live      *tree              // what the snapshot is made of
	unchecked map[*Endpoint]bool // live, and not checked because their source could not be reached
	asked     map[*Endpoint]bool // whose source was asked in this round
	faults    Faults
	warnings  Faults
}

// load reads the tree anew. Where previous is given, a file at fault leaves the live what previous had of it.
func load(ctx context.Context, root string, previous *state, check CheckFunc) *state {
	var before *tree
	if previous != nil {
		before = previous.live
	} else {
		previous = &state{live: newTree()}
	}
	fresh := scan(root, before)
	next := &state{
		live: fresh, unchecked: make(map[*Endpoint]bool), asked: make(map[*Endpoint]bool),
		faults: fresh.faults, warnings: fresh.warnings,
	}
	if check != nil {
		next.check(ctx, check, previous)
	}
	next.settle(previous.live)
	for _, endpoint := range next.live.endpoints {
		if previous.unchecked[endpoint] && !next.asked[endpoint] { // it was taken back after the sources were asked
			next.unchecked[endpoint] = true
		}
	}
	next.faults, next.warnings = next.faults.sorted(), next.warnings.sorted()
	next.snapshot = next.live.snapshot()
	return next
}

// settle links the tree. A changed file that is at fault gives way to what was live before, which can make other files
// fit or not fit, so it is linked again until nothing changes. Each round takes at least one file back, so it ends. A file that
// did not change stays live with its fault: what it grants was sound, and what is gone cannot be reached anyway.
func (s *state) settle(previous *tree) {
	faults, warnings := s.live.link()
	s.faults, s.warnings = append(s.faults, faults...), append(s.warnings, warnings...)
	for changed := true; changed; faults, _ = s.live.link() {
		changed = false
		for _, fault := range faults {
			changed = s.live.takeBack(fault.File, previous) || changed
		}
	}
}

// takeBack replaces what was read from a file by what was live before, or drops it, and reports whether that changed
// anything.
func (t *tree) takeBack(file string, previous *tree) bool {
	if endpoint, ok := t.endpoints[file]; ok {
		before := previous.endpoints[file]
		if endpoint == before {
			return false
		}
		if before == nil {
			delete(t.endpoints, file)
		} else {
			t.endpoints[file] = before
		}
		return true
	}
	for slug, company := range t.companies {
		if company.file != file || company == previous.companies[slug] {
			continue
		}
		if before := previous.companies[slug]; before == nil {
			delete(t.companies, slug)
		} else {
			t.companies[slug] = before
		}
		return true
	}
	return false
}

// snapshot makes the snapshot of a tree. The endpoints of a directory that is no company are left out.
func (t *tree) snapshot() *Snapshot {
	companies := make(map[string]*identity.Company, len(t.companies))
	for slug, file := range t.companies {
		companies[slug] = file.company
	}
	var endpoints []*Endpoint
	for _, endpoint := range t.endpoints {
		if companies[endpoint.Company] != nil {
			endpoints = append(endpoints, endpoint)
		}
	}
	return newSnapshot(companies, endpoints)
}

// same reports whether two trees make the same snapshot.
func (t *tree) same(other *tree) bool {
	return maps.Equal(t.companies, other.companies) && maps.Equal(t.endpoints, other.endpoints)
}
