package catalog

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/quota"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// companyFile is what a company.yaml says. It is immutable; a reload keeps the pointer of a file that did not change.
type companyFile struct {
	company  *identity.Company
	file     string
	text     [32]byte                               // SHA-256 of the file
	contexts map[string]map[string]constraintPlaces // of users' share contexts, by user and parameter
	narrowed bool                                   // made by without or refusing, not read
	refused  map[string]bool                        // the users whom refusing has switched off
}

// refusing returns the file with users switched off whose share contexts are at fault. It returns f itself when that is so
// already.
func (f *companyFile) refusing(users []string) *companyFile {
	if !slices.ContainsFunc(users, func(user string) bool { return !f.refused[user] }) {
		return f
	}
	company, refusing := *f.company, *f
	company.Users = maps.Clone(company.Users)
	refusing.company, refusing.narrowed, refusing.refused = &company, true, make(map[string]bool)
	maps.Copy(refusing.refused, f.refused)
	for _, user := range users {
		off := *f.company.Users[user]
		off.Active = false
		company.Users[user], refusing.refused[user] = &off, true
	}
	return &refusing
}

// without returns the file without what a newer one that is at fault withdraws: a deactivation, of the company or of a
// user, the removal of a user, and of a policy from a user, take effect although the rest of the newer file does not. Its
// fault may be another company's doing. It returns f itself when nothing is withdrawn.
func (f *companyFile) without(newer *companyFile) *companyFile {
	company := *f.company
	company.Active = company.Active && newer.company.Active
	withdrawn := company.Active != f.company.Active
	company.Users = maps.Clone(company.Users)
	for name, user := range company.Users {
		now := newer.company.Users[name]
		if now == nil {
			now = &identity.User{}
		}
		kept := slices.DeleteFunc(slices.Clone(user.Policies), func(policy string) bool { return !slices.Contains(now.Policies, policy) })
		if user.Active && !now.Active || user.Active && len(kept) < len(user.Policies) {
			less := *user
			less.Active, less.Policies = now.Active, kept
			company.Users[name] = &less
			withdrawn = true
		}
	}
	if !withdrawn {
		return f
	}
	return &companyFile{
		company: &company, file: f.file, text: f.text, contexts: f.contexts, narrowed: true, refused: f.refused,
	}
}

var policyName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)

const policyNameRule = "1 to 63 letters, digits, hyphens and underscores, beginning with a letter"

// deactivating returns the file without what a newer one deactivates that cannot be read in full: active: false, and an
// active that is neither true nor false, take effect on the company or on a user. What the newer file leaves out says
// nothing, since a fault can hide it. It returns f itself when nothing is withdrawn.
func (f *companyFile) deactivating(newer *identity.Company) *companyFile {
	whole := *newer
	whole.Users = maps.Clone(newer.Users)
	for name, user := range f.company.Users {
		if whole.Users[name] == nil {
			whole.Users[name] = user
			continue
		}
		now := *whole.Users[name]
		now.Policies = user.Policies // those that are read without a fault may not be all
		whole.Users[name] = &now
	}
	return f.without(&companyFile{company: &whole})
}

// parseCompany reads a company.yaml. It returns nil when there are diagnostics, all of which are in the report, and with it as
// a draft what could be read all the same.
func parseCompany(slug string, text []byte, r *report) (file *companyFile, draft *identity.Company) {
	digest := sum(text)
	text, ok := plainText(text, r)
	if !ok {
		return nil, nil
	}
	root := parseYAML(text, 1, r)
	if root == nil {
		return nil, nil
	}
	f := r.fieldsOf(root, "", "name", "active", "rate", "quota", "key_quota", "users", "policies", "callbacks")
	company := &identity.Company{
		Slug: slug, Name: f.text("name"), Active: f.active(),
		Users: make(map[string]*identity.User), Policies: make(map[string]*identity.Policy),
	}
	if company.Name == "" {
		company.Name = slug
	}
	file = &companyFile{
		company: company, file: r.file, text: digest, contexts: make(map[string]map[string]constraintPlaces),
	}
	if member, ok := f.by["policies"]; ok {
		for _, policy := range f.membersOf(member.value, "policies") {
			company.Policies[policy.key] = r.readPolicy(policy)
		}
	}
	company.Quota = f.quotas("quota", nil)
	ofKeys := keyLimits{f.rate("rate", ratelimit.Unlimited), f.quotas("key_quota", nil)}
	if member, ok := f.by["users"]; ok {
		for _, user := range f.membersOf(member.value, "users") {
			company.Users[user.key], file.contexts[user.key] = r.readUser(user, company, ofKeys)
		}
		r.checkSubjects(f.membersOf(member.value, "users"), company)
	}
	if member, ok := f.by["callbacks"]; ok {
		company.CallbackHosts = r.readCallbackHosts(member.value)
	}
	if len(r.diagnostics) > 0 {
		return nil, company
	}
	return file, company
}

// readCallbackHosts reads to which hosts alone the company's callbacks may go.
func (r *report) readCallbackHosts(n *node) (hosts []string) {
	f := r.fieldsOf(n, "callbacks", "hosts")
	entries, ok := f.list("hosts")
	if ok && len(entries) == 0 {
		r.fault(f.placeOf("hosts"), "callbacks.hosts must list at least one host; leave it out to allow every public host")
	}
	for _, entry := range entries {
		host := strings.ToLower(r.textOf(entry, f.name("hosts")))
		if entry.kind == scalarNode && !identity.ValidCallbackHost(host) {
			r.fault(entry.place, "callbacks.hosts: %q must be %s%s", shorten(host), identity.CallbackHostRule, didYouMean(hostMeant(host)))
		}
		hosts = append(hosts, host)
	}
	return hosts
}

