package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
)

// link checks the files of a tree against each other.
func (g *ground) link(t *tree) linked {
	l := linker{tree: t, ground: g, reports: make(map[string]*document.Report)}
	l.shares()
	l.linkContexts()
	for _, r := range l.reports {
		for _, more := range r.Unlisted() {
			l.faults = append(l.faults, linkFault{Diagnostic: more})
		}
	}
	return l.linked
}

// linked is what was found between files.
type linked struct {
	faults   []linkFault
	warnings Diagnostics
}

// linkFault is a diagnostic between files, with what it is about.
type linkFault struct {
	Diagnostic
	rivals  []*Endpoint // that share the same path with the same company
	company string      // whose company.yaml it is in
	user    string      // whose share context would hide nothing
	untold  bool        // it has no message, since the file has too many diagnostics
}

// discreetly keeps what a company is told, where the message has the names of others.
func (f *linkFault) discreetly(message string) { f.Diagnostic = f.WithDiscreet(message) }

type linker struct {
	*tree
	*ground
	linked
	reports map[string]*document.Report // by file
}

// fault reports what is wrong in a file. When it is one of too many it is not told, and what it says is not put together; it
// counts all the same.
func (l *linker) fault(file string, at document.Place, message func() string) *linkFault {
	r := l.reports[file]
	if r == nil {
		r = &document.Report{File: file}
		l.reports[file] = r
	}
	fault := linkFault{Diagnostic: Diagnostic{File: file, Line: at.Line, Column: at.Column}, untold: r.Full()}
	if fault.untold {
		r.Fault(at, "")
	} else {
		fault.Message = message()
		r.Fault(at, "%s", fault.Message)
	}
	l.faults = append(l.faults, fault)
	return &l.faults[len(l.faults)-1]
}

// shares reports shares with companies that cannot take them, and two companies that share one namespace and slug with
// a third: it could not tell them apart.
func (l *linker) shares() {
	received := make(map[dataapi.Address][]*Endpoint)
	var sharing []string
	for file, endpoint := range l.endpoints {
		if len(endpoint.Shares) > 0 {
			sharing = append(sharing, file)
		}
	}
	slices.Sort(sharing)
	for _, file := range sharing {
		endpoint := l.endpoints[file]
		for _, company := range sortedKeys(endpoint.Shares) {
			at := endpoint.Places.Shares[company].Key
			switch {
			case company == endpoint.Company:
				l.fault(file, at, func() string {
					return fmt.Sprintf("share.%s: an endpoint needs no share with its own company", company)
				})
			case l.companies[company] == nil && l.branches[company] == nil: // of one that is at fault, its own file is told
				l.fault(file, at, func() string {
					return fmt.Sprintf("share.%s: there is no such company; %s%s", company, l.companyList(),
						dataapi.DidYouMean(company, sortedKeys(l.companies)))
				}).discreetly("share." + company + ": there is no such company")
			case endpoint.Active:
				address := dataapi.Address{Company: company, Namespace: endpoint.Namespace, Slug: endpoint.Slug}
				received[address] = append(received[address], endpoint)
			}
		}
	}
	for address, endpoints := range received {
		if len(endpoints) < 2 {
			continue
		}
		for _, endpoint := range endpoints {
			said := func(by string) string {
				return fmt.Sprintf("share.%s: %s is shared with %s by %s too, so that a call could mean either; rename one or take one share back",
					address.Company, address.Path(), address.Company, by)
			}
			fault := l.fault(endpoint.File, endpoint.Places.Shares[address.Company].Key, func() string { return said(others(endpoints, endpoint)) })
			fault.discreetly(said("another company"))
			fault.rivals = endpoints
		}
	}
}

func (l *linker) companyList() string {
	if len(l.companies) == 0 {
		return "the catalog has none"
	}
	return "the catalog has " + strings.Join(sortedKeys(l.companies), ", ")
}

