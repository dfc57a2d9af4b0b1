package access

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// policyDocument describes a policy.
type policyDocument struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Origin      string          `json:"origin"` // managed, file, store
	Path        *string         `json:"path"`
	Faulty      bool            `json:"faulty"` // it is stored, and not in force
	Grants      []grantDocument `json:"grants"`
	Users       int             `json:"users"` // that have it
	stamp
}

type grantDocument struct {
	Actions   []dataapi.Action `json:"actions"`
	Endpoints []string         `json:"endpoints"`
}

// policies are those of a company, and what is stored of them.
type policies struct {
	company *identity.Company
	stored  map[string]documents.Document
	holders map[string]int
}

func (a *access) policies(r *http.Request, company *identity.Company) (policies, error) {
	p := policies{company: company, holders: make(map[string]int)}
	var err error
	if p.stored, err = a.stored(r, documents.Policy, company); err != nil {
		return p, err
	}
	for _, user := range company.Users {
		for _, name := range user.Policies {
			p.holders[name]++
		}
	}
	return p, nil
}

// names are those of the company's own policies, the ones that are stored and not in force included.
func (p *policies) names() []string { return namesOf(p.company.Policies, p.stored) }

// describe describes a policy; false: there is none of the name.
func (p *policies) describe(name string) (policyDocument, bool) {
	for _, managed := range identity.ManagedPolicies() {
		if managed.Name == name {
			return describePolicy(&managed, "managed", p.holders), true
		}
	}
	policy, kept := p.company.Policies[name], p.stored[name]
	switch {
	case policy == nil && kept.Revision == 0:
		return policyDocument{}, false
	case policy == nil:
		return policyDocument{
			Name: name, Origin: "store", Faulty: true, Grants: []grantDocument{}, Users: p.holders[name], stamp: stampOf(&kept),
		}, true
	case policy.Stored:
		d := describePolicy(policy, "store", p.holders)
		d.stamp = stampOf(&kept)
		return d, true
	case p.company.Stored:
		return describePolicy(policy, "store", p.holders), true
	}
	d := describePolicy(policy, "file", p.holders)
	d.Path = new(p.company.Slug + "/company.yaml")
	return d, true
}

func describePolicy(policy *identity.Policy, origin string, holders map[string]int) policyDocument {
	d := policyDocument{Name: policy.Name, Description: policy.Description, Origin: origin, Grants: []grantDocument{}, Users: holders[policy.Name]}
	for _, grant := range policy.Grants {
		endpoints := grant.Endpoints
		if len(endpoints) == 0 {
			endpoints = []string{"*"}
		}
		d.Grants = append(d.Grants, grantDocument{grant.Actions, endpoints})
	}
	return d
}

// listPolicies answers with the managed policies, and the company's own by name.
func (a *access) listPolicies(w http.ResponseWriter, r *http.Request) error {
	all, err := a.policies(r, a.company(respond.CallerOf(r)))
	if err != nil {
		return err
	}
	described := []policyDocument{}
	for _, policy := range identity.ManagedPolicies() {
		described = append(described, describePolicy(&policy, "managed", all.holders))
	}
	for _, name := range all.names() {
		if one, ok := all.describe(name); ok {
			described = append(described, one)
		}
	}
	return respond.WriteJSON(w, http.StatusOK, map[string][]policyDocument{"policies": described})
}

// getPolicy answers with one policy.
func (a *access) getPolicy(w http.ResponseWriter, r *http.Request) error {
	return a.answerPolicy(w, r, http.StatusOK)
}

// answerPolicy answers with the policy that the path names, as it is now.
func (a *access) answerPolicy(w http.ResponseWriter, r *http.Request, status int) error {
	all, err := a.policies(r, a.company(respond.CallerOf(r)))
	if err != nil {
		return err
	}
	described, ok := all.describe(r.PathValue("name"))
	if !ok {
		return errNoPolicy
	}
	return writeRecord(w, status, described, described.stamp)
}

var errNoPolicy = record{word: "policy"}.none()

// policyRequest is the body of PUT .../policies/{name}. It is all that the policy is. What a GET says beside that is taken too.
type policyRequest struct {
	keptPolicy

	Name *string `json:"name"` // as in the path

	Origin    respond.Shown `json:"origin"`
	Path      respond.Shown `json:"path"`
	Faulty    respond.Shown `json:"faulty"`
	Users     respond.Shown `json:"users"`
	Revision  respond.Shown `json:"revision"`
	UpdatedAt respond.Shown `json:"updated_at"`
	UpdatedBy respond.Shown `json:"updated_by"`
}

type grantRequest struct {
	Actions   []string `json:"actions"`
	Endpoints []string `json:"endpoints,omitempty"` // none: every endpoint
}

