package access

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// Services are what the routes act on.
type Services struct {
	Catalog    *catalog.Catalog
	Directory  *identity.Directory
	Keys       *identity.Keys
	Dispatcher *callback.Dispatcher
	Documents  *documents.Library

	// CheckUser and CheckPolicy read a user and a policy of a company, given as company.yaml has it below users and policies. They say
	// every fault, each in words for people; then there is no user, or policy.
	CheckUser   func(company, user string, value []byte) (*identity.User, []string)
	CheckPolicy func(company, policy string, value []byte) (*identity.Policy, []string)
}

// access answers the routes.
type access struct {
	Services
	*respond.Responder
}

// Routes returns the routes, for a mux of callers.
func Routes(services Services) func(*respond.Responder) respond.Routes {
	return func(responder *respond.Responder) respond.Routes {
		a := &access{services, responder}
		routes := respond.Routes{
			"GET " + dataapi.PathUsers + "/{name}":                         a.getUser,
			"PUT " + dataapi.PathUsers + "/{name}":                         a.putUser,
			"DELETE " + dataapi.PathUsers + "/{name}":                      a.deleteUser,
			"GET " + dataapi.PathUsers + "/{name}/callback-secret":         a.secretState,
			"POST " + dataapi.PathUsers + "/{name}/callback-secret":        a.showSecret,
			"POST " + dataapi.PathUsers + "/{name}/callback-secret/rotate": a.rotateSecret,
			"GET " + dataapi.PathPolicies:                                  a.listPolicies,
			"GET " + dataapi.PathPolicies + "/{name}":                      a.getPolicy,
			"PUT " + dataapi.PathPolicies + "/{name}":                      a.putPolicy,
			"DELETE " + dataapi.PathPolicies + "/{name}":                   a.deletePolicy,
			"POST " + dataapi.PathKeys:                                     a.createKey,
			"POST " + dataapi.PathKeys + "/{api_key}/rotate":               a.rotateKey,
			"DELETE " + dataapi.PathKeys + "/{api_key}":                    a.revokeKey,
		}
		for pattern, handle := range routes {
			routes[pattern] = a.guarded(withoutQuery(handle))
		}
		routes["GET "+dataapi.PathUsers], routes["GET "+dataapi.PathKeys] = a.guarded(a.listUsers), a.guarded(a.listKeys)
		return routes
	}
}

// guarded lets nobody in but administrators of access.
func (a *access) guarded(handle respond.Handler) respond.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := respond.CallerOf(r).RequireEverywhere(dataapi.ActionManageAccess); err != nil {
			return err
		}
		return handle(w, r)
	}
}

// withoutQuery is for a handler that knows no query parameters: one that is passed over may have been meant to keep something from being done.
func withoutQuery(handle respond.Handler) respond.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := fields.ParseQuery(r); err != nil {
			return err
		}
		return handle(w, r)
	}
}

// authorizeAgain is asked before something changes, when the body has been read: the caller may have lost the right meanwhile. It returns the
// caller as it is now.
func (a *access) authorizeAgain(r *http.Request) (identity.Principal, error) {
	caller, err := a.Renew(respond.CallerOf(r))
	if err != nil {
		return caller, err
	}
	return caller, caller.RequireEverywhere(dataapi.ActionManageAccess)
}

// refuseGrant refuses what would give somebody more than the caller has.
func refuseGrant(beyond string) error {
	return dataapi.Errorf(dataapi.CodeForbidden, "This would give more than you have: %s. Nobody grants what they lack themselves.", beyond)
}

// mayActFor refuses a caller who would get, by a key of another user's, more than it has itself.
func (a *access) mayActFor(caller identity.Principal, name string) error {
	company := a.company(caller)
	user := company.Users[name]
	if user == nil {
		return nil // which is refused with better words
	}
	target, err := identity.NewPrincipal(company, user)
	if err != nil {
		return nil //nolint:nilerr // such a user is let in nowhere
	}
	if beyond := caller.Beyond(target); beyond != "" {
		return refuseGrant(beyond)
	}
	return nil
}

// company returns the caller's company as it is now: that of the caller is as old as the request.
func (a *access) company(caller identity.Principal) *identity.Company {
	if company, ok := a.Catalog.Current().Company(caller.Company.Slug); ok {
		return company
	}
	return caller.Company
}

// findUser returns the user that the path names.
func (a *access) findUser(r *http.Request) (*identity.User, error) {
	user := a.company(respond.CallerOf(r)).Users[r.PathValue("name")]
	if user == nil {
		return nil, errNoUser
	}
	return user, nil
}

// record keeps what was done to a user, a policy or a key, which is the event's subject.
func (a *access) record(w http.ResponseWriter, r *http.Request, action audit.Action, subject string) {
	event := respond.EventBy(respond.CallerOf(r), action)
	event.Subject = subject
	a.Record(w, r, event)
}
