package catalog

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// maxFileSize is the most bytes that a file of the catalog may have.
const maxFileSize = 1 << 20

const companyFileName = "company.yaml"

// tree is what was found in the files, before the files are checked against each other.
type tree struct {
	companies map[string]*companyFile // by slug
	endpoints map[string]*Endpoint    // by file, as in Endpoint.File
	read      map[string]*readFile    // the endpoint files as they are now, by file
	failed    map[string]bool         // company files that are not live as they are now
	kept      string                  // the root, when everything was kept because it says nothing; else ""
	faults    Faults
	warnings  Faults
}

// readFile is what an endpoint file says now, which need not be what is live. It is kept from reading to reading while
// the file does not change, so that each revision is one Endpoint.
type readFile struct {
	text     [32]byte
	endpoint *Endpoint // nil when the file says too little
	sound    bool      // the endpoint has no fault of its own and may go live
	faults   Faults
	warnings Faults
}

func newTree() *tree {
	return &tree{
		companies: make(map[string]*companyFile), endpoints: make(map[string]*Endpoint), read: make(map[string]*readFile),
		failed: make(map[string]bool),
	}
}

// scan reads a whole tree. What previous read from the same bytes is taken over; of a file that is at fault now, what
// previous read is kept. A file or directory that is gone is gone: what was deleted grants nothing. A directory that
// exists and cannot be read says nothing, so what previous read below it is kept, with a fault. A root that is gone or
// empty says nothing either: that is a mount that failed, or a checkout under way.
func scan(root string, previous *tree) *tree {
	s := scanner{given: root, previous: previous, tree: newTree()}
	opened, err := os.OpenRoot(root)
	if err != nil {
		s.unreadable("", err)
		return s.tree
	}
	defer opened.Close()
	s.root = opened
	entries := s.list("")
	if !slices.ContainsFunc(entries, func(e entry) bool { return e.dir }) && previous != nil && len(previous.companies) > 0 &&
		len(s.faults) == 0 {
		s.fault("", "is empty, and had %d companies before; to withdraw a company, set active: false in its %s",
			len(previous.companies), companyFileName)
		s.keep("")
	}
	for _, entry := range entries {
		if entry.dir {
			s.company(entry.name)
			continue
		}
		s.misplaced(entry)
	}
	return s.tree
}

type scanner struct {
	*tree
	given    string // the root as the operator wrote it
	root     *os.Root
	previous *tree
}

// entry is a file or directory that is not ignored.
type entry struct {
	name string
	path string // below the root, with slashes
	dir  bool
}

// list reads a directory below the root; "" is the root. It reports what cannot belong there.
func (s *scanner) list(directory string) []entry {
	found, err := fs.ReadDir(s.root.FS(), path.Join(".", directory))
	if err != nil {
		s.unreadable(directory, err)
		return nil
	}
	var entries []entry
	for _, one := range found {
		name := one.Name()
		if ignored(name) {
			continue
		}
		below := path.Join(directory, name)
		// Stat follows links as long as they stay below the root.
		info, err := s.root.Stat(filepath.FromSlash(below))
		switch {
		case err != nil && one.Type()&fs.ModeSymlink != 0:
			s.fault(below, "is a symbolic link that leads out of the catalog or nowhere; allowed are links to files and directories of the catalog")
			s.keep(below)
		case err != nil:
			s.unreadable(below, err)
		case info.IsDir():
			entries = append(entries, entry{name, below, true})
		case info.Mode().IsRegular():
			entries = append(entries, entry{name, below, false})
		default:
			s.fault(below, "is neither a file nor a directory")
		}
	}
	return entries
}

// ignored reports whether a name is none of the catalog's business: hidden files, editors' backups, documentation.
func ignored(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~") {
		return true
	}
	upper := strings.ToUpper(name)
	if strings.HasPrefix(upper, "README") || strings.HasPrefix(upper, "LICENSE") {
		return true
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".md", ".txt", ".bak", ".orig", ".rej", ".swp", ".swo", ".tmp":
		return true
	}
	return false
}

