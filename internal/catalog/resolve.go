package catalog

import (
	"maps"
	"os"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/source"

	"github.com/solucao42/caddy-data-api/internal/identity"
)

// Load reads and checks the catalog below root, without asking any source. The error is [Diagnostics] with every mistake. It
// does file I/O only.
func Load(root string, known ...source.Dialect) (*Snapshot, error) {
	snapshot, faults, _ := Inspect(root, known...)
	if len(faults) > 0 {
		return nil, faults
	}
	return snapshot, nil
}

// Inspect reads and checks as Load does, and returns what is doubtful too. There is no snapshot when there are diagnostics.
func Inspect(root string, known ...source.Dialect) (snapshot *Snapshot, faults, warnings Diagnostics) {
	ground := newGround(root)
	ground.listing = scanRoot(root, 0)
	if opened, err := os.OpenRoot(root); err == nil {
		defer opened.Close()
		for _, slug := range ground.listing.companies {
			if b, err := readBranch(root, opened, slug, document.Dialects{Others: known}); err == nil {
				ground.branches[slug] = b
			}
		}
	}
	loaded := ground.resolve(newState())
	if len(loaded.faults) > 0 {
		return nil, loaded.faults, loaded.warnings
	}
	return loaded.snapshot, nil, loaded.warnings
}

// ground is everything that is known of a catalog: what its files say, and what sources say of its statements.
type ground struct {
	root     string // as the operator wrote it
	listing  listing
	branches map[string]*branch     // by the company's slug
	verdicts map[*Endpoint]*verdict // what sources say; nil: nobody is asked, and every statement is good
	contexts contextMemory
}

func newGround(root string) *ground { return &ground{root: root, branches: make(map[string]*branch)} }

// state is a catalog between two changes.
type state struct {
	snapshot  *Snapshot
	live      *tree                // what the snapshot is made of
	unchecked map[*Endpoint]bool   // live, and not accepted by their source, which could not be asked
	waiting   map[string]*Endpoint // files and their revisions that are not live because their source could not be asked
	down      map[string]error     // sources that could not be asked, and why
	faults    Diagnostics
	warnings  Diagnostics
}

func newState() *state {
	return &state{
		live: newTree(), snapshot: newTree().snapshot(), unchecked: make(map[*Endpoint]bool), waiting: make(map[string]*Endpoint),
		down: make(map[string]error),
	}
}

// resolution is the work on one state.
type resolution struct {
	*ground
	*state
	previous *state
	between  map[spot]linkFault  // what is wrong between the files as they are written
	refusals map[string][]string // users who are to be refused, by company
}

// spot is the place of a diagnostic.
type spot struct {
	file string
	document.Place
}

func spotOf(f Diagnostic) spot { return spot{f.File, document.Place{Line: f.Line, Column: f.Column}} }

// resolve says what is to be live, from what has been live until now. It does no I/O. What is at fault leaves the live what
// was live of it, if anything; what takes access away holds although other parts of its file are at fault.
func (g *ground) resolve(previous *state) *state {
	if g.listing.silent {
		return g.keepEverything(previous)
	}
	r := resolution{
		ground: g, state: newState(), previous: previous, between: make(map[spot]linkFault), refusals: make(map[string][]string),
	}
	r.addFound(g.listing.found)
	for _, slug := range sortedKeys(g.branches) {
		r.addBranch(slug, g.branches[slug])
	}
	r.keepUnread()
	// The files are linked as they are, so that a mistake of one kind hides none of another.
	written := r.link(r.asWritten())
	for _, fault := range written.faults {
		if !fault.untold {
			r.faults = append(r.faults, fault.Diagnostic)
		}
		r.between[spotOf(fault.Diagnostic)] = fault
	}
	r.warnings = append(r.warnings, written.warnings...)
	r.linkAll()
	r.keepRefusals()
	r.contexts.forget()
	r.tellEffects()
	r.faults, r.warnings = r.faults.Sorted(), r.warnings.Sorted()
	if r.live.same(previous.live) {
		r.snapshot = previous.snapshot
	} else {
		r.snapshot = r.live.snapshot()
	}
	return r.state
}

// keepEverything leaves a catalog as it is whose root says nothing.
func (g *ground) keepEverything(previous *state) *state {
	kept := *previous
	kept.faults, kept.warnings = slices.Clone(g.listing.faults), slices.Clone(g.listing.warnings)
	for i := range kept.faults {
		kept.faults[i].Effect = effectWholeCatalog
	}
	return &kept
}

func (r *resolution) addFound(f found) {
	r.faults, r.warnings = append(r.faults, f.faults...), append(r.warnings, f.warnings...)
}