// keptPolicy is a policy as a company.yaml has it below policies.
type keptPolicy struct {
	Description string         `json:"description,omitempty"`
	Grants      []grantRequest `json:"grants"`
}

// putPolicy makes a policy, or changes one. Nobody grants by it what they do not have.
func (a *access) putPolicy(w http.ResponseWriter, r *http.Request) error {
	var request policyRequest
	if err := respond.DecodeBody(r, &request, false); err != nil {
		return err
	}
	c, err := a.readChange(r, documents.Policy, "policy", true)
	if err != nil {
		return err
	}
	if err := checkStoredPolicy(c.company, c.name); err != nil {
		return err
	}
	revision, err := a.present(r, c)
	if err != nil {
		return err
	}
	value, err := json.Marshal(request.keptPolicy)
	if err != nil {
		return err
	}
	made, messages := a.CheckPolicy(c.company.Slug, c.name, value)
	faults := policyFaults(c.name, messages)
	if fault := otherName(request.Name, c.name); fault != nil {
		faults = append(faults, *fault)
	}
	if len(faults) > 0 {
		return faulty("policy", faults)
	}
	switch beyond, err := c.caller.BeyondGrants(made); {
	case err != nil:
		return err
	case beyond != "":
		return refuseGrant(beyond)
	}
	if !remainsWith(c.company, c.caller, made) {
		return errOwnAccess
	}
	status, err := a.save(w, r, c, revision, value, saved{audit.PolicyCreated, audit.PolicyChanged, dataapi.PathPolicies})
	if err != nil {
		return err
	}
	return a.answerPolicy(w, r, status)
}

// policyFaults places what is wrong with a policy in the request.
func policyFaults(name string, messages []string) (faults []dataapi.Fault) {
	for _, message := range messages {
		message = strings.TrimPrefix(message, "policies."+name+".")
		parameter := "grants"
		switch {
		case strings.HasPrefix(message, "policies: the name"):
			parameter = "name"
		case strings.HasPrefix(message, "description"):
			parameter = "description"
		}
		faults = append(faults, dataapi.Fault{Parameter: parameter, Code: dataapi.CodeInvalidParameter, Detail: message})
	}
	return faults
}

// deletePolicy deletes a policy that nobody has any more.
func (a *access) deletePolicy(w http.ResponseWriter, r *http.Request) error {
	c, err := a.readChange(r, documents.Policy, "policy", false)
	if err != nil {
		return err
	}
	if err := checkStoredPolicy(c.company, c.name); err != nil {
		return err
	}
	if holders := holdersOf(c.company, c.name); len(holders) > 0 {
		return dataapi.Errorf(dataapi.CodeConflict,
			"The policy %s is that of %s. Take it from them first: a user with a policy that does not exist is refused.", c.name, dataapi.Listing(holders))
	}
	if err := a.remove(r, c); err != nil {
		return err
	}
	a.record(w, r, audit.PolicyDeleted, c.name)
	return noContent(w)
}

// holdersOf are users who have a policy, some of them where they are many.
func holdersOf(company *identity.Company, policy string) (names []string) {
	const most = 10
	for _, name := range slices.Sorted(maps.Keys(company.Users)) {
		if len(names) < most && slices.Contains(company.Users[name].Policies, policy) {
			names = append(names, name)
		}
	}
	return names
}

// checkStoredPolicy reports why a policy cannot be changed here: it is managed, or is in a file.
func checkStoredPolicy(company *identity.Company, name string) error {
	policy := company.Policies[name]
	switch {
	case identity.ManagedPolicy(name):
		return dataapi.Errorf(dataapi.CodeConflict, "%s is a managed policy, which every company has and nobody changes.", name)
	case policy == nil || policy.Stored:
		return nil // whether there is one that is not in force, the store knows
	case company.Stored:
		return dataapi.Errorf(dataapi.CodeConflict, "The policy %s is in the document of the company itself, and is changed there.", name)
	default:
		return dataapi.Errorf(dataapi.CodeConflict, "The policy %s is in the file %s/company.yaml, and is changed there.", name, company.Slug)
	}
}

// remainsWith reports whether an administrator would still be one when a policy is changed.
func remainsWith(company *identity.Company, caller identity.Principal, policy *identity.Policy) bool {
	changed := *company
	changed.Policies = maps.Clone(changed.Policies)
	if changed.Policies == nil {
		changed.Policies = make(map[string]*identity.Policy)
	}
	changed.Policies[policy.Name] = policy
	would, err := identity.NewPrincipal(&changed, caller.User)
	return err == nil && would.AuthorizeEverywhere(dataapi.ActionManageAccess)
}
