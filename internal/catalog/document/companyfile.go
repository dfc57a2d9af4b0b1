package document

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

// CompanyFile is what a company.yaml says. It is immutable.
type CompanyFile struct {
	Company  *identity.Company
	File     string                                 // the root as it was given, and the path below it
	Digest   [32]byte                               // SHA-256 of the file
	Contexts map[string]map[string]ConstraintPlaces // of users' share contexts, by user and parameter
	Stored   map[string]string                      // the documents of users who are not in the file, by user

	ofKeys keyLimits
}

// FileOf is the document that describes a user.
func (f *CompanyFile) FileOf(user string) string {
	if stored := f.Stored[user]; stored != "" {
		return stored
	}
	return f.File
}

var policyName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)

const policyNameRule = "1 to 63 letters, digits, hyphens and underscores, beginning with a letter"

// ParseCompany reads a company.yaml. It returns nil when there are diagnostics, all of which are in the report, and with it as
// a draft what could be read all the same.
func ParseCompany(slug string, text []byte, r *Report) (file *CompanyFile, draft *identity.Company) {
	digest := Digest(text)
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
	file = &CompanyFile{
		Company: company, File: r.File, Digest: digest, Contexts: make(map[string]map[string]ConstraintPlaces),
		Stored: make(map[string]string),
	}
	if member, ok := f.by["policies"]; ok {
		for _, policy := range f.membersOf(member.value, "policies") {
			company.Policies[policy.key] = r.readPolicy(policy)
		}
	}
	company.Quota = f.quotas("quota", nil)
	file.ofKeys = keyLimits{f.rate("rate", ratelimit.Unlimited), f.quotas("key_quota", nil)}
	if member, ok := f.by["users"]; ok {
		for _, user := range f.membersOf(member.value, "users") {
			company.Users[user.key], file.Contexts[user.key] = r.readUser(user, company, file.ofKeys)
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
func (r *Report) readCallbackHosts(n *node) (hosts []string) {
	f := r.fieldsOf(n, "callbacks", "hosts")
	entries, ok := f.list("hosts")
	if ok && len(entries) == 0 {
		r.Fault(f.placeOf("hosts"), "callbacks.hosts must list at least one host; leave it out to allow every public host")
	}
	for _, entry := range entries {
		host := strings.ToLower(r.textOf(entry, f.name("hosts")))
		if entry.kind == scalarNode && !identity.ValidCallbackHost(host) {
			r.Fault(entry.Place, "callbacks.hosts: %q must be %s%s", dataapi.Echo(host), identity.CallbackHostRule, DidYouMean(hostMeant(host)))
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

func (r *Report) readUser(
	user member, company *identity.Company, ofKeys keyLimits,
) (*identity.User, map[string]ConstraintPlaces) {
	if !dataapi.ValidSlug(user.key) {
		r.Fault(user.Place, "users: the name %q must be %s%s", dataapi.Echo(user.key), dataapi.SlugRule, DidYouMean(SlugMeant(user.key)))
	}
	f := r.fieldsOf(user.value, "users."+user.key, "name", "active", "rate", "quota", "key_quota", "subject", "basic", "policies", "share_context")
	read := &identity.User{Name: user.key, DisplayName: f.text("name"), Active: f.active()}
	if read.DisplayName == "" {
		read.DisplayName = user.key
	}
	read.Rate = f.rate("rate", ofKeys.rate)
	read.Quota, read.KeyQuota = f.quotas("quota", nil), f.quotas("key_quota", ofKeys.quota)
	read.Subject, read.Basic = f.subject(), f.boolean("basic", false)
	policies, _ := f.list("policies")
	for _, item := range policies {
		name := r.textOf(item, f.name("policies"))
		if name == "" {
			continue
		}
		if !identity.ManagedPolicy(name) && company.Policies[name] == nil {
			message := ""
			if !r.Full() { // it compares the name with all policies
				message = unknownPolicy(f.name("policies"), name, company)
			}
			r.Fault(item.Place, "%s", message)
		}
		read.Policies = append(read.Policies, name)
	}
	var places map[string]ConstraintPlaces
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
	for _, own := range slices.Sorted(maps.Keys(company.Policies)) {
		if !identity.ManagedPolicy(own) && policyName.MatchString(own) {
			known = append(known, own)
		}
	}
	return fmt.Sprintf("%s names the unknown policy %q", path, dataapi.Echo(name)) + Alternatives(name, known)
}

func (r *Report) readPolicy(policy member) *identity.Policy {
	switch {
	case identity.ManagedPolicy(policy.key):
		r.Fault(policy.Place, "policies: %s is a managed policy that every company has; choose another name", policy.key)
	case !policyName.MatchString(policy.key):
		r.Fault(policy.Place, "policies: the name %q must be %s", dataapi.Echo(policy.key), policyNameRule)
	}
	f := r.fieldsOf(policy.value, "policies."+policy.key, "description", "grants")
	read := &identity.Policy{Name: policy.key, Description: strings.TrimSpace(f.text("description"))}
	grants, ok := f.list("grants")
	if len(grants) == 0 && (ok || !f.has("grants")) {
		r.Fault(policy.Place, "%s must list at least one grant, such as {actions: [%s], endpoints: [default/*]}", f.name("grants"), dataapi.ActionExecute)
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
			return Alternatives(action, known)
		}
	}
	return Alternatives(word, known)
}

func (r *Report) readGrant(n *node, path string) identity.Grant {
	f := r.fieldsOf(n, path, "actions", "endpoints")
	var grant identity.Grant
	if n.kind != mapNode && n.kind != nullNode {
		return grant
	}
	actions, ok := f.list("actions")
	if len(actions) == 0 && (ok || !f.has("actions")) {
		r.Fault(n.Place, "%s must list at least one action; allowed are %s", f.name("actions"), typeList(dataapi.Actions()))
	}
	for _, item := range actions {
		action := dataapi.Action(r.textOf(item, f.name("actions")))
		if item.kind == scalarNode && !slices.Contains(dataapi.Actions(), action) {
			r.Fault(item.Place, "%s names the unknown action %q%s", f.name("actions"), dataapi.Echo(string(action)), actionAdvice(string(action)))
		}
		grant.Actions = append(grant.Actions, action)
	}
	endpoints, ok := f.list("endpoints")
	if ok && len(endpoints) == 0 {
		// For a grant, no patterns mean every endpoint: an empty list is more likely a mistake than that.
		r.Fault(f.placeOf("endpoints"), "%s must list at least one pattern; leave it out to allow every endpoint", f.name("endpoints"))
	}
	for _, item := range endpoints {
		pattern := r.textOf(item, f.name("endpoints"))
		if err := identity.ValidPattern(pattern); err != nil && item.kind == scalarNode {
			r.Fault(item.Place, "%s: %v", f.name("endpoints"), err)
		}
		grant.Endpoints = append(grant.Endpoints, pattern)
	}
	return grant
}
