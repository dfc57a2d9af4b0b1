package catalog

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/catalog/watch"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// branch is what the files of one company's directory say, which need not be what is live. It is immutable.
type branch struct {
	company *readCompany         // nil: there is no company.yaml, or it cannot be read
	written watch.Stamp          // of the company.yaml, where it alone decides what company is
	files   map[string]*readFile // the endpoint files, by file
	found
}

// readCompany is what a company.yaml says. It is kept from reading to reading while the file does not change.
type readCompany struct {
	file  string
	text  [32]byte
	sound *companyFile      // nil when it has a fault of its own
	draft *identity.Company // of a file at fault: what could be read all the same, or nil
	ahead *companyFile      // of a file that is sound: nothing but what it takes away counts yet
	found
}

// takingAway is the file as it counts before the endpoint files beside it have been read, which may belong to one change with
// it: what it grants or limits could not fit them yet.
func (c *readCompany) takingAway() *readCompany {
	if c == nil || c.sound == nil {
		return c
	}
	return &readCompany{file: c.file, ahead: c.sound}
}

// readFile is what an endpoint file says. It is kept from reading to reading while the file does not change, so that each
// revision is one Endpoint.
type readFile struct {
	address  dataapi.Address
	written  watch.Stamp
	text     [32]byte
	endpoint *Endpoint // nil when the file says too little
	sound    bool      // the endpoint has no fault of its own and may go live
	faults   Diagnostics
}

// at is the file with another stamp, and the same text.
func (f *readFile) at(written watch.Stamp) *readFile {
	if f.written == written {
		return f
	}
	copied := *f
	copied.written = written
	return &copied
}

// same reports whether nothing has changed from one reading to the next. The stamps of files may have.
func (b *branch) same(other *branch) bool {
	return other != nil && b.company == other.company && maps.EqualFunc(b.files, other.files, (*readFile).same) && b.found.same(other.found)
}

// stampedAs reports whether the stamps of the files, whose texts are the same, have not changed.
func (b *branch) stampedAs(other *branch) bool {
	return b.written == other.written && maps.Equal(b.files, other.files)
}

func (f *readFile) same(other *readFile) bool {
	return f == other || f.text == other.text && f.endpoint == other.endpoint && f.sound == other.sound && slices.Equal(f.faults, other.faults)
}

// heavyFile is the size in bytes from which an endpoint file is read in turn with those of others: the tree of its YAML takes
// a hundred times as much memory. A company.yaml waits for nothing, since it may take access away.
const heavyFile = 64 << 10

// heavy lets two files through at a time. Those who wait are served in turn, and no company waits with more than one.
var heavy = make(chan struct{}, 2)

// branchReader reads one company's directory in two passes, so that what takes access away does not wait for anything:
// the first one lists, reads company.yaml and what endpoint files switch off, the second one everything else that has
// changed. told is called after the first pass.
type branchReader struct {
	scanner
	slug     string
	stored   *Stored // what the store has beside the directory
	authors  document.Authors
	live     *tree         // what is live as the reading begins
	previous *branch       // as it was read before, or nil
	told     func(*branch) // is given what is known so far; files that are not read yet are as they were before
	stop     func() bool   // reports that the reading is to end, since it has to begin again
}

// errDirectoryGone says that there is no directory to read: whether the company is gone is for the root to say.
var errDirectoryGone = errors.New("the company's directory is gone")

// read returns what the directory says. Complete is false when it was stopped: the branch is good all the same, and
// another reading goes on where it ended.
func (r *branchReader) read() (b *branch, complete bool, err error) {
	defer r.close()
	if r.previous == nil {
		r.previous = &branch{}
	}
	b = &branch{files: make(map[string]*readFile)}
	files, hasFile, written, err := r.list()
	if err != nil {
		return nil, false, err
	}
	b.company = r.company(hasFile, written)
	if b.company != nil && r.stored.addsNothing() {
		b.written = written
	}
	files = append(files, r.storedEndpoints(files)...)
	var changed []endpointFile
	for _, file := range files {
		if later := r.glance(b, file); later {
			changed = append(changed, file)
		}
	}
	b.found = r.found
	for i, file := range changed {
		if i == 0 {
			first := b.clone()
			if first.company != r.previous.company {
				first.company, first.written = first.company.takingAway(), watch.Stamp{}
			}
			r.told(first)
		}
		if i > 0 && r.stop() {
			return b, false, nil
		}
		r.readEndpoint(b, file)
		b.found = r.found
	}
	return b, true, nil
}

func (b *branch) clone() *branch {
	copied := *b
	copied.files = maps.Clone(b.files)
	return &copied
}

// endpointFile is the file of an endpoint, or what the store has in its place.
type endpointFile struct {
	address dataapi.Address
	below   string
	written watch.Stamp // zero: it is to be read
	stored  []byte      // its text; nil: it is a file
}

// nameOf is the file as diagnostics show it.
func (r *branchReader) nameOf(file endpointFile) string {
	if file.stored != nil {
		return document.StoredName(file.below)
	}
	return r.name(file.below)
}

func (r *branchReader) textOf(file endpointFile) ([]byte, bool) {
	if file.stored != nil {
		return file.stored, true
	}
	return r.scanner.read(file.below)
}

// list finds the endpoint files, and reports what cannot belong there.
func (r *branchReader) list() (files []endpointFile, hasFile bool, written watch.Stamp, err error) {
	if _, err := r.root.Stat(r.slug); errors.Is(err, fs.ErrNotExist) {
		if r.stored.Company != nil {
			return nil, false, watch.Stamp{}, nil
		}
		return nil, false, watch.Stamp{}, errDirectoryGone
	}
	for _, entry := range r.scanner.list(r.slug) {
		switch {
		case entry.dir:
			files = append(files, r.namespace(entry)...)
		case entry.name == companyFileName:
			hasFile, written = true, entry.stamp
		default:
			r.misplaced(entry)
		}
	}
	return files, hasFile, written, nil
}

