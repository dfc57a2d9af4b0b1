package execution

import (
	"slices"
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

	MayGetJob, MayCancelJob, MayMakeLink bool
}

// Foreign reports whether the endpoint belongs to another company than this one, which shares it.
func (o Offer) Foreign(company string) bool { return o.Company != company }

// Wanted chooses among the endpoints that a caller may run. The zero value chooses all.
type Wanted struct {
	After     string // begins behind this path
	Limit     int    // returns at most so many; 0: all
	Namespace string // only those of this one; empty: of all
	Slug      string // only those of this name; empty: of any

	// Search has words that all must occur in the path, the title or the description, in whatever case.
	Search string
}

// takes reports whether an endpoint is among those that are wanted; words are those of Search, in lower case.
func (w *Wanted) takes(endpoint *catalog.Endpoint, words []string) bool {
	switch {
	case w.After != "" && strings.Compare(endpoint.Path(), w.After) <= 0,
		w.Namespace != "" && endpoint.Namespace != w.Namespace,
		w.Slug != "" && endpoint.Slug != w.Slug:
		return false
	case len(words) == 0:
		return true
	}
	text := strings.ToLower(endpoint.Path() + "\n" + endpoint.Title + "\n" + endpoint.Description)
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// Offers returns the endpoints that a caller may run, of those that are wanted, ordered by namespace/slug: those that its policies
// allow it to execute and that its contexts leave a value for every parameter of. more tells that there are others.
func (p *Plan) Offers(caller identity.Principal, wanted Wanted) (offers []Offer, more bool) {
	words := strings.Fields(strings.ToLower(wanted.Search))
	for _, reached := range p.snapshot.Reached(caller.Company.Slug) {
		endpoint := reached.Endpoint
		path := endpoint.Path()
		if !wanted.takes(endpoint, words) || !caller.Authorize(dataapi.ActionExecute, path) {
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
		if wanted.Limit > 0 && len(offers) == wanted.Limit {
			return offers, true
		}
		offers = append(offers, Offer{
			Endpoint: endpoint, Parameters: narrowed, Shared: reached.Shared, Columns: columns,
			MayGetJob: caller.Authorize(dataapi.ActionGetJob, path), MayCancelJob: caller.Authorize(dataapi.ActionCancelJob, path),
			MayMakeLink: endpoint.Mode == catalog.Sync && caller.Authorize(dataapi.ActionMakeLink, path),
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
