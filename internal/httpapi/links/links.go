package links

import (
	"errors"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/link"
)

// Services are what the routes act on.
type Services struct {
	Links *link.Links

	// Plan returns the endpoints as they are now. It must not block.
	Plan func() *execution.Plan

	// Scheme returns the scheme that a client has used, https or http. It must not block.
	Scheme func(r *http.Request) string

	// Reserved are the names in the query of a GET of an endpoint that are not parameters of it.
	Reserved []string
}

type links struct {
	Services
	*respond.Responder
}

// Routes returns the routes, for a mux of callers.
func Routes(services Services) func(*respond.Responder) respond.Routes {
	const route = dataapi.PathEndpoints + "/{namespace}/{slug}/links"
	return func(responder *respond.Responder) respond.Routes {
		l := &links{services, responder}
		return respond.Routes{
			"POST " + route:                  l.create,
			"GET " + route:                   l.list,
			"GET " + route + "/{link_id}":    l.get,
			"DELETE " + route + "/{link_id}": l.revoke,
		}
	}
}

// authorize reports whether the caller may make links to the endpoint that the request names. Whether there is one is not asked: links
// outlive an endpoint that is gone or inactive, and must be found until then.
func (l *links) authorize(r *http.Request, caller identity.Principal) error {
	namespace, slug := r.PathValue("namespace"), r.PathValue("slug")
	if !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug) {
		return &dataapi.Error{Code: dataapi.CodeEndpointNotFound}
	}
	for _, action := range []dataapi.Action{dataapi.ActionMakeLink, dataapi.ActionExecute} {
		if err := caller.Require(action, namespace+"/"+slug); err != nil {
			return err
		}
	}
	return nil
}

// endpoint returns the endpoint that the request names.
func (l *links) endpoint(r *http.Request, caller identity.Principal) (execution.Call, error) {
	return l.Plan().Find(caller.Company.Slug, r.PathValue("namespace"), r.PathValue("slug"))
}

const (
	defaultPage = 50
	maxPage     = 200
)

// list answers with the links to the endpoint that the caller may see, newest first.
func (l *links) list(w http.ResponseWriter, r *http.Request) error {
	caller := respond.CallerOf(r)
	if err := l.authorize(r, caller); err != nil {
		return err
	}
	query, err := fields.ParseQuery(r, "limit", "cursor")
	if err != nil {
		return err
	}
	limit, err := query.Number("limit", defaultPage, maxPage)
	if err != nil {
		return err
	}
	if cursor, given := query["cursor"]; given && !link.ValidID(cursor) {
		return fields.ErrCursor(nil)
	}
	found, err := l.Links.ListLinks(r.Context(), caller.Company.Slug, r.PathValue("namespace"), r.PathValue("slug"), query["cursor"], limit+1)
	if err != nil {
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	if len(found) == 0 {
		if _, err := l.endpoint(r, caller); err != nil {
			return err
		}
	}
	answer := struct {
		Links []document `json:"links"`
		Next  *string    `json:"next_cursor"`
	}{Links: []document{}}
	if len(found) > limit {
		found = found[:limit]
		answer.Next = &found[limit-1].ID
		query.SetNext(w, r, *answer.Next, limit)
	}
	for i := range found {
		if maySee(caller, &found[i]) { // a page may be shorter than its limit
			answer.Links = append(answer.Links, l.describe(&found[i]))
		}
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

// maySee reports whether a caller may see and revoke a link: it is its user's own, or the caller looks after the company's keys.
func maySee(caller identity.Principal, l *link.Link) bool {
	return l.User == caller.User.Name || caller.AuthorizeEverywhere(dataapi.ActionManageAccess)
}

var errNoLink = dataapi.Errorf(dataapi.CodeNotFound, "There is no such link to this endpoint, or it is not yours.")

// find returns the link that the request names, when the caller may see it.
func (l *links) find(r *http.Request, caller identity.Principal) (link.Link, error) {
	if _, err := fields.ParseQuery(r); err != nil {
		return link.Link{}, err
	}
	if err := l.authorize(r, caller); err != nil {
		return link.Link{}, err
	}
	found, err := l.findOf(r, caller)
	if errors.Is(err, errNoLink) {
		if _, gone := l.endpoint(r, caller); gone != nil {
			return link.Link{}, gone
		}
	}
	return found, err
}

func (l *links) findOf(r *http.Request, caller identity.Principal) (link.Link, error) {
	id := r.PathValue("link_id")
	if !link.ValidID(id) {
		return link.Link{}, errNoLink
	}
	found, err := l.Links.FindLink(r.Context(), id)
	switch {
	case errors.Is(err, link.ErrNotFound):
		return link.Link{}, errNoLink
	case err != nil:
		return link.Link{}, dataapi.Wrap(dataapi.CodeOverloaded, err)
	case found.Company != caller.Company.Slug || found.Namespace != r.PathValue("namespace") || found.Slug != r.PathValue("slug"),
		!maySee(caller, &found):
		return link.Link{}, errNoLink
	}
	return found, nil
}

func (l *links) get(w http.ResponseWriter, r *http.Request) error {
	found, err := l.find(r, respond.CallerOf(r))
	if err != nil {
		return err
	}
	return respond.WriteJSON(w, http.StatusOK, l.describe(&found))
}

// revoke forgets a link: its URL is one that the server does not know from then on.
func (l *links) revoke(w http.ResponseWriter, r *http.Request) error {
	caller, err := l.Renew(respond.CallerOf(r))
	if err != nil {
		return err
	}
	found, err := l.find(r, caller)
	if err != nil {
		return err
	}
	switch err := l.Links.RemoveLink(r.Context(), found.ID); {
	case errors.Is(err, link.ErrNotFound): // somebody else has revoked it meanwhile
		return errNoLink
	case err != nil:
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	l.record(w, r, audit.LinkRevoked, &found)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (l *links) record(w http.ResponseWriter, r *http.Request, action audit.Action, about *link.Link) {
	caller := respond.CallerOf(r)
	event := respond.EventBy(caller, action)
	event.Subject, event.LinkID = about.User, about.ID
	event.Endpoint = dataapi.Address{Company: about.Company, Namespace: about.Namespace, Slug: about.Slug}.String()
	if call, err := l.Plan().Find(caller.Company.Slug, about.Namespace, about.Slug); err == nil {
		event.Endpoint = call.Endpoint.Address.String() // which may be another company's that shares it
	}
	l.Record(w, r, event)
}
