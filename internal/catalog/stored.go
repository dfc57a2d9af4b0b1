package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// Stored is what the store has of one company beside the files of its directory. What a file says goes before it. It must not be
// changed once it was handed over.
type Stored struct {
	Company   []byte            // the text of a company.yaml; nil: there is none
	Policies  map[string][]byte // the map of each policy, as company.yaml has it below policies
	Users     map[string][]byte // the map of each user, as company.yaml has it below users
	Endpoints map[string][]byte // the texts of endpoint files, by NAMESPACE/SLUG

	Versions map[string]Version // of Endpoints, for those who see how they are made
}

// Version says how an endpoint of the store has come to be what it is.
type Version struct {
	Number  int64  // 1 for the first, and one more for each change
	Author  string // the user's name; empty: an operator
	Message string // why, in the author's words
	At      time.Time
}

// SetStored says what the store has of a company from now on, in place of what was said before; nil: nothing. Only what has changed
// is read and asked about. What it returns is closed when what is sound of it is live, but for what takes a source over a second.
func (c *Catalog) SetStored(company string, stored *Stored) (done <-chan struct{}) {
	c.storedMu.Lock()
	before := c.stored[company]
	if stored == nil {
		delete(c.stored, company)
	} else {
		c.stored[company] = stored
	}
	c.storedMu.Unlock()
	if (before != nil && before.Company != nil) != (stored != nil && stored.Company != nil) {
		c.list() // there is a company more, or less
	}
	return c.request(company)
}

// Refresh reads a company again, as [Catalog.Reload] reads all of them. What it returns is closed when that has been done, but for
// what takes a source over a second.
func (c *Catalog) Refresh(company string) (done <-chan struct{}) { return c.request(company) }

// Settled returns what is closed when a company has been read as often as was asked for, by SetStored too. It asks for no reading, which takes as long as the
// company has files.
func (c *Catalog) Settled(company string) (done <-chan struct{}) {
	c.readersMu.Lock()
	r := c.readers[company]
	c.readersMu.Unlock()
	if r == nil {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return r.settled()
}

func (c *Catalog) storedOf(company string) *Stored {
	c.storedMu.Lock()
	defer c.storedMu.Unlock()
	if stored := c.stored[company]; stored != nil {
		return stored
	}
	return &Stored{}
}

// withStored adds the companies to those of the root that only the store has.
func (c *Catalog) withStored(companies []string) []string {
	c.storedMu.Lock()
	defer c.storedMu.Unlock()
	for slug, stored := range c.stored {
		if stored.Company != nil && dataapi.ValidSlug(slug) && !slices.Contains(companies, slug) {
			companies = append(companies, slug)
		}
	}
	slices.Sort(companies)
	return companies
}

// storedFault reports what is wrong with something of the store whose place a file has.
func (r *branchReader) storedFault(below, format string, args ...any) {
	fault := r.diagnostic(below, format, args...)
	fault.File = document.StoredName(below)
	r.faults = append(r.faults, fault)
}

// storedEndpoints are the endpoints of the store at whose addresses there is no file, not even one that cannot be read.
func (r *branchReader) storedEndpoints(files []endpointFile) (stored []endpointFile) {
	taken := make(map[string]bool, len(files))
	for _, file := range files {
		taken[file.address.Path()] = true
	}
	for _, at := range sortedKeys(r.stored.Endpoints) {
		namespace, slug, _ := strings.Cut(at, "/")
		below := path.Join(r.slug, at+".sql")
		switch {
		case !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug):
		case taken[at], r.keeps(r.name(below)):
			r.storedFault(below, "%s", shadowedBy(below))
		default:
			stored = append(stored, endpointFile{
				address: dataapi.Address{Company: r.slug, Namespace: namespace, Slug: slug}, below: below, stored: r.stored.Endpoints[at],
			})
		}
	}
	return stored
}

// shadowedBy says why an endpoint of the store is not served.
func shadowedBy(file string) string {
	return "the file " + file + " of the catalog is served at this address, and goes before what the console has; this endpoint comes back when the file goes"
}

// addsNothing reports whether a company's file alone says what the company is.
func (s *Stored) addsNothing() bool { return len(s.Policies)+len(s.Users) == 0 }

// digestWith tells apart what a company's file and the policies and users of the store say together.
func (s *Stored) digestWith(text []byte) [32]byte {
	if s.addsNothing() {
		return document.Digest(text)
	}
	hash := sha256.New()
	add := func(part []byte) {
		_, _ = hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part)))) // it never fails
		_, _ = hash.Write(part)
	}
	add(text)
	for _, kind := range []map[string][]byte{s.Policies, s.Users} {
		add([]byte(strconv.Itoa(len(kind))))
		for _, name := range sortedKeys(kind) {
			add([]byte(name))
			add(kind[name])
		}
	}
	return [32]byte(hash.Sum(nil))
}

