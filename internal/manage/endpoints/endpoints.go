package endpoints

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// Services are what the routes act on.
type Services struct {
	Catalog   *catalog.Catalog
	Documents *documents.Library
	Drafts    *execution.Drafts
	Rates     *ratelimit.Table
}

// endpoints answers the routes.
type endpoints struct {
	Services
	*respond.Responder
}

// The routes of one endpoint.
const (
	endpointRoute  = dataapi.PathEndpoints + "/{namespace}/{slug}"
	revisionsRoute = endpointRoute + "/revisions"
	revisionRoute  = revisionsRoute + "/{version}"
)

// Routes returns the routes, for a mux of callers.
func Routes(services Services) func(*respond.Responder) respond.Routes {
	return func(responder *respond.Responder) respond.Routes {
		e := &endpoints{services, responder}
		return respond.Routes{
			http.MethodGet + " " + dataapi.PathCatalog:            e.list,
			http.MethodPost + " " + dataapi.PathCheck:             e.check,
			http.MethodGet + " " + endpointRoute:                  e.get,
			http.MethodPut + " " + endpointRoute:                  e.put,
			http.MethodDelete + " " + endpointRoute:               e.delete,
			http.MethodPost + " " + endpointRoute + "/activate":   e.activate,
			http.MethodPost + " " + endpointRoute + "/deactivate": e.deactivate,
			http.MethodGet + " " + revisionsRoute:                 e.revisions,
			http.MethodGet + " " + revisionRoute:                  e.revision,
			http.MethodPost + " " + revisionRoute + "/restore":    e.restore,
		}
	}
}

// How often one user may change endpoints, and have drafts checked, which is done while they type.
var (
	changeLimit = ratelimit.Limit{Count: 60, Period: time.Minute, Burst: 30}
	checkLimit  = ratelimit.Limit{Count: 20, Period: time.Second, Burst: 20}
)

// limit counts a request against a limit of the caller's.
func (e *endpoints) limit(w http.ResponseWriter, caller identity.Principal, policy string, limit ratelimit.Limit) error {
	key := e.Rates.Key(policy, caller.Company.Slug, caller.User.Name)
	return respond.Limited(w.Header(), policy, limit, e.Rates.Take(key, limit))
}

// authorize returns the address that the request names, in the caller's company, when the caller may do this there. Whether there is
// such an endpoint makes no difference.
func authorize(r *http.Request, caller identity.Principal, action dataapi.Action) (dataapi.Address, error) {
	address := dataapi.Address{Company: caller.Company.Slug, Namespace: r.PathValue("namespace"), Slug: r.PathValue("slug")}
	if !dataapi.ValidSlug(address.Namespace) || !dataapi.ValidSlug(address.Slug) {
		return address, &dataapi.Error{Code: dataapi.CodeEndpointNotFound}
	}
	return address, caller.Require(action, address.Path())
}

// find returns the endpoint at an address: that of a file, unless the console's is asked for.
func (e *endpoints) find(address dataapi.Address, ofConsole bool) (found catalog.Entry, err error) {
	for _, entry := range e.Catalog.Entries(address.Company) {
		if entry.Address == address && (!ofConsole || entry.Origin == catalog.OfConsole) {
			return entry, nil
		}
	}
	return found, errNoEndpoint
}

var errNoEndpoint = dataapi.Errorf(dataapi.CodeEndpointNotFound, "Your company has no such endpoint.")

// record keeps what was done to an endpoint.
func (e *endpoints) record(w http.ResponseWriter, r *http.Request, caller identity.Principal, action audit.Action, address dataapi.Address, revision string) {
	event := respond.EventBy(caller, action)
	event.Endpoint, event.Revision = address.String(), revision
	e.Record(w, r, event)
}
