package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/catalog/watch"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// maxFileSize is the most bytes that a file of the catalog may have.
const maxFileSize = 1 << 20

const companyFileName = "company.yaml"

// tree is what a snapshot is made of.
type tree struct {
	companies map[string]*companyFile // by slug
	endpoints map[string]*Endpoint    // by file, as in Endpoint.File
}

func newTree() *tree {
	return &tree{companies: make(map[string]*companyFile), endpoints: make(map[string]*Endpoint)}
}

// ofFiles counts the companies that have a file.
func (t *tree) ofFiles() (count int) {
	for _, company := range t.companies {
		if _, stored := document.StoredPath(company.File); !stored {
			count++
		}
	}
	return count
}

// listing is what the root says: which directories there are. It is immutable.
type listing struct {
	companies []string // the slugs of the directories that can be companies
	found
	silent bool // the root says nothing, so that everything stays as it is
}

func (l listing) has(slug string) bool { return slices.Contains(l.companies, slug) }

func (l listing) same(other listing) bool {
	return l.silent == other.silent && slices.Equal(l.companies, other.companies) && l.found.same(other.found)
}

// found is what a scan has met beside what it was looking for.
type found struct {
	faults   Diagnostics
	warnings Diagnostics
	unread   []string // files and directories that exist and say nothing, since they cannot be read: what was live of them stays
}

func (f found) same(other found) bool {
	return slices.Equal(f.faults, other.faults) && slices.Equal(f.warnings, other.warnings) && slices.Equal(f.unread, other.unread)
}

// keeps reports whether what was live of a file stays because the file, or a directory above it, cannot be read.
func (f found) keeps(file string) bool {
	return slices.ContainsFunc(f.unread, func(unread string) bool {
		return file == unread || strings.HasPrefix(file, unread+string(filepath.Separator))
	})
}

// scanRoot lists a catalog. A directory that is gone is gone: what was deleted grants nothing. A root that is gone says
// nothing, and neither does an empty one that had companies before: that is a mount that failed, or a checkout under way.
func scanRoot(given string, before int) listing {
	s := scanner{given: given}
	opened, err := os.OpenRoot(given)
	if err != nil {
		s.unreadable("", err)
		return listing{found: s.found, silent: true}
	}
	defer opened.Close()
	s.root = opened
	entries := s.list("")
	if len(s.unread) > 0 && s.unread[0] == given {
		return listing{found: s.found, silent: true}
	}
	if !slices.ContainsFunc(entries, func(e entry) bool { return e.dir }) && before > 0 && len(s.faults) == 0 {
		s.fault("", "is empty, and had %d companies before; to withdraw a company, set active: false in its %s", before, companyFileName)
		return listing{found: s.found, silent: true}
	}
	var companies []string
	for _, entry := range entries {
		switch {
		case !entry.dir:
			s.misplaced(entry)
		case s.validDirectory(entry.name, "company"):
			companies = append(companies, entry.name)
		}
	}
	return listing{companies: companies, found: s.found}
}

type scanner struct {
	found
	given    string // the root as the operator wrote it
	root     *os.Root
	dialects document.Dialects
	now      time.Time     // not after the files are looked at; zero: their stamps are of no use
	reads    *atomic.Int64 // counts those that are read; nil: nobody does

	directory     *os.Root // of the file that was opened last; nil: none was
	directoryName string
}

// entry is a file or directory that is not ignored.
type entry struct {
	name  string
	path  string // below the root, with slashes
	dir   bool
	stamp watch.Stamp // of a file
}

// list reads a directory below the root; "" is the root. It reports what cannot belong there.
func (s *scanner) list(directory string) []entry {
	opened, err := s.root.OpenRoot(path.Join(".", filepath.FromSlash(directory)))
	if err != nil {
		s.unreadable(directory, err)
		return nil
	}
	defer opened.Close()
	found, err := fs.ReadDir(opened.FS(), ".")
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
		link := one.Type()&fs.ModeSymlink != 0
		info, err := s.look(one, below, link)
		switch {
		case err != nil && link:
			s.fault(below, "is a symbolic link that leads out of the catalog or nowhere; allowed are links to files and directories of the catalog")
			s.keep(below)
		case err != nil:
			s.unreadable(below, err)
		case info.IsDir():
			entries = append(entries, entry{name: name, path: below, dir: true})
		case info.Mode().IsRegular():
			entries = append(entries, entry{name: name, path: below, stamp: watch.NewStamp(info, s.now)})
		default:
			s.fault(below, "is neither a file nor a directory")
		}
	}
	return entries
}