func (s *scanner) company(slug string) {
	if !s.validDirectory(slug, "company") {
		return
	}
	hasFile := false
	for _, entry := range s.list(slug) {
		switch {
		case entry.dir:
			s.namespace(slug, entry)
		case entry.name == companyFileName:
			hasFile = true
			s.readCompany(slug, entry.path)
		default:
			s.misplaced(entry)
		}
	}
	if kept := s.tree.companies[slug]; !hasFile && kept == nil {
		s.fault(path.Join(slug, companyFileName), "is missing; every directory of the catalog is a company and needs one")
	}
}

func (s *scanner) namespace(company string, directory entry) {
	if !s.validDirectory(directory.path, "namespace") {
		return
	}
	for _, entry := range s.list(directory.path) {
		slug, isSQL := strings.CutSuffix(entry.name, ".sql")
		switch {
		case entry.dir:
			s.fault(entry.path, "is a directory below a namespace; allowed are <company>/<namespace>/<slug>.sql")
		case !isSQL:
			s.misplaced(entry)
		case !dataapi.ValidSlug(slug):
			s.fault(entry.path, "the file's name without .sql is the endpoint's slug; it must be %s%s", dataapi.SlugRule, fileMeant(slug))
		default:
			s.readEndpoint(dataapi.Address{Company: company, Namespace: directory.name, Slug: slug}, entry.path)
		}
	}
}

func (s *scanner) validDirectory(below, what string) bool {
	if dataapi.ValidSlug(path.Base(below)) {
		return true
	}
	s.fault(below, "the directory's name is the %s's slug; it must be %s. A directory whose name begins with a dot is ignored%s",
		what, dataapi.SlugRule, didYouMean(slugMeant(path.Base(below))))
	return false
}

// misplaced reports a file that is not read. A statement or a company file that nobody serves is a fault, since its
// author believes it live; anything else is worth a warning.
func (s *scanner) misplaced(file entry) {
	name, extension := strings.TrimSuffix(file.name, path.Ext(file.name)), strings.ToLower(path.Ext(file.name))
	inNamespace := strings.Count(file.path, "/") == 2
	advice := ""
	switch {
	case extension == ".sql":
		if inNamespace {
			advice = fileMeant(name)
		}
		s.fault(file.path, "is not served here; endpoints are <company>/<namespace>/<slug>.sql, in lower case%s", advice)
		return
	case strings.HasPrefix(strings.ToLower(file.name), "company."):
		s.fault(file.path, "is not read here; a company is described by <company>/%s", companyFileName)
		return
	case inNamespace && slices.Contains(sqlExtensions, extension):
		advice = fileMeant(name)
	case inNamespace && (extension == ".yaml" || extension == ".yml" || extension == ".json" || extension == ".toml"):
		advice = "; what is to be said of an endpoint stands in its own file, between the lines " + frontMatterBegin + " and " + frontMatterEnd
	case extension == ".yaml" || extension == ".yml":
		if near := dataapi.Nearest(file.name, []string{companyFileName}); near != "" {
			advice = didYouMean(near)
		}
	}
	r := report{file: s.name(file.path)}
	r.warn(place{1, 1}, "is ignored; the catalog reads <company>/%s and <company>/<namespace>/<slug>.sql%s", companyFileName, advice)
	s.warnings = append(s.warnings, r.warnings...)
}

// sqlExtensions are those that other tools give to files of SQL.
var sqlExtensions = []string{".psql", ".pgsql", ".plsql", ".tsql", ".mysql", ".sqlite", ".duckdb", ".ddl", ".dml", ".query", ".sqlx", ".hql"}

// fileMeant is the name of an endpoint file that is made of another one's, without its extension.
func fileMeant(name string) string {
	if slug := slugMeant(name); slug != "" {
		return didYouMean(slug + ".sql")
	}
	return ""
}

