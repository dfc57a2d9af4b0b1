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
	began *catalog.Snapshot // what the configuration has come into force with
	told  *catalog.Snapshot // what the audit log was told of last; nil: it is off
}

// follow is told of each snapshot of the catalog.
func (c *catalogAuditor) follow(snapshot *catalog.Snapshot) {
	if !c.app.auditLog.Enabled() || c.app.ended() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if activeApp() == c.app {
		c.record(c.told, snapshot)
	} else {
		c.began = snapshot
	}
	c.told = snapshot
}

// inherit records in what the catalog has changed with the configuration, when this one replaces that of before.
func (c *catalogAuditor) inherit(before *catalogAuditor) {
	before.mu.Lock()
	told := before.told
	before.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.record(told, c.began)
	c.began = nil
}

// record writes what differs. Where one of the two is not known, since the audit log was off, nothing does.
func (c *catalogAuditor) record(before, after *catalog.Snapshot) {
	if before == nil || after == nil || before == after {
		return
	}
	changes := compareCatalogs(describeCatalog(before, after), describeCatalog(after, before))
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

// describeCatalog names everything in a catalog that decides who may do what, with a text that differs when it does. What another
// catalog has too, which is immutable, is left out.
func describeCatalog(snapshot, other *catalog.Snapshot) map[string]string {
	described := make(map[string]string)
	for slug, company := range snapshot.Companies() {
		if same, _ := other.Company(slug); same == company {
			continue
		}
		described["company "+slug] = fmt.Sprintf("%t %q %v %v", company.Active, company.Name, company.CallbackHosts, company.Quota)
		for name, policy := range company.Policies {
			described["policy "+slug+"/"+name] = fmt.Sprintf("%+v", *policy)
		}
		for name, user := range company.Users {
			described["user "+slug+"/"+name] = describeUser(user)
		}
	}
	shared := make(map[*catalog.Endpoint]bool)
	for _, endpoint := range other.Endpoints() {
		shared[endpoint] = true
	}
	for _, endpoint := range snapshot.Endpoints() {
		if shared[endpoint] {
			continue
		}
		described["endpoint "+endpoint.Address.String()] = fmt.Sprintf("%s %t", endpoint.Revision, endpoint.Active)
	}
	return described
}

func describeUser(user *identity.User) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%t %t %q %q %t %t %v %s %v %v",
		user.Active, user.Refused, user.DisplayName, user.SubjectName(), user.Basic, user.Stored, user.Policies, user.Rate, user.Quota, user.KeyQuota)
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
