package execution

import (
	"context"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/source"
)

// Draft compiles the statement of an endpoint that is in no plan, asks the source about it, and returns a call of it and the columns
// of its result. Nothing of it is stored. The errors are those of a [catalog.CheckFunc]. Who may run it, and that its company may
// publish on its source, is for the caller to know.
func (q *Queries) Draft(ctx context.Context, endpoint *catalog.Endpoint) (Call, []source.Column, error) {
	compiled, err := q.compile(endpoint)
	if err != nil {
		return Call{}, nil, err
	}
	columns, err := compiled.describe(ctx)
	if err != nil {
		return Call{}, nil, err
	}
	return Call{Endpoint: endpoint, query: compiled}, columns, nil
}
