package operation

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/activity"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// Services are what the routes act on.
type Services struct {
	Catalog     *catalog.Catalog
	CatalogRoot string                 // as diagnostics name it
	Plan        func() *execution.Plan // what is served now
	Jobs        *job.Engine
	Store       Store
	Dispatcher  *callback.Dispatcher
	Usage       *usage.Counter
	Activity    *activity.Recorder
	Sources     []Source // by name
	StoreUp     func() bool
	Version     string
}

// Store is what the routes need of the store.
type Store interface {
	callback.Store

	// List is that of job.Store: the engine's leaves out jobs that have expired, whose callbacks may be left.
	List(ctx context.Context, company string, filter job.Filter) (jobs []job.Job, next job.Cursor, err error)
	Get(ctx context.Context, id job.ID) (job.Job, error)
}

// operation answers the routes.
type operation struct {
	Services
	*respond.Responder
	schemas *schemas
}

// Routes returns the routes, for a mux of callers.
func Routes(services Services) func(*respond.Responder) respond.Routes {
	return func(responder *respond.Responder) respond.Routes {
		o := &operation{services, responder, newSchemas(time.Now)}
		return respond.Routes{
			"GET " + dataapi.PathJobs:                             o.listJobs,
			"GET " + dataapi.PathJobs + "/{job_id}":               o.getJob,
			"DELETE " + dataapi.PathJobs + "/{job_id}":            o.cancelJob,
			"GET " + dataapi.PathDeliveries:                       o.listDeliveries,
			"GET " + dataapi.PathDeliveries + "/{job_id}":         o.getDelivery,
			"POST " + dataapi.PathDeliveries + "/{job_id}/replay": o.replayDelivery,
			"GET " + dataapi.PathActivity:                         o.listActivity,
			"GET " + dataapi.PathActivity + "/{namespace}/{slug}": o.getActivity,
			"GET " + dataapi.PathSources:                          o.listSources,
			"GET " + dataapi.PathSources + "/{name}/schema":       o.getSchema,
			"GET " + dataapi.PathStatus:                           o.getStatus,
		}
	}
}

const (
	defaultPage = 50
	maxPage     = job.MaxList
)

// authorizeAgain is asked before something changes: the caller may have lost the right meanwhile.
func (o *operation) authorizeAgain(r *http.Request) (identity.Principal, error) {
	return o.Renew(respond.CallerOf(r))
}

// endpointName names an endpoint to a company: without its own name before it.
func endpointName(company string, address dataapi.Address) string {
	if address.Company == company {
		return address.Path()
	}
	return address.String()
}

// readEndpoint reads a filter for an endpoint, as endpointName names it.
func readEndpoint(company, text string) (address dataapi.Address, err error) {
	if text == "" {
		return address, nil
	}
	parts := strings.Split(text, "/")
	if len(parts) == 2 {
		parts = append([]string{company}, parts...)
	}
	if len(parts) != 3 || !dataapi.ValidSlug(parts[0]) || !dataapi.ValidSlug(parts[1]) || !dataapi.ValidSlug(parts[2]) {
		return address, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"endpoint is %q: it must be NAMESPACE/SLUG, or COMPANY/NAMESPACE/SLUG of one that another company shares.", fields.Shorten(text))
	}
	return dataapi.Address{Company: parts[0], Namespace: parts[1], Slug: parts[2]}, nil
}

// withoutQuery is a URL without what may hold a token.
func withoutQuery(text string) string {
	parsed, err := url.Parse(text)
	if err != nil {
		return ""
	}
	parsed.RawQuery, parsed.User, parsed.Fragment = "", nil, ""
	return parsed.String()
}

func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
