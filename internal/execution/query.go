package execution

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source"
)

// Sources are the configured databases by name.
type Sources map[string]source.Source

// Queries holds the compiled statement of every endpoint. It is safe for concurrent use.
type Queries struct {
	sources Sources

	mu       sync.Mutex
	compiled map[*catalog.Endpoint]*checkedQuery
	learned  atomic.Uint64 // counts the statements whose columns have become known
	history  history
}

// NewQueries makes an empty set over these sources.
func NewQueries(sources Sources) *Queries {
	return &Queries{sources: sources, compiled: make(map[*catalog.Endpoint]*checkedQuery)}
}

// Compile compiles an endpoint's statement, unless that was done before. It asks no database. The error is the fault of
// the endpoint, in words for its author: a source that is not configured, or a *source.StatementError.
func (q *Queries) Compile(endpoint *catalog.Endpoint) error {
	_, err := q.get(endpoint)
	return err
}

// Check asks the source whether it accepts an endpoint's statement. It is a [catalog.CheckFunc].
func (q *Queries) Check(ctx context.Context, endpoint *catalog.Endpoint) error {
	query, err := q.get(endpoint)
	if err != nil {
		return err
	}
	return query.check(ctx)
}

func (q *Queries) get(endpoint *catalog.Endpoint) (*checkedQuery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if query, ok := q.compiled[endpoint]; ok {
		return query, nil
	}
	database, ok := q.sources[endpoint.Source]
	if !ok {
		names := slices.Sorted(maps.Keys(q.sources))
		return nil, fmt.Errorf("source %q is not configured; configured are %s", endpoint.Source, strings.Join(names, ", "))
	}
	compiled, err := database.Compile(endpoint.Statement)
	if err != nil {
		return nil, err
	}
	query := &checkedQuery{Query: compiled, learned: &q.learned}
	q.compiled[endpoint] = query
	return query, nil
}

// Forget drops the query of an endpoint that is not live and will not be. It is for [catalog.Options].
func (q *Queries) Forget(endpoint *catalog.Endpoint) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.compiled, endpoint)
}

// keep drops every query that does not belong to one of these endpoints.
func (q *Queries) keep(live map[*catalog.Endpoint]*checkedQuery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	maps.DeleteFunc(q.compiled, func(endpoint *catalog.Endpoint, _ *checkedQuery) bool { return live[endpoint] == nil })
}

// accepted reports whether the source has accepted an endpoint's statement.
func (q *Queries) accepted(endpoint *catalog.Endpoint) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	query, ok := q.compiled[endpoint]
	return ok && query.columns.Load() != nil
}

// checkedQuery never runs a statement that its database has not accepted: one whose database was down when it was
// published is checked before it first runs.
type checkedQuery struct {
	source.Query
	columns atomic.Pointer[[]result.Column] // as the database described them; nil: it has not accepted the statement yet
	learned *atomic.Uint64                  // counts what was accepted
}

func (q *checkedQuery) check(ctx context.Context) error {
	if q.columns.Load() != nil {
		return nil
	}
	columns, err := q.Query.Check(ctx)
	if err != nil {
		return err
	}
	q.columns.Store(&columns)
	q.learned.Add(1)
	return nil
}

// Run checks the statement if that is still to be done, and runs it.
func (q *checkedQuery) Run(ctx context.Context, call source.Call, sink result.Sink) error {
	if err := q.check(ctx); err != nil {
		if refused, ok := errors.AsType[*source.StatementError](err); ok {
			return dataapi.Wrap(dataapi.CodeInternal, fmt.Errorf("the source refuses the statement: %w", refused))
		}
		return err
	}
	return q.Query.Run(ctx, call, sink)
}