func (s *scanner) readCompany(slug, below string) {
	text, ok := s.read(below)
	if !ok {
		return
	}
	if before := s.previousCompany(slug); before != nil && before.text == sum(text) && !before.narrowed {
		s.tree.companies[slug] = before
		return
	}
	r := report{file: s.name(below)}
	parsed, draft := parseCompany(slug, text, &r)
	if parsed != nil {
		s.tree.companies[slug] = parsed
	} else {
		s.keep(below)
		if kept := s.tree.companies[slug]; kept != nil && draft != nil {
			s.tree.companies[slug] = kept.deactivating(draft)
		}
	}
	s.faults, s.warnings = append(s.faults, r.faults...), append(s.warnings, r.warnings...)
}

func (s *scanner) readEndpoint(address dataapi.Address, below string) {
	text, ok := s.read(below)
	if !ok {
		return
	}
	file := s.name(below)
	read := s.previousRead(file, sum(text))
	if read == nil {
		r := report{file: file}
		read = &readFile{text: sum(text)}
		read.endpoint, read.sound = parseEndpoint(address, text, &r)
		read.faults, read.warnings = r.faults, r.warnings
	}
	s.tree.read[file] = read
	if read.sound {
		s.endpoints[file] = read.endpoint
	} else {
		s.keep(below)
	}
	s.faults, s.warnings = append(s.faults, read.faults...), append(s.warnings, read.warnings...)
}

// previousRead returns what was read from the same bytes before.
func (s *scanner) previousRead(file string, text [32]byte) *readFile {
	if s.previous == nil {
		return nil
	}
	if live := s.previous.endpoints[file]; live != nil && live.text == text {
		return &readFile{text: text, endpoint: live, sound: true}
	}
	if read := s.previous.read[file]; read != nil && read.text == text {
		return read
	}
	return nil
}

// read returns a file's bytes. A file that was deleted just now is not there, and no fault.
func (s *scanner) read(below string) ([]byte, bool) {
	file, err := s.root.Open(filepath.FromSlash(below))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		s.unreadable(below, err)
		return nil, false
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		s.unreadable(below, err)
		return nil, false
	}
	if len(text) > maxFileSize {
		s.fault(below, "is larger than 1 MiB")
		s.keep(below)
		return nil, false
	}
	return text, true
}

// unreadable reports what cannot be read, and keeps what was read there before. What is gone is no fault, unless it is
// the root.
func (s *scanner) unreadable(below string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		if below == "" {
			s.fault(below, "does not exist; it must be a directory with one directory for each company%s", relativeTo(s.given))
			s.keep(below)
		}
		return
	}
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err // without the path, which stands before it already
	}
	s.fault(below, "cannot be read: %v", err)
	s.keep(below)
}

// relativeTo ends a sentence about a file that is not there: it says where a relative path begins, and nothing of others.
func relativeTo(given string) string {
	if filepath.IsAbs(given) {
		return ""
	}
	directory, err := os.Getwd()
	if err != nil {
		return ""
	}
	return "; a relative path begins at " + directory + ", where the program was started"
}

// keep takes over what previous had live of a file, or of everything below a directory; "" is the root.
func (s *scanner) keep(below string) {
	if s.previous == nil {
		return
	}
	name := s.name(below)
	if below == "" {
		s.kept = name
	}
	inside := name + string(filepath.Separator)
	for file, endpoint := range s.previous.endpoints {
		if below == "" || file == name || strings.HasPrefix(file, inside) {
			s.endpoints[file] = endpoint
		}
	}
	for slug, company := range s.previous.companies {
		if below == "" || company.file == name || strings.HasPrefix(company.file, inside) {
			s.tree.companies[slug] = company
			s.failed[company.file] = true
		}
	}
}

func (s *scanner) previousCompany(slug string) *companyFile {
	if s.previous == nil {
		return nil
	}
	return s.previous.companies[slug]
}

// name is a path as faults show it.
func (s *scanner) name(below string) string {
	return filepath.Join(s.given, filepath.FromSlash(below))
}

func (s *scanner) fault(below, format string, args ...any) {
	s.faults = append(s.faults, Fault{File: s.name(below), Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)})
}

// sum tells the contents of files apart.
func sum(text []byte) [32]byte { return sha256.Sum256(text) }
