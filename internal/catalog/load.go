package catalog

import (
	"context"
	"maps"
	"path/filepath"
	"slices"

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

// Inspect reads and checks as Load does, and returns what is doubtful too. There is no snapshot when there are faults.
func Inspect(root string) (snapshot *Snapshot, faults, warnings Faults) {
	loaded := load(context.Background(), root, nil, nil)
	if len(loaded.faults) > 0 {
		return nil, loaded.faults, loaded.warnings
	}
	return loaded.snapshot, nil, loaded.warnings
}

// state is a catalog between two changes.
type state struct {
	snapshot  *Snapshot
	live      *tree              // what the snapshot is made of
	unchecked map[*Endpoint]bool // live, and not checked because their source could not be reached
	waiting   map[string]bool    // files that are not live because their source could not be reached
	asked     map[*Endpoint]bool // whose source was asked in this round
	down      map[string]error   // sources that could not be reached in this round, and why
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
		live: fresh, unchecked: make(map[*Endpoint]bool), waiting: make(map[string]bool), asked: make(map[*Endpoint]bool),
		down: make(map[string]error), faults: fresh.faults, warnings: fresh.warnings,
	}
	written := maps.Clone(fresh.companies)
	// The files are linked as they stand, so that a fault of one kind hides none of another.
	faults, warnings := fresh.withDrafts().link()
	if check != nil {
		next.check(ctx, check, previous)
	}
	next.faults, next.warnings = append(next.faults, faults...), append(next.warnings, warnings...)
	next.settle(previous.live, before != nil)
	for _, endpoint := range next.live.endpoints {
		if previous.unchecked[endpoint] && !next.asked[endpoint] { // it was taken back after the sources were asked
			next.unchecked[endpoint] = true
		}
	}
	next.faults, next.warnings = next.faults.sorted(), next.warnings.sorted()
	if before != nil {
		next.tellEffects(written)
	}
	next.snapshot = next.live.snapshot()
	return next
}

// withDrafts is the tree as the files describe it: files with faults of their own take part as far as they can be read.
func (t *tree) withDrafts() *tree {
	all := &tree{companies: t.companies, endpoints: maps.Clone(t.endpoints), read: t.read}
	for file, read := range t.read {
		if read.endpoint != nil {
			all.endpoints[file] = read.endpoint
		}
	}
	return all
}

// settle links what is to go live. A changed file that is at fault gives way to what was live before, which can make other
// files fit or not fit, so it is linked again until nothing changes. Each round takes at least one file back, so it ends.
// A file that did not change stays live with its fault: what it grants was sound, and what is gone cannot be reached
// anyway. Report says that a file which is taken back and has no fault itself is reported: without that
// nobody would know why it is not live.
func (s *state) settle(previous *tree, report bool) {
	for changed := true; changed; {
		changed = false
		faults, _ := s.live.link()
		for _, fault := range faults {
			taken := s.live.takeBack(fault.File, previous)
			changed = changed || taken
			if taken && report && !s.hasFault(fault.File) {
				s.faults = append(s.faults, fault)
			}
		}
	}
}

func (s *state) hasFault(file string) bool {
	return slices.ContainsFunc(s.faults, func(f Fault) bool { return f.File == file })
}

// The effects of faults.
const (
	effectLastGood     = "the last good revision stays live"
	effectAsItIs       = "it stays live as it is"
	effectUnpublished  = "the endpoint is not published"
	effectNoCompany    = "the company and its endpoints are not published"
	effectWaiting      = "the last good revision stays live until the source can be asked"
	effectUnchecked    = "the endpoint is published, and its statement is checked before it first runs"
	effectWholeCatalog = "the last good catalog stays live"
)

// tellEffects says of each fault what is live all the same. Written are the companies as the files describe them.
func (s *state) tellEffects(written map[string]*companyFile) {
	companies := make(map[string]*companyFile) // live ones, by file
	for _, company := range s.live.companies {
		companies[company.file] = company
	}
	for i := range s.faults {
		fault := &s.faults[i]
		fault.Effect = s.endpointEffect(fault.File)
		if company := companies[fault.File]; company != nil {
			fault.Effect = effectLastGood
			if written[company.company.Slug] == company && !s.live.failed[fault.File] {
				fault.Effect = effectAsItIs
			}
		} else if filepath.Base(fault.File) == companyFileName && fault.Effect == "" {
			fault.Effect = effectNoCompany
		}
		if fault.File == s.live.kept {
			fault.Effect = effectWholeCatalog
		}
	}
}

func (s *state) endpointEffect(file string) string {
	read, live := s.live.read[file], s.live.endpoints[file]
	switch {
	case live != nil && s.live.companies[live.Company] == nil:
		return effectUnpublished
	case live != nil && read != nil && read.text == live.text:
		return effectAsItIs
	case live != nil:
		return effectLastGood
	case read != nil:
		return effectUnpublished
	default:
		return ""
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
		if company.file != file || company == previous.companies[slug] || company.narrowed {
			continue
		}
		if before := previous.companies[slug]; before == nil {
			delete(t.companies, slug)
		} else {
			t.companies[slug] = before.without(company)
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