// addBranch decides about each file of a company by itself.
func (r *resolution) addBranch(slug string, b *branch) {
	r.addFound(b.found)
	if b.company != nil {
		r.addFound(b.company.found)
		r.addCompany(slug, b.company)
	}
	for _, file := range sortedKeys(b.files) {
		read := b.files[file]
		r.faults = append(r.faults, read.faults...)
		if read.endpoint == nil {
			r.keep(file)
			continue
		}
		r.addVerdict(read.endpoint)
		if chosen := r.choose(file, read); chosen != nil {
			r.live.endpoints[file] = chosen
		}
	}
}

func (r *resolution) addCompany(slug string, read *readCompany) {
	before := r.previous.live.companies[slug]
	switch {
	case read.sound != nil:
		r.live.companies[slug] = read.sound
	case before != nil && read.ahead != nil:
		r.live.companies[slug] = before.without(read.ahead)
	case before != nil && read.draft != nil:
		r.live.companies[slug] = before.deactivating(read.draft)
	case before != nil:
		r.live.companies[slug] = before
	}
}

// addVerdict reports what a source has said of a statement.
func (r *resolution) addVerdict(endpoint *Endpoint) {
	v := r.verdicts[endpoint]
	if v == nil {
		return
	}
	for _, fault := range v.faults(endpoint) {
		// Reading the file and the source both look for parameters that are not declared, for example, in different words.
		if !r.hasFaultAt(fault) {
			r.faults = append(r.faults, fault)
		}
	}
	r.warnings = append(r.warnings, v.warnings(endpoint)...)
	if (v.kind == unanswered || v.doubted) && v.reason != nil {
		r.down[endpoint.Source] = v.reason
	}
}

func (r *resolution) hasFaultAt(fault Diagnostic) bool {
	for i := len(r.faults) - 1; i >= 0 && r.faults[i].File == fault.File; i-- { // those of one file come together
		if r.faults[i].Line == fault.Line && r.faults[i].Column == fault.Column {
			return true
		}
	}
	return false
}

// choose says which revision of an endpoint is to be live, as far as its own file and its source decide; nil: none.
func (r *resolution) choose(file string, read *readFile) *Endpoint {
	endpoint, before := read.endpoint, r.previous.live.endpoints[file]
	if !read.sound {
		if before == nil || endpoint.Active {
			return r.stay(before)
		}
		off := before.WithoutAccess()
		r.keepUnchecked(off, r.previous.unchecked[before])
		return off
	}
	kind := r.kindOf(endpoint)
	checked := before != nil && !r.previous.unchecked[before]
	switch {
	case kind == accepted:
		return endpoint
	case !endpoint.Active: // callers do not find it, so that nothing has to be judged
		r.unchecked[endpoint] = true
		return endpoint
	case endpoint == before && !checked && kind == refused:
		return nil // it went live unchecked, and never was good
	case endpoint == before, checked && sameStatement(before, endpoint):
		r.keepUnchecked(endpoint, !checked)
		return endpoint
	case kind == unanswered && !checked:
		r.unchecked[endpoint] = true
		return endpoint
	case kind == unanswered && r.verdicts[endpoint].reason != nil:
		r.waiting[file] = endpoint
	}
	return r.stay(before)
}

func (g *ground) kindOf(endpoint *Endpoint) verdictKind {
	if g.verdicts == nil {
		return accepted
	}
	if v := g.verdicts[endpoint]; v != nil {
		return v.kind
	}
	return undecided
}

// stay lets an endpoint stay live whose file says something else now; nil when its source has refused what went live
// unchecked, and so never was good.
func (r *resolution) stay(before *Endpoint) *Endpoint {
	if before == nil || !r.previous.unchecked[before] {
		return before
	}
	switch r.kindOf(before) {
	case refused:
		return nil
	case accepted:
	default:
		r.unchecked[before] = true
	}
	return before
}

func (r *resolution) keepUnchecked(endpoint *Endpoint, unchecked bool) {
	if unchecked {
		r.unchecked[endpoint] = true
	}
}

// keep lets what was live of a file stay.
func (r *resolution) keep(file string) {
	if before := r.stay(r.previous.live.endpoints[file]); before != nil {
		r.live.endpoints[file] = before
	}
}

