package document

import (
	"fmt"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// storedPrefix begins the names of documents of the store, where others have the path of a file.
const storedPrefix = "console:"

// StoredName is how diagnostics name a document of the store that would be a file at this path below the catalog's root.
func StoredName(path string) string { return storedPrefix + path }

// StoredPath returns what [StoredName] was given; ok is false for the name of a file.
func StoredPath(name string) (path string, ok bool) { return strings.CutPrefix(name, storedPrefix) }

// OfFiles returns the diagnostics of files alone.
func (f Diagnostics) OfFiles() Diagnostics {
	return slices.DeleteFunc(slices.Clone(f), func(one Diagnostic) bool {
		_, stored := StoredPath(one.File)
		return stored
	})
}

// Authors are the companies whose users may publish statements on a source from the console, by source. A source without authors
// is in it too, as far as it is configured.
type Authors map[string][]string

// Of returns the sources on which a company may publish, in their order.
func (a Authors) Of(company string) (sources []string) {
	for source, companies := range a {
		if slices.Contains(companies, company) {
			sources = append(sources, source)
		}
	}
	slices.Sort(sources)
	return sources
}

// Refusal says why a company may not publish on a source, and what the operator would have to write; empty: it may. Other companies
// are not named: one need not know of the other.
func (a Authors) Refusal(company, source string) string {
	companies, configured := a[source]
	switch allowed := a.Of(company); {
	case slices.Contains(companies, company):
		return ""
	case configured:
		by := "the line `authors " + company + "`"
		if len(companies) > 0 {
			by = "adding " + company + " to the line `authors`"
		}
		return "company " + company + " may not publish statements on source " + source +
			"; an operator of the server allows it by " + by + " in the source's block of the Caddyfile"
	case len(allowed) > 0:
		return "there is no source " + dataapi.Echo(source) + " on which company " + company + " may publish" + Alternatives(source, allowed)
	default:
		return "there is no source on which company " + company + " may publish; an operator of the server allows one by the line `authors " +
			company + "` in its block of the Caddyfile"
	}
}

// CompanyText is the text of a company.yaml that says nothing but a name, which may be empty.
func CompanyText(name string) ([]byte, error) {
	if name == "" {
		return []byte("users: {}\n"), nil
	}
	text := []byte("name: " + string(quoteJSON(name)) + "\n")
	report := &Report{}
	if read, _ := ParseCompany("company", text, report); read == nil || read.Company.Name != name {
		return nil, fmt.Errorf("%q is no name", name)
	}
	return text, nil
}

// ParseStoredEndpoint reads an endpoint of the console as [ParseEndpoint] reads a file. It is held to more: its company must be an
// author of its source, and it shares nothing, since a share changes what another company finds.
func ParseStoredEndpoint(address dataapi.Address, text []byte, authors Authors, r *Report) (endpoint *Endpoint, sound bool) {
	endpoint, sound = ParseEndpoint(address, text, r)
	if endpoint == nil {
		return nil, false
	}
	endpoint.Origin = OfConsole
	if refusal := authors.Refusal(address.Company, endpoint.Source); refusal != "" && endpoint.Source != "" && !r.has(endpoint.Places.Source) {
		r.FaultAllowing(endpoint.Places.Source, authors.Of(address.Company), "source: %s", refusal)
		endpoint.Places.Askable, sound = false, false
	}
	if at := endpoint.Places.Share; at != (Place{}) {
		r.Fault(at, "share is for endpoint files: it changes what another company finds, which is for an operator of the server to decide")
		endpoint.Shares, endpoint.Places.Shares = nil, nil
		sound = false
	}
	return endpoint, sound
}

// readStored reads what the store keeps of something with a name, as it is below that name in a company.yaml.
func readStored(name string, value []byte, r *Report) (described member, ok bool) {
	text, ok := plainText(value, r)
	if !ok {
		return described, false
	}
	root := parseYAML(text, 1, r)
	return member{Place: Place{1, 1}, key: name, value: root}, root != nil
}

// AddPolicy reads a policy of the store into the company, as AddUser does a user. Add the policies first: users name them.
func (f *CompanyFile) AddPolicy(name string, value []byte, r *Report) bool {
	if known := f.Company.Policies[name]; known != nil && !known.Stored {
		r.Fault(Place{1, 1}, "policies.%s: %s describes this policy, and goes before what the store has; remove the policy from one of them", name, f.File)
		return false
	}
	described, ok := readStored(name, value, r)
	if !ok {
		return false
	}
	policy := r.readPolicy(described)
	if len(r.diagnostics) > 0 {
		return false
	}
	policy.Stored = true
	f.Company.Policies[name] = policy
	return true
}

// AddUser reads a user of the store into the company. The value is the map that is below users.NAME of a company.yaml, as YAML
// or JSON; the report is that of this document. It reports whether the user was added: one that is at fault is not.
func (f *CompanyFile) AddUser(name string, value []byte, r *Report) bool {
	if f.Company.Users[name] != nil && f.Stored[name] == "" {
		r.Fault(Place{1, 1}, "users.%s: %s describes this user, and goes before what the store has; remove the user from one of them", name, f.File)
		return false
	}
	described, ok := readStored(name, value, r)
	if !ok {
		return false
	}
	user, places := r.readUser(described, f.Company, f.ofKeys)
	for _, other := range f.Company.Users {
		if other.Name != name && other.SubjectName() == user.SubjectName() {
			r.Fault(Place{1, 1}, "users.%s: trusted issuers call the user %q, as they do the user %s; "+
				"a subject, or the name of a user without one, must be unique", name, dataapi.Echo(user.SubjectName()), dataapi.Echo(other.Name))
			break
		}
	}
	if len(r.diagnostics) > 0 {
		return false
	}
	user.Stored = true
	f.Company.Users[name], f.Contexts[name], f.Stored[name] = user, places, r.File
	return true
}
