package execution

import (
	"strings"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

// Offer is an endpoint as one caller may run it.
type Offer struct {
	*catalog.Endpoint

	// Parameters are what the share's context and the user's own leave of the contract, together.
	Parameters params.Narrowed

	// Shared is what the owner has limited the caller's company to; nil for the company's own endpoint.
	Shared params.ShareContext

	// Columns are the result's, as the database has described them. It is nil while that is not known, since the database
	// could not be asked yet. It must not be changed.
	Columns []source.Column

	MayGetJob, MayCancelJob bool
}

// Foreign reports whether the endpoint belongs to another company than this one, which shares it.
func (o Offer) Foreign(company string) bool { return o.Company != company }

// Offers returns the endpoints that a caller may run, ordered by namespace/slug: those that its policies allow it to
// execute and that its contexts leave a value for every parameter of. It begins behind the path after, and returns at
// most limit of them, all when that is 0; more tells that there are others.
func (p *Plan) Offers(caller identity.Principal, after string, limit int) (offers []Offer, more bool) {
	for _, reached := range p.snapshot.Reached(caller.Company.Slug) {
		endpoint := reached.Endpoint
		path := endpoint.Path()
		if after != "" && strings.Compare(path, after) <= 0 || !caller.Authorize(dataapi.ActionExecute, path) {
			continue
		}
		var columns []source.Column
		if p.queries != nil {
			query, ok := p.queries[endpoint]
			if !ok {
				continue
			}
			if known := query.columns.Load(); known != nil {
				columns = *known
			}
		}
		narrowed := endpoint.Contract.Narrow(reached.Shared, caller.User.ShareContext)
		if !narrowed.Satisfiable {
			continue
		}
		if limit > 0 && len(offers) == limit {
			return offers, true
		}
		offers = append(offers, Offer{
			Endpoint: endpoint, Parameters: narrowed, Shared: reached.Shared, Columns: columns,
			MayGetJob: caller.Authorize(dataapi.ActionGetJob, path), MayCancelJob: caller.Authorize(dataapi.ActionCancelJob, path),
		})
	}
	return offers, false
}

// Describe makes a plan that only tells what there is: nothing of it can be run, and no columns are known.
func Describe(snapshot *catalog.Snapshot) *Plan { return &Plan{snapshot: snapshot} }

// Learned counts the statements whose columns have become known since the sources were configured. Together with the
// plan itself it identifies what [Plan.Offers] returns to a principal.
func (p *Plan) Learned() uint64 {
	if p.learned == nil {
		return 0
	}
	return p.learned.Load()
}