func (r *branchReader) namespace(directory entry) (files []endpointFile) {
	if !r.validDirectory(directory.path, "namespace") {
		return nil
	}
	for _, entry := range r.scanner.list(directory.path) {
		slug, isSQL := strings.CutSuffix(entry.name, ".sql")
		switch {
		case entry.dir:
			r.fault(entry.path, "is a directory below a namespace; allowed are <company>/<namespace>/<slug>.sql")
		case !isSQL:
			r.misplaced(entry)
		case !dataapi.ValidSlug(slug):
			r.fault(entry.path, "the file's name without .sql is the endpoint's slug; it must be %s%s", dataapi.SlugRule, fileMeant(slug))
		default:
			files = append(files, endpointFile{
				address: dataapi.Address{Company: r.slug, Namespace: directory.name, Slug: slug}, below: entry.path, written: entry.stamp,
			})
		}
	}
	return files
}

// company reads what describes the company: its file, or else what the store has.
func (r *branchReader) company(hasFile bool, written watch.Stamp) *readCompany {
	below := path.Join(r.slug, companyFileName)
	switch {
	case hasFile:
		if r.stored.Company != nil {
			r.storedFault(below, "%s describes this company, and goes before what the store has; remove one of them", r.name(below))
		}
		if before := r.previous.company; r.stored.addsNothing() && before != nil && r.previous.written.IsOf(written) {
			return before
		}
		text, ok := r.scanner.read(below)
		if !ok {
			return nil
		}
		return r.readCompany(r.name(below), text)
	case r.keeps(r.name(below)):
		return nil
	case r.stored.Company != nil:
		return r.readCompany(document.StoredName(below), r.stored.Company)
	}
	r.fault(below, "is missing; every directory of the catalog is a company and needs one")
	return nil
}

func (r *branchReader) readCompany(name string, text []byte) *readCompany {
	digest := r.stored.digestWith(text)
	if before := r.previous.company; before != nil && before.text == digest && before.file == name {
		return before
	}
	report := document.Report{File: name}
	read := &readCompany{file: name, text: digest}
	sound, draft := document.ParseCompany(r.slug, text, &report)
	read.draft = draft
	read.faults = report.All()
	if sound != nil {
		sound.Digest = digest
		_, sound.Company.Stored = document.StoredPath(name)
		read.faults = append(read.faults, r.stored.addTo(r.slug, sound)...)
		read.sound = &companyFile{CompanyFile: *sound}
	} else {
		read.draft = r.stored.draftOf(r.slug, draft, r.live.companies[r.slug])
	}
	return read
}

// switchesOff matches front matter that takes its endpoint away.
var switchesOff = regexp.MustCompile(`(?m)^active:\s*(false|no|off)\b`)

// glance takes over a file that has not changed, and reads one that switches its endpoint off. Of another one that has
// changed it takes over what was read before, and reports that it is to be read.
func (r *branchReader) glance(b *branch, file endpointFile) (later bool) {
	name := r.nameOf(file)
	before := r.previous.files[name]
	if before != nil && before.written.IsOf(file.written) {
		b.files[name] = before
		return false
	}
	if before == nil && r.live.endpoints[name] == nil {
		return true // nothing can be taken away
	}
	text, ok := r.textOf(file)
	if !ok {
		return false
	}
	switch digest := document.Digest(text); {
	case before != nil && before.text == digest:
		b.files[name] = before.at(file.written)
	case r.isLive(name, digest):
		b.files[name] = &readFile{address: file.address, written: file.written, text: digest, endpoint: r.live.endpoints[name], sound: true}
	case switchesOff.Match(text):
		r.parse(b, file, text)
	default:
		if before != nil {
			b.files[name] = before
		}
		return true
	}
	return false
}

// isLive reports whether a text is that of the revision which is live, as when an edit was undone.
func (r *branchReader) isLive(file string, text [32]byte) bool {
	live := r.live.endpoints[file]
	return live != nil && live.Digest == text && !live.SwitchedOff
}

// readEndpoint reads a file again, rather than keep the texts of all files at once.
func (r *branchReader) readEndpoint(b *branch, file endpointFile) {
	text, ok := r.textOf(file)
	if !ok {
		delete(b.files, r.nameOf(file))
		return
	}
	r.parse(b, file, text)
}

func (r *branchReader) parse(b *branch, file endpointFile, text []byte) {
	defer lockLargeFile(text)()
	report := document.Report{File: r.nameOf(file), Dialects: r.dialects}
	read := &readFile{address: file.address, written: file.written, text: document.Digest(text)}
	if file.stored != nil {
		read.endpoint, read.sound = document.ParseStoredEndpoint(file.address, text, r.authors, &report)
	} else {
		read.endpoint, read.sound = document.ParseEndpoint(file.address, text, &report)
	}
	read.faults = report.All()
	b.files[report.File] = read
}

// lockLargeFile waits until a large file may be read, and returns what ends that.
func lockLargeFile(text []byte) (done func()) {
	if len(text) < heavyFile {
		return func() {}
	}
	heavy <- struct{}{}
	return func() { <-heavy }
}

// readBranch reads the directory of a company once, from its beginning to its end.
func readBranch(given string, root *os.Root, slug string, dialects document.Dialects) (*branch, error) {
	r := branchReader{
		scanner: scanner{given: given, root: root, dialects: dialects}, slug: slug, live: newTree(), stored: &Stored{},
		told: func(*branch) {}, stop: func() bool { return false },
	}
	b, _, err := r.read()
	return b, err
}