func others(endpoints []*Endpoint, without *Endpoint) string {
	var names []string
	for _, endpoint := range endpoints {
		if endpoint != without {
			names = append(names, endpoint.Company)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// linkContexts checks users' share contexts. A name that no endpoint has is a fault: were it a slip of the pen, the user
// would see what the context was meant to hide. A value that some of the endpoints cannot have is a warning, since
// those endpoints refuse the user; when none of them can have it, it is a fault.
func (l *linker) linkContexts() {
	limiting := make(map[string]bool) // the companies that have any
	for slug, file := range l.companies {
		for _, places := range file.Contexts {
			if len(places) > 0 {
				limiting[slug] = true
			}
		}
	}
	if len(limiting) == 0 {
		return
	}
	within := l.reachable(limiting)
	for _, slug := range sortedKeys(limiting) {
		file := l.companies[slug]
		for _, name := range sortedKeys(file.Contexts) {
			l.context(file, file.Company.Users[name], within[slug])
		}
	}
}

// reachable lists the endpoints of some companies, their own and those shared with them, by the parameters that they have.
func (l *linker) reachable(companies map[string]bool) map[string]map[string][]*Endpoint {
	within := make(map[string]map[string][]*Endpoint)
	add := func(company string, endpoint *Endpoint) {
		if !companies[company] {
			return
		}
		if within[company] == nil {
			within[company] = make(map[string][]*Endpoint)
		}
		for _, parameter := range endpoint.Places.Params {
			within[company][parameter.Name] = append(within[company][parameter.Name], endpoint)
		}
	}
	for _, file := range sortedKeys(l.endpoints) {
		endpoint := l.endpoints[file]
		add(endpoint.Company, endpoint)
		for company := range endpoint.Shares {
			if company != endpoint.Company {
				add(company, endpoint)
			}
		}
	}
	return within
}

func (l *linker) context(file *companyFile, user *identity.User, within map[string][]*Endpoint) {
	for _, parameter := range sortedKeys(user.ShareContext) {
		at := file.Contexts[user.Name][parameter]
		path := fmt.Sprintf("users.%s.share_context", user.Name)
		var refusing []*Endpoint
		var faults []params.ContextFault
		having := len(within[parameter])
		for _, endpoint := range within[parameter] {
			if endpoint.Contract == nil {
				continue // its parameters are at fault, and the file says so
			}
			if found := l.ground.contexts.check(endpoint, user, parameter); len(found) > 0 {
				refusing = append(refusing, endpoint)
				faults = append(faults, found[0])
			}
		}
		switch {
		case having == 0:
			fault := l.fault(file.FileOf(user.Name), at.Key, func() string {
				return fmt.Sprintf("%s constrains %q, which is a parameter of no endpoint of company %s, nor of one shared with it%s",
					path, parameter, file.Company.Slug, suggestion(parameter, within))
			})
			fault.company, fault.user = file.Company.Slug, user.Name
		case len(refusing) == having:
			fault := l.fault(file.FileOf(user.Name), at.Of(faults[0]), func() string {
				return fmt.Sprintf("%s: %s (endpoint %s)", path, document.ContextMessage(faults[0]), refusing[0].Address)
			})
			fault.company = file.Company.Slug
		default:
			for i, endpoint := range refusing {
				at, message := at.Of(faults[i]), fmt.Sprintf("%s: %s; endpoint %s does not take this value from the user",
					path, document.ContextMessage(faults[i]), endpoint.Address)
				l.warnings = append(l.warnings, Diagnostic{File: file.FileOf(user.Name), Line: at.Line, Column: at.Column, Message: message})
			}
		}
	}
}

// contextFaults are what link would find in the share context of a user who is not in force yet.
func (c *Catalog) contextFaults(company *document.CompanyFile, user *identity.User) (faults Diagnostics) {
	slug := company.Company.Slug
	l := linker{tree: c.current.Load().live, ground: newGround(""), reports: make(map[string]*document.Report)}
	l.context(&companyFile{CompanyFile: *company}, user, l.reachable(map[string]bool{slug: true})[slug])
	for _, fault := range l.faults {
		faults = append(faults, fault.Diagnostic)
	}
	return faults
}

func suggestion(parameter string, within map[string][]*Endpoint) string {
	return dataapi.DidYouMean(parameter, sortedKeys(within))
}
