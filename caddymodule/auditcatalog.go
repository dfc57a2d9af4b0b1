package caddymodule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// maxCatalogChanges is how many changes one event lists; the others are counted.
const maxCatalogChanges = 50

// auditCatalog returns a function that is told of each snapshot of the catalog, and records what has changed since the
// one before. Of the first one it records nothing: that is a configuration's beginning, and no change.
func (a *App) auditCatalog() func(*catalog.Snapshot) {
	var before map[string]string
	return func(snapshot *catalog.Snapshot) {
		if !a.trail.Enabled() {
			return
		}
		after := describeCatalog(snapshot)
		changes := compareCatalogs(before, after)
		first := before == nil
		before = after
		if first || len(changes) == 0 {
			return
		}
		if more := len(changes) - maxCatalogChanges; more > 0 {
			changes = append(changes[:maxCatalogChanges], fmt.Sprintf("and %d more", more))
		}
		a.trail.Record(audit.Event{
			Action: audit.CatalogChanged, Outcome: audit.Success, Actor: audit.Operator, Changes: changes,
		})
	}
}

// describeCatalog names everything in a catalog that decides who may do what, with a text that differs when it does.
func describeCatalog(snapshot *catalog.Snapshot) map[string]string {
	described := make(map[string]string)
	for slug, company := range snapshot.Companies() {
		described["company "+slug] = fmt.Sprintf("%t %q %v", company.Active, company.Name, company.CallbackHosts)
		for name, policy := range company.Policies {
			described["policy "+slug+"/"+name] = fmt.Sprintf("%+v", *policy)
		}
		for name, user := range company.Users {
			described["user "+slug+"/"+name] = describeUser(user)
		}
	}
	for _, endpoint := range snapshot.Endpoints() {
		described["endpoint "+endpoint.Address.String()] = fmt.Sprintf("%s %t", endpoint.Revision, endpoint.Active)
	}
	return described
}

func describeUser(user *identity.User) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%t %q %q %v %s", user.Active, user.DisplayName, user.SubjectName(), user.Policies, user.Rate)
	for _, parameter := range slices.Sorted(maps.Keys(user.ShareContext)) {
		fmt.Fprintf(&text, " %s: %s", parameter, user.ShareContext[parameter])
	}
	return text.String()
}

func compareCatalogs(before, after map[string]string) (changes []string) {
	for name, text := range after {
		switch earlier, known := before[name]; {
		case !known:
			changes = append(changes, "added "+name)
		case earlier != text:
			changes = append(changes, "changed "+name)
		}
	}
	for name := range before {
		if _, kept := after[name]; !kept {
			changes = append(changes, "removed "+name)
		}
	}
	slices.Sort(changes)
	return changes
}
