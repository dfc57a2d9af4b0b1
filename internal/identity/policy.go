package identity

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// The policies that every company has. Each one lets its holder run every endpoint of the company, and read and cancel its jobs;
// a viewer also sees how endpoints are made, a manager also makes them, and an administrator may do everything there is.
const (
	PolicyDataAPIConsumer      = "DataAPIConsumer"
	PolicyVisualizationViewer  = "VisualizationViewer"
	PolicyVisualizationManager = "VisualizationManager"
	PolicyCompanyAdministrator = "CompanyAdministrator"
)

// ManagedPolicies returns the policies that every company has, in the order in which they are documented. A company
// cannot define a policy of the same name. The slice is the caller's own.
func ManagedPolicies() []Policy {
	grant := func(more ...dataapi.Action) []Grant {
		consumer := []dataapi.Action{dataapi.ActionExecute, dataapi.ActionGetJob, dataapi.ActionCancelJob}
		return []Grant{{Actions: append(consumer, more...)}}
	}
	return []Policy{
		{Name: PolicyDataAPIConsumer, Description: "Run endpoints; read and cancel jobs.", Grants: grant()},
		{Name: PolicyVisualizationViewer, Description: "View visualizations; run endpoints; read and cancel jobs.", Grants: grant(dataapi.ActionView)},
		{
			Name: PolicyVisualizationManager, Description: "Manage visualizations; run endpoints; read and cancel jobs.",
			Grants: grant(dataapi.ActionView, dataapi.ActionEdit),
		},
		{
			Name:        PolicyCompanyAdministrator,
			Description: "Manage users, keys and deliveries; see usage; manage visualizations; run endpoints; read and cancel jobs.",
			Grants:      []Grant{{Actions: dataapi.Actions()}},
		},
	}
}

var managedPolicies = func() map[string]*Policy {
	byName := make(map[string]*Policy)
	for _, policy := range ManagedPolicies() {
		byName[policy.Name] = &policy
	}
	return byName
}()

// ManagedPolicy reports whether name is a managed policy's.
func ManagedPolicy(name string) bool { return managedPolicies[name] != nil }

// permissions is what one user may do, by action. What is not in it is denied. It is immutable.
type permissions map[dataapi.Action]*scope

// scope is the set of endpoints that an action is allowed on.
type scope struct {
	all   bool
	exact map[string]struct{} // by namespace/slug: one look-up however many endpoints a policy lists
	globs []pattern
	texts map[string]struct{} // the patterns as written, to be shown
}

// compile merges the grants of a user's policies. It fails when a policy is unknown, or when a grant holds an action or
// a pattern that is not valid: a permission that cannot be understood must not be dropped silently.
func compile(company *Company, user *User) (permissions, error) {
	compiled := make(permissions)
	for _, name := range user.Policies {
		policy := managedPolicies[name]
		if policy == nil {
			policy = company.Policies[name]
		}
		if policy == nil {
			return nil, fmt.Errorf("user %s has the policy %q, which is neither managed nor the company's own", user.Name, name)
		}
		for _, grant := range policy.Grants {
			if err := compiled.add(grant); err != nil {
				return nil, fmt.Errorf("policy %s: %w", name, err)
			}
		}
	}
	return compiled, nil
}

func (p permissions) add(grant Grant) error {
	if len(grant.Actions) == 0 {
		return errors.New("a grant names no action")
	}
	for _, action := range grant.Actions {
		if !slices.Contains(dataapi.Actions(), action) {
			return fmt.Errorf("unknown action %q; the actions are %v", action, dataapi.Actions())
		}
		if p[action] == nil {
			p[action] = &scope{exact: make(map[string]struct{}), texts: make(map[string]struct{})}
		}
		if err := p[action].add(grant.Endpoints); err != nil {
			return err
		}
	}
	return nil
}

func (s *scope) add(patterns []string) error {
	if len(patterns) == 0 {
		patterns = []string{everyEndpoint}
	}
	for _, text := range patterns {
		parsed, err := parsePattern(text)
		if err != nil {
			return err
		}
		switch {
		case parsed.all():
			s.all = true
		case parsed.wildcard():
			s.globs = append(s.globs, parsed)
		default:
			s.exact[text] = struct{}{}
		}
		s.texts[text] = struct{}{}
	}
	return nil
}

func (s *scope) permits(endpointPath string) bool {
	namespace, slug, ok := splitPath(endpointPath)
	if !ok {
		return false
	}
	if s.all {
		return true
	}
	if _, listed := s.exact[endpointPath]; listed {
		return true
	}
	for i := range s.globs {
		if s.globs[i].match(namespace, slug) {
			return true
		}
	}
	return false
}

// patterns returns the scope as a caller is shown it: sorted, and * alone when it covers everything.
func (s *scope) patterns() []string {
	if s.all {
		return []string{everyEndpoint}
	}
	return slices.Sorted(maps.Keys(s.texts))
}
