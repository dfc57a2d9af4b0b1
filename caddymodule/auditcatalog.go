package caddymodule

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// maxCatalogChanges is how many changes one event lists; the others are counted.
const maxCatalogChanges = 50

// catalogAuditor records what changes in the catalog that is in force. What a configuration sees that is not in force yet,
// or never comes into force, is no change of anything that anybody is served.
type catalogAuditor struct {
	app *App

	mu    sync.Mutex
	began map[string]string // what the configuration has come into force with
	told  map[string]string // what the audit log was told of last; nil: it is off
}

// follow is told of each snapshot of the catalog.
func (c *catalogAuditor) follow(snapshot *catalog.Snapshot) {
	if !c.app.auditLog.Enabled() || c.app.ended() {
		return
	}
	now := describeCatalog(snapshot)
	c.mu.Lock()
	defer c.mu.Unlock()
	if activeApp() == c.app {
		c.record(c.told, now)
	} else {
		c.began = now
	}
	c.told = now
}

// inherit records in what the catalog has changed with the configuration, when this one replaces that of before.
func (c *catalogAuditor) inherit(before *catalogAuditor) {
	before.mu.Lock()
	told := before.told
	before.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.record(told, c.began)
}

// record writes what differs. Where one of the two is not known, since the audit log was off, nothing does.
func (c *catalogAuditor) record(before, after map[string]string) {
	if before == nil || after == nil {
		return
	}
	changes := compareCatalogs(before, after)
	if len(changes) == 0 {
		return
	}
	if more := len(changes) - maxCatalogChanges; more > 0 {
		changes = append(changes[:maxCatalogChanges], fmt.Sprintf("and %d more", more))
	}
	c.app.auditLog.Record(audit.Event{
		Action: audit.CatalogChanged, Outcome: audit.Success, Actor: audit.Operator, Changes: changes,
	})
}

// describeCatalog names everything in a catalog that decides who may do what, with a text that differs when it does.
func describeCatalog(snapshot *catalog.Snapshot) map[string]string {
	described := make(map[string]string)
	for slug, company := range snapshot.Companies() {
		described["company "+slug] = fmt.Sprintf("%t %q %v %v", company.Active, company.Name, company.CallbackHosts, company.Quota)
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
	fmt.Fprintf(&text, "%t %q %q %t %t %v %s %v %v",
		user.Active, user.DisplayName, user.SubjectName(), user.Basic, user.Stored, user.Policies, user.Rate, user.Quota, user.KeyQuota)
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
