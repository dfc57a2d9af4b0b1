package execution

import (
	"context"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

// Recall says which of the endpoints' statements their sources have accepted before. It is for [catalog.Options], and blocks while
// sources are asked whether their schema has changed since, once for all who ask at the same time.
func (q *Queries) Recall(ctx context.Context, endpoints []*catalog.Endpoint) (known map[*catalog.Endpoint]catalog.Recollection) {
	began := time.Now()
	bySource := make(map[string][]*checkedQuery)
	for _, endpoint := range endpoints {
		if q.memories[endpoint.Source] == nil {
			continue
		}
		if query, err := q.get(endpoint); err == nil {
			bySource[endpoint.Source] = append(bySource[endpoint.Source], query)
		}
	}
	known = make(map[*catalog.Endpoint]catalog.Recollection)
	for name, queries := range bySource {
		accepted := q.memories[name]
		keys := make([]statementKey, len(queries))
		for i, query := range queries {
			keys[i] = query.key
		}
		if !accepted.hasAny(keys) || accepted.renew(ctx, began) != nil {
			continue
		}
		for _, query := range queries {
			found, ok := accepted.recall(query.key)
			if !ok {
				continue
			}
			known[query.endpoint] = found
			if !found.Stale {
				query.learn(found.Columns)
			}
		}
	}
	return known
}

// forgetUnused lets go of what is remembered of statements that no endpoint has any more, when that has become much.
func (q *Queries) forgetUnused(plan *Plan) {
	for name, accepted := range q.memories {
		if accepted == nil || accepted.count() <= len(plan.queries)+spareStatements {
			continue
		}
		used := make(map[statementKey]bool)
		for endpoint, query := range plan.queries {
			if endpoint.Source == name {
				used[query.key] = true
			}
		}
		accepted.keepOnly(used)
	}
}