// addTo adds the policies and users of the store to a company, and returns what is wrong with those that cannot be added.
func (s *Stored) addTo(slug string, company *document.CompanyFile) (faults Diagnostics) {
	for _, name := range sortedKeys(s.Policies) {
		report := document.Report{File: storedPolicy(slug, name)}
		company.AddPolicy(name, s.Policies[name], &report)
		faults = append(faults, report.All()...)
	}
	for _, name := range sortedKeys(s.Users) {
		report := document.Report{File: storedUser(slug, name)}
		company.AddUser(name, s.Users[name], &report)
		faults = append(faults, report.All()...)
	}
	return faults
}

func storedUser(slug, name string) string {
	return document.StoredName(path.Join(slug, usersDirectory, name))
}

func storedPolicy(slug, name string) string {
	return document.StoredName(path.Join(slug, policiesDirectory, name))
}

// Where diagnostics show users and policies of the store.
const (
	usersDirectory    = "users"
	policiesDirectory = "policies"
)

// draftOf is what can be said of a company whose file is at fault. What the store says of its users counts all the same: one who is
// deleted or deactivated there loses access.
func (s *Stored) draftOf(slug string, draft *identity.Company, live *companyFile) *identity.Company {
	if live == nil || len(live.Stored) == 0 {
		return draft
	}
	whole := identity.Company{Slug: slug, Active: true}
	if draft != nil {
		whole = *draft
	}
	whole.Users = maps.Clone(whole.Users)
	if whole.Users == nil {
		whole.Users = make(map[string]*identity.User)
	}
	for name := range live.Stored {
		if whole.Users[name] != nil {
			continue
		}
		now := &identity.User{Name: name} // who is not there, or cannot be read, is not active
		if value, kept := s.Users[name]; kept {
			alone := live.CompanyFile
			alone.Company = &identity.Company{Slug: slug, Policies: live.Company.Policies, Users: map[string]*identity.User{}}
			alone.Stored, alone.Contexts = map[string]string{}, map[string]map[string]document.ConstraintPlaces{}
			if alone.AddUser(name, value, &document.Report{File: storedUser(slug, name)}) {
				now = alone.Company.Users[name]
			}
		}
		whole.Users[name] = now
	}
	return &whole
}

// CheckUser says what a user of the store would be before it is stored, and what is wrong with it: the value is as in [Stored]. Its
// places are those in the value. A company that is not live has no users.
func (c *Catalog) CheckUser(company, name string, value []byte) (*identity.User, Diagnostics) {
	report := document.Report{File: storedUser(company, name)}
	whole := c.copyOf(company, &report)
	if whole == nil || !whole.AddUser(name, value, &report) {
		return nil, report.All()
	}
	made := whole.Company.Users[name]
	if !made.Active { // who is let in nowhere sees nothing that a share context would hide: switching off succeeds, whatever else is wrong
		return made, nil
	}
	if faults := c.contextFaults(whole, made); len(faults) > 0 {
		return nil, faults
	}
	return made, nil
}

// CheckPolicy is CheckUser for a policy.
func (c *Catalog) CheckPolicy(company, name string, value []byte) (*identity.Policy, Diagnostics) {
	report := document.Report{File: storedPolicy(company, name)}
	whole := c.copyOf(company, &report)
	if whole == nil || !whole.AddPolicy(name, value, &report) {
		return nil, report.All()
	}
	return whole.Company.Policies[name], nil
}

// copyOf returns a copy of a company, to which something may be added; nil: the company is at fault, as the report says then.
func (c *Catalog) copyOf(company string, report *document.Report) *document.CompanyFile {
	var live *companyFile
	c.look(func(g *ground) {
		if b := g.branches[company]; b != nil && b.company != nil && b.company.sound != nil {
			live = b.company.sound
		}
	})
	if live == nil {
		report.Fault(document.Place{Line: 1, Column: 1}, "the company's %s is at fault; users and policies can be changed when it is mended", companyFileName)
		return nil
	}
	copied, whole := live.CompanyFile, *live.Company
	whole.Users, whole.Policies = maps.Clone(whole.Users), maps.Clone(whole.Policies)
	copied.Company, copied.Stored, copied.Contexts = &whole, maps.Clone(copied.Stored), maps.Clone(copied.Contexts)
	return &copied
}