// look asks the system about a file. It follows links as long as they stay below the root.
func (s *scanner) look(file fs.DirEntry, below string, link bool) (os.FileInfo, error) {
	if link {
		return s.root.Stat(filepath.FromSlash(below))
	}
	return file.Info() // the system was asked when the directory was read
}

// ignored reports whether a name does not concern the catalog: hidden files, editors' backups, documentation.
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

func (s *scanner) validDirectory(below, what string) bool {
	if dataapi.ValidSlug(path.Base(below)) {
		return true
	}
	s.fault(below, "the directory's name is the %s's slug; it must be %s. A directory whose name begins with a dot is ignored%s",
		what, dataapi.SlugRule, document.DidYouMean(document.SlugMeant(path.Base(below))))
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
		advice = "; what is to be said of an endpoint belongs in its own file, between the lines " +
			document.FrontMatterBegin + " and " + document.FrontMatterEnd
	case extension == ".yaml" || extension == ".yml":
		if near := dataapi.Nearest(file.name, []string{companyFileName}); near != "" {
			advice = document.DidYouMean(near)
		}
	}
	s.warnings = append(s.warnings, s.diagnostic(file.path,
		"is ignored; the catalog reads <company>/%s and <company>/<namespace>/<slug>.sql%s", companyFileName, advice))
}

// sqlExtensions are those that other tools give to files of SQL.
var sqlExtensions = []string{".psql", ".pgsql", ".plsql", ".tsql", ".mysql", ".sqlite", ".duckdb", ".ddl", ".dml", ".query", ".sqlx", ".hql"}

// fileMeant is the name of an endpoint file that is made of another one's, without its extension.
func fileMeant(name string) string {
	if slug := document.SlugMeant(name); slug != "" {
		return document.DidYouMean(slug + ".sql")
	}
	return ""
}

// open opens a file below the root. The files of one directory are opened one after the other, so that it is kept open.
func (s *scanner) open(below string) (*os.File, error) {
	directory, name := path.Split(below)
	if s.directory == nil || s.directoryName != directory {
		s.close()
		opened, err := s.root.OpenRoot(path.Join(".", filepath.FromSlash(directory)))
		if err != nil {
			return nil, err
		}
		s.directory, s.directoryName = opened, directory
	}
	file, err := s.directory.Open(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a link may lead to another directory below the root
		return s.root.Open(filepath.FromSlash(below))
	}
	return file, err
}

// close gives back what open has kept.
func (s *scanner) close() {
	if s.directory != nil {
		_ = s.directory.Close()
		s.directory = nil
	}
}

// read returns a file's bytes. A file that was deleted just now is not there, and no fault.
func (s *scanner) read(below string) ([]byte, bool) {
	if s.reads != nil {
		s.reads.Add(1)
	}
	file, err := s.open(below)
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
		err = cause.Err // without the path, which is before it already
	}
	s.fault(below, "cannot be read: %v", err)
	s.keep(below)
}

// keep lets what was live of a file, or of everything below a directory, stay live; "" is the root.
func (s *scanner) keep(below string) { s.unread = append(s.unread, s.name(below)) }

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

// name is a path as diagnostics show it.
func (s *scanner) name(below string) string {
	return filepath.Join(s.given, filepath.FromSlash(below))
}

func (s *scanner) fault(below, format string, args ...any) {
	s.faults = append(s.faults, s.diagnostic(below, format, args...))
}

func (s *scanner) diagnostic(below, format string, args ...any) Diagnostic {
	return Diagnostic{File: s.name(below), Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}
}