// hostMeant is the host of what looks like an address with more than that: a scheme, a port, a path.
func hostMeant(text string) string {
	if _, rest, found := strings.Cut(text, "://"); found {
		text = rest
	}
	host, _, _ := strings.Cut(text, "/")
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	if !identity.ValidCallbackHost(host) {
		return ""
	}
	return host
}

// keyLimits are those of the keys of users who have none of their own.
type keyLimits struct {
	rate  ratelimit.Limit
	quota []quota.Limit
}

func (r *report) readUser(
	user member, company *identity.Company, ofKeys keyLimits,
) (*identity.User, map[string]constraintPlaces) {
	if !dataapi.ValidSlug(user.key) {
		r.fault(user.place, "users: the name %q must be %s%s", shorten(user.key), dataapi.SlugRule, didYouMean(slugMeant(user.key)))
	}
	f := r.fieldsOf(user.value, "users."+user.key, "name", "active", "rate", "quota", "key_quota", "subject", "policies", "share_context")
	read := &identity.User{Name: user.key, DisplayName: f.text("name"), Active: f.active()}
	if read.DisplayName == "" {
		read.DisplayName = user.key
	}
	read.Rate = f.rate("rate", ofKeys.rate)
	read.Quota, read.KeyQuota = f.quotas("quota", nil), f.quotas("key_quota", ofKeys.quota)
	read.Subject = f.subject()
	policies, _ := f.list("policies")
	for _, item := range policies {
		name := r.textOf(item, f.name("policies"))
		if name == "" {
			continue
		}
		if !identity.ManagedPolicy(name) && company.Policies[name] == nil {
			message := ""
			if !r.full() { // it compares the name with all policies
				message = unknownPolicy(f.name("policies"), name, company)
			}
			r.fault(item.place, "%s", message)
		}
		read.Policies = append(read.Policies, name)
	}
	var places map[string]constraintPlaces
	if member, ok := f.by["share_context"]; ok {
		var context params.ShareContext
		context, places = r.readContext(member.value, f.name("share_context"))
		read.ShareContext = context
	}
	return read, places
}

func unknownPolicy(path, name string, company *identity.Company) string {
	var known []string
	for _, policy := range identity.ManagedPolicies() {
		known = append(known, policy.Name)
	}
	for _, own := range sortedKeys(company.Policies) {
		if !identity.ManagedPolicy(own) && policyName.MatchString(own) {
			known = append(known, own)
		}
	}
	return fmt.Sprintf("%s names the unknown policy %q", path, shorten(name)) + alternatives(name, known)
}

func (r *report) readPolicy(policy member) *identity.Policy {
	switch {
	case identity.ManagedPolicy(policy.key):
		r.fault(policy.place, "policies: %s is a managed policy that every company has; choose another name", policy.key)
	case !policyName.MatchString(policy.key):
		r.fault(policy.place, "policies: the name %q must be %s", shorten(policy.key), policyNameRule)
	}
	f := r.fieldsOf(policy.value, "policies."+policy.key, "description", "grants")
	read := &identity.Policy{Name: policy.key, Description: strings.TrimSpace(f.text("description"))}
	grants, ok := f.list("grants")
	if len(grants) == 0 && (ok || !f.has("grants")) {
		r.fault(policy.place, "%s must list at least one grant, such as {actions: [%s], endpoints: [default/*]}", f.name("grants"), dataapi.ActionExecute)
	}
	for _, grant := range grants {
		read.Grants = append(read.Grants, r.readGrant(grant, f.name("grants")))
	}
	return read
}

// actionAdvice ends a sentence about a word that is no action. Many leave the prefix out.
func actionAdvice(word string) string {
	known := names(dataapi.Actions())
	for _, action := range known {
		if _, bare, _ := strings.Cut(action, ":"); strings.EqualFold(bare, word) || dataapi.Nearest(word, []string{bare}) != "" {
			return alternatives(action, known)
		}
	}
	return alternatives(word, known)
}

func (r *report) readGrant(n *node, path string) identity.Grant {
	f := r.fieldsOf(n, path, "actions", "endpoints")
	var grant identity.Grant
	if n.kind != mapNode && n.kind != nullNode {
		return grant
	}
	actions, ok := f.list("actions")
	if len(actions) == 0 && (ok || !f.has("actions")) {
		r.fault(n.place, "%s must list at least one action; allowed are %s", f.name("actions"), typeList(dataapi.Actions()))
	}
	for _, item := range actions {
		action := dataapi.Action(r.textOf(item, f.name("actions")))
		if item.kind == scalarNode && !slices.Contains(dataapi.Actions(), action) {
			r.fault(item.place, "%s names the unknown action %q%s", f.name("actions"), shorten(string(action)), actionAdvice(string(action)))
		}
		grant.Actions = append(grant.Actions, action)
	}
	endpoints, ok := f.list("endpoints")
	if ok && len(endpoints) == 0 {
		// For a grant, no patterns mean every endpoint: an empty list is more likely a mistake than that.
		r.fault(f.placeOf("endpoints"), "%s must list at least one pattern; leave it out to allow every endpoint", f.name("endpoints"))
	}
	for _, item := range endpoints {
		pattern := r.textOf(item, f.name("endpoints"))
		if err := identity.ValidPattern(pattern); err != nil && item.kind == scalarNode {
			r.fault(item.place, "%s: %v", f.name("endpoints"), err)
		}
		grant.Endpoints = append(grant.Endpoints, pattern)
	}
	return grant
}