// keepUnread lets stay what was live of files that exist and cannot be read.
func (r *resolution) keepUnread() {
	unread := slices.Clone(r.listing.unread)
	for _, b := range r.branches {
		unread = append(unread, b.unread...)
	}
	if len(unread) == 0 {
		return
	}
	all := found{unread: unread}
	for file := range r.previous.live.endpoints {
		if r.live.endpoints[file] == nil && all.keeps(file) {
			r.keep(file)
		}
	}
	for slug, company := range r.previous.live.companies {
		if r.live.companies[slug] == nil && all.keeps(company.File) {
			r.live.companies[slug] = company
		}
	}
}

// asWritten is the tree as the files describe it: files with mistakes of their own take part as far as they can be read.
func (r *resolution) asWritten() *tree {
	all := &tree{companies: r.live.companies, endpoints: maps.Clone(r.live.endpoints)}
	for _, b := range r.branches {
		for file, read := range b.files {
			if read.endpoint != nil {
				all.endpoints[file] = read.endpoint
			}
		}
	}
	return all
}

// linkAll links what is to go live. A changed file that is at fault gives way to what was live before, which can make other
// files fit or not fit, so it is linked again until nothing changes. Each round takes at least one file back, so it ends.
// A file that did not change stays live with its diagnostic: what it grants was sound, and what is gone cannot be reached
// anyway. A file that is taken back and has no mistake itself is reported: without that nobody would know why it
// is not live.
func (r *resolution) linkAll() {
	for changed := true; changed; {
		changed = false
		for _, fault := range r.link(r.live).faults {
			taken := r.takeBack(fault)
			changed = changed || taken
			if taken && !slices.ContainsFunc(r.faults, func(f Diagnostic) bool { return f.File == fault.File }) {
				r.faults = append(r.faults, fault.Diagnostic)
			}
		}
		changed = r.refuseUsers() || changed
	}
}

// takeBack replaces a file that does not fit the others by what was live before, and reports whether that changed anything.
// Where nothing was, only what does not fit is stopped: a share that nobody can take is no share, of two shares that
// cannot be told apart neither is served, and a user whose share context would hide nothing is refused. A file of another
// company that has changed must not stop more than that.
func (r *resolution) takeBack(fault linkFault) bool {
	if endpoint := r.live.endpoints[fault.File]; endpoint != nil {
		before := r.previous.live.endpoints[fault.File]
		switch {
		case endpoint == before, !endpoint.Active:
			return false
		case before != nil:
			r.live.endpoints[fault.File] = before
			r.keepUnchecked(before, r.previous.unchecked[before])
			return true
		case slices.ContainsFunc(fault.rivals, r.wasLive): // whose share must not be lost to a newcomer's
			delete(r.live.endpoints, fault.File)
			return true
		}
		return false
	}
	company := r.live.companies[fault.company]
	if company == nil {
		return false
	}
	if stored := company.Stored[fault.user]; stored != "" && stored == fault.File { // which takes back nothing of the company's file
		r.refuse(fault)
		return false
	}
	if company.File != fault.File {
		return false
	}
	before := r.previous.live.companies[fault.company]
	if before == nil || len(before.refused) > 0 {
		r.refuse(fault)
		return false
	}
	if company == before || company.narrowed {
		return false
	}
	r.live.companies[fault.company] = before.without(company)
	return true
}

// refuse notes a user whose share context would hide nothing. A parameter that some endpoint has, which is at fault itself, is no slip
// of the pen.
func (r *resolution) refuse(fault linkFault) {
	if fault.user != "" && r.between[spotOf(fault.Diagnostic)].user == fault.user {
		r.refusals[fault.company] = append(r.refusals[fault.company], fault.user)
	}
}

// refuseUsers switches users off whom takeBack has found, and reports whether that changed anything.
func (r *resolution) refuseUsers() (changed bool) {
	for slug, users := range r.refusals {
		next := r.live.companies[slug].refusing(users)
		changed = changed || next != r.live.companies[slug]
		r.live.companies[slug] = next
	}
	clear(r.refusals)
	return changed
}

// keepRefusals keeps the pointer of a file of which the same users are refused as before.
func (r *resolution) keepRefusals() {
	for slug, company := range r.live.companies {
		before := r.previous.live.companies[slug]
		if len(company.refused) > 0 && before != nil && before.Digest == company.Digest && maps.Equal(before.refused, company.refused) {
			r.live.companies[slug] = before
		}
	}
}

func (r *resolution) wasLive(endpoint *Endpoint) bool {
	return r.previous.live.endpoints[endpoint.File] == endpoint
}

// snapshot makes the snapshot of a tree. The endpoints of a directory that is no company are left out.
func (t *tree) snapshot() *Snapshot {
	companies := make(map[string]*identity.Company, len(t.companies))
	for slug, file := range t.companies {
		companies[slug] = file.Company
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
