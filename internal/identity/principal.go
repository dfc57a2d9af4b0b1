package identity

import (
	"encoding/json"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
)

// Principal is a user who has been authenticated. It holds the company and the user as they were when it was made, and
// stays usable when the catalog changes after that. The zero Principal is permitted nothing.
type Principal struct {
	Company *Company
	User    *User
	KeyID   string // the API key that identified the user; empty: a trusted issuer did
	Issuer  string // the name of that issuer, known while a request is answered; a job of the user does not know it
	Session string // the family of the token that was presented; empty: none of this server's
	Link    string // the presigned link that was used, which its maker calls by; empty: none was

	permissions permissions
}

// NewPrincipal returns what a user of a company would be as a caller, without a key, to describe what it may do. It fails
// as [Directory.SetCompanies] does.
func NewPrincipal(company *Company, user *User) (Principal, error) {
	granted, err := compile(company, user)
	return Principal{Company: company, User: user, permissions: granted}, err
}

// Authorize reports whether the user's policies allow action on the endpoint at this path, written namespace/slug. What no
// policy grants is denied, and so is a path of any other form. It does not allocate and does not block.
func (p Principal) Authorize(action dataapi.Action, endpointPath string) bool {
	granted := p.permissions[action]
	return granted != nil && granted.permits(endpointPath)
}

// Require refuses a caller whose user's policies do not allow action on an endpoint, given as namespace/slug.
func (p Principal) Require(action dataapi.Action, endpointPath string) error {
	if !p.Authorize(action, endpointPath) {
		return dataapi.Errorf(dataapi.CodeForbidden, "Your user lacks the permission %s on %s.", action, endpointPath)
	}
	return nil
}

// AuthorizeEverywhere reports whether the user's policies allow action on every endpoint, those to come included. It is for
// actions that are about the company as a whole.
func (p Principal) AuthorizeEverywhere(action dataapi.Action) bool {
	granted := p.permissions[action]
	return granted != nil && granted.all
}

// RequireEverywhere refuses a caller whose user's policies do not allow action on every endpoint.
func (p Principal) RequireEverywhere(action dataapi.Action) error {
	if !p.AuthorizeEverywhere(action) {
		return dataapi.Errorf(dataapi.CodeForbidden, "Your user lacks the permission %s.", action)
	}
	return nil
}

// AuthorizeSomewhere reports whether the user's policies allow action on any endpoint at all, be there one or not.
func (p Principal) AuthorizeSomewhere(action dataapi.Action) bool {
	return p.permissions[action] != nil
}

// RequireSomewhere refuses a caller whose user's policies allow none of some actions on any endpoint.
func (p Principal) RequireSomewhere(actions ...dataapi.Action) error {
	names := make([]string, len(actions))
	for i, action := range actions {
		if p.AuthorizeSomewhere(action) {
			return nil
		}
		names[i] = string(action)
	}
	return dataapi.Errorf(dataapi.CodeForbidden, "Your user lacks the permission %s.", strings.Join(names, " or "))
}

// EffectiveAction is an action that a user's policies allow together, and where.
type EffectiveAction struct {
	Action    dataapi.Action `json:"action"`
	Endpoints []string       `json:"endpoints"` // patterns over namespace/slug; * for every endpoint
}

// Actions returns what the user's policies allow together, in the order of [dataapi.Actions].
func (p Principal) Actions() []EffectiveAction {
	effective := make([]EffectiveAction, 0, len(p.permissions))
	for _, action := range dataapi.Actions() {
		if granted := p.permissions[action]; granted != nil {
			effective = append(effective, EffectiveAction{Action: action, Endpoints: granted.patterns()})
		}
	}
	return effective
}

// UserDocument describes a user to itself. It is the field user of a token answer and of the permission document.
type UserDocument struct {
	CompanySlug string   `json:"company_slug"`
	Name        string   `json:"name"`
	DisplayName string   `json:"display_name"`
	Policies    []string `json:"policies"`
}

// Document describes the user to itself.
func (p Principal) Document() UserDocument {
	return UserDocument{
		CompanySlug: p.Company.Slug,
		Name:        p.User.Name,
		DisplayName: p.User.DisplayName,
		Policies:    append([]string{}, p.User.Policies...), // never null in JSON
	}
}

// PermissionDocument is the answer to GET /api/v1/auth/permissions.
type PermissionDocument struct {
	User         UserDocument                  `json:"user"`
	Policies     []PolicyDocument              `json:"policies"`
	Actions      []EffectiveAction             `json:"actions"`
	ShareContext map[string]ConstraintDocument `json:"share_context"`
}

// PolicyDocument names a policy that a user has.
type PolicyDocument struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Managed     bool   `json:"managed"`
}

// ConstraintDocument is what one parameter is limited to for a user. A member that is absent does not limit it.
type ConstraintDocument struct {
	Allowed []json.RawMessage `json:"allowed,omitzero"` // with exactly one value, that value is filled in when omitted
	Minimum json.RawMessage   `json:"minimum,omitempty"`
	Maximum json.RawMessage   `json:"maximum,omitempty"`
}

// Permissions describes what the user may do. The document shares the share context's values with the user: it is
// meant to be encoded, not changed.
func (p Principal) Permissions() PermissionDocument {
	document := PermissionDocument{
		User:         p.Document(),
		Policies:     make([]PolicyDocument, 0, len(p.User.Policies)),
		Actions:      p.Actions(),
		ShareContext: DescribeContext(p.User.ShareContext),
	}
	for _, name := range p.User.Policies {
		policy := managedPolicies[name]
		managed := policy != nil
		if !managed {
			policy = p.Company.Policies[name]
		}
		document.Policies = append(document.Policies, PolicyDocument{
			Name: name, Description: policy.Description, Managed: managed,
		})
	}
	return document
}

// DescribeContext writes a share context for those whom it limits. The document shares the context's values.
func DescribeContext(context params.ShareContext) map[string]ConstraintDocument {
	described := make(map[string]ConstraintDocument, len(context))
	for parameter, constraint := range context {
		described[parameter] = ConstraintDocument(constraint)
	}
	return described
}
