package identity

import (
	"fmt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Beyond says what another user of the company may do or see that this one may not, in words for this one; empty: nothing. Who grants
// something, be it by a policy, a user or a key, has to have it.
func (p Principal) Beyond(other Principal) string {
	if more := p.permissions.beyond(other.permissions); more != "" {
		return more
	}
	for name, constraint := range p.User.ShareContext {
		if wanted, limited := other.User.ShareContext[name]; !limited || !wanted.Within(constraint) {
			return "values of the parameter " + name + " that your share context keeps from you"
		}
	}
	return ""
}

// BeyondGrants is Beyond for the grants of a policy, which fails as [Directory.SetCompanies] does.
func (p Principal) BeyondGrants(policy *Policy) (string, error) {
	granted := make(permissions)
	for _, grant := range policy.Grants {
		if err := granted.add(grant); err != nil {
			return "", err
		}
	}
	return p.permissions.beyond(granted), nil
}

// beyond says which of other permissions are not among these; empty: none.
func (p permissions) beyond(other permissions) string {
	for _, action := range dataapi.Actions() {
		wanted, have := other[action], p[action]
		if wanted == nil {
			continue
		}
		for _, text := range wanted.patterns() {
			if have == nil || !have.covers(text) {
				return fmt.Sprintf("%s on %s", action, text)
			}
		}
	}
	return ""
}

// covers reports whether one of the scope's patterns has everything that another one has. Several of them together may have it all the
// same: that they do is not seen.
func (s *scope) covers(text string) bool {
	if s.all {
		return true
	}
	if _, listed := s.texts[text]; listed {
		return true
	}
	wanted, err := parsePattern(text)
	if err != nil {
		return false
	}
	for i := range s.globs {
		if s.globs[i].namespace.covers(wanted.namespace) && s.globs[i].slug.covers(wanted.slug) {
			return true
		}
	}
	return false
}

func (p part) covers(other part) bool {
	if p.open {
		return p.match(other.text)
	}
	return p == other
}
