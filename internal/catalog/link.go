package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
)

// link checks the files of a tree against each other.
func (t *tree) link() (faults, warnings Faults) {
	l := linker{tree: t, reports: make(map[string]*report)}
	l.shares()
	l.contexts()
	for _, r := range l.reports {
		faults, warnings = append(faults, r.faults...), append(warnings, r.warnings...)
	}
	return faults, warnings
}

type linker struct {
	*tree
	reports map[string]*report // by file
}

func (l *linker) report(file string) *report {
	if l.reports[file] == nil {
		l.reports[file] = &report{file: file}
	}
	return l.reports[file]
}

// shares reports shares with companies that cannot take them, and two companies that share one namespace and slug with
// a third: it could not tell them apart.
func (l *linker) shares() {
	received := make(map[dataapi.Address][]*Endpoint)
	for _, file := range sortedKeys(l.endpoints) {
		endpoint := l.endpoints[file]
		for _, company := range sortedKeys(endpoint.Shares) {
			at := endpoint.places.shares[company].key
			switch {
			case company == endpoint.Company:
				l.report(file).fault(at, "share.%s: an endpoint needs no share with its own company", company)
			case l.companies[company] == nil:
				l.report(file).fault(at, "share.%s: there is no such company; %s%s", company, l.companyList(),
					didYouMean(dataapi.Nearest(company, sortedKeys(l.companies))))
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
			l.report(endpoint.File).fault(endpoint.places.shares[address.Company].key,
				"share.%s: %s is shared with %s by %s too, so that a call could mean either; rename one or take one share back",
				address.Company, address.Path(), address.Company, others(endpoints, endpoint))
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

// contexts checks users' share contexts. A name that no endpoint has is a fault: were it a slip of the pen, the user
// would see what the context was meant to hide. A value that some of the endpoints cannot have is a warning, since
// those endpoints refuse the user; when none of them can have it, it is a fault.
func (l *linker) contexts() {
	within := l.reachable()
	for _, slug := range sortedKeys(l.companies) {
		file := l.companies[slug]
		for _, name := range sortedKeys(file.contexts) {
			l.context(file, file.company.Users[name], within[slug])
		}
	}
}

// reachable lists the endpoints of each company: its own, and those shared with it.
func (l *linker) reachable() map[string][]*Endpoint {
	within := make(map[string][]*Endpoint)
	for _, file := range sortedKeys(l.endpoints) {
		endpoint := l.endpoints[file]
		within[endpoint.Company] = append(within[endpoint.Company], endpoint)
		for company := range endpoint.Shares {
			if company != endpoint.Company {
				within[company] = append(within[company], endpoint)
			}
		}
	}
	return within
}

func (l *linker) context(file *companyFile, user *identity.User, endpoints []*Endpoint) {
	r := l.report(file.file)
	for _, parameter := range sortedKeys(user.ShareContext) {
		at := file.contexts[user.Name][parameter]
		path := fmt.Sprintf("users.%s.share_context", user.Name)
		one := params.ShareContext{parameter: user.ShareContext[parameter]}
		var refusing []*Endpoint
		var faults []params.ContextFault
		having := 0
		for _, endpoint := range endpoints {
			if _, ok := endpoint.places.params[parameter]; !ok {
				continue
			}
			having++
			if endpoint.Contract == nil {
				continue // its parameters are at fault, and the file says so
			}
			if found := endpoint.Contract.CheckContext(one); len(found) > 0 {
				refusing = append(refusing, endpoint)
				faults = append(faults, found...)
			}
		}
		switch {
		case having == 0:
			r.fault(at.key, "%s constrains %q, which is a parameter of no endpoint of company %s, nor of one shared with it%s",
				path, parameter, file.company.Slug, suggestion(parameter, endpoints))
		case len(refusing) == having:
			r.fault(at.of(faults[0]), "%s: %s (endpoint %s)", path, contextMessage(faults[0]), refusing[0].Address)
		default:
			for i, endpoint := range refusing {
				r.warn(at.of(faults[i]), "%s: %s; endpoint %s does not take this value from the user", path, contextMessage(faults[i]), endpoint.Address)
			}
		}
	}
}

func suggestion(parameter string, endpoints []*Endpoint) string {
	var names []string
	for _, endpoint := range endpoints {
		names = append(names, sortedKeys(endpoint.places.params)...)
	}
	return didYouMean(dataapi.Nearest(parameter, names))
}
