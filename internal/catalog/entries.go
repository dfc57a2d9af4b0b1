package catalog

import (
	"cmp"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// The origins of an [Endpoint].
const (
	OfFile    = document.OfFile
	OfConsole = document.OfConsole
)

// Entry is an endpoint of a company as it is written, be it live or not. It is for those who may see how endpoints are made.
type Entry struct {
	dataapi.Address
	Origin   document.Origin
	File     string          // as in Endpoint.File
	Below    string          // of a file, below the catalog's root, with slashes; empty: it is of the console
	Written  *Endpoint       // what the text says; nil: too little can be read, or it is shadowed
	Live     *Endpoint       // what callers get, who reach it; nil: nothing
	Columns  []source.Column // of what is written, as its source describes them; nil: not known
	Faults   Diagnostics
	Warnings Diagnostics
	Shadowed bool // a file goes before it

	Text    []byte  // of the console; nil: it is a file
	Version Version // of the console
}

// Entries returns the endpoints of a company, ordered by namespace and slug, that of a file first where the console has one too. It
// returns nothing of a company that is not in the catalog.
func (c *Catalog) Entries(company string) []Entry {
	current, stored := c.current.Load(), c.storedOf(company)
	var entries []Entry
	c.look(func(g *ground) {
		b := g.branches[company]
		if b == nil {
			return
		}
		for name, read := range b.files {
			entries = append(entries, g.entry(name, read, current))
		}
	})
	if entries == nil && current.live.companies[company] == nil {
		return nil
	}
	for at := range stored.Endpoints {
		namespace, slug, _ := strings.Cut(at, "/")
		address := dataapi.Address{Company: company, Namespace: namespace, Slug: slug}
		name := document.StoredName(path.Join(company, at+".sql"))
		if !slices.ContainsFunc(entries, func(e Entry) bool { return e.File == name }) {
			entries = append(entries, Entry{Address: address, Origin: OfConsole, File: name, Shadowed: true})
		}
	}
	for i := range entries {
		if entry := &entries[i]; entry.Origin == OfConsole {
			entry.Text, entry.Version = stored.Endpoints[entry.Path()], stored.Versions[entry.Path()]
		}
	}
	faults, warnings := byFile(current.faults), byFile(c.Warnings())
	for i := range entries {
		entry := &entries[i]
		entry.Faults, entry.Warnings = faults[entry.File], warnings[entry.File]
		if owner := current.live.companies[company]; owner == nil || !owner.Company.Active {
			entry.Live = nil
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Slug, b.Slug), cmp.Compare(b.Origin, a.Origin))
	})
	return entries
}

func (g *ground) entry(name string, read *readFile, current *state) Entry {
	entry := Entry{Address: read.address, Origin: OfFile, File: name, Written: read.endpoint}
	if _, stored := document.StoredPath(name); stored {
		entry.Origin = OfConsole
	} else {
		entry.Below = path.Join(read.address.Company, read.address.Path()+".sql")
	}
	if v := g.verdicts[read.endpoint]; v != nil && read.endpoint != nil {
		entry.Columns = v.columns
	}
	if live := current.live.endpoints[name]; live != nil && live.Active {
		entry.Live = live
	}
	return entry
}

func byFile(diagnostics Diagnostics) map[string]Diagnostics {
	by := make(map[string]Diagnostics)
	for _, one := range diagnostics {
		by[one.File] = append(by[one.File], one)
	}
	return by
}

// ReadFile returns the present text of an endpoint's file; ok is false when it cannot be read.
func (c *Catalog) ReadFile(address dataapi.Address) (text []byte, ok bool) {
	root, err := os.OpenRoot(c.root)
	if err != nil {
		return nil, false
	}
	defer root.Close()
	s := scanner{given: c.root, root: root}
	defer s.close()
	return s.read(path.Join(address.Company, address.Path()+".sql"))
}
