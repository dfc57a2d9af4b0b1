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
	"github.com/solucao42/caddy-data-api/internal/tracing"
	"github.com/solucao42/caddy-data-api/source"
)

// Sources are the configured databases by name.
type Sources map[string]source.Source

// Queries holds the compiled statement of every endpoint. It is safe for concurrent use.
type Queries struct {
	sources  Sources
	troubles *Troubles // nil: nobody shares them

	memories map[string]*Accepted // by source; of those that remember nothing: nil

	mu       sync.Mutex
	compiled map[*catalog.Endpoint]*checkedQuery
	before   *Queries      // of the configuration before; nil: there is none, or everything was taken over from it
	learned  atomic.Uint64 // counts the descriptions of columns that have become known
	history  history
	doubt    atomic.Pointer[func(*catalog.Endpoint, error)]
	traceSQL bool
}

// NewQueries makes an empty set over these sources.
func NewQueries(sources Sources) *Queries {
	return &Queries{sources: sources, compiled: make(map[*catalog.Endpoint]*checkedQuery)}
}

// TraceSQL has the spans of runs show the SQL of their statements. It is called before the first run.
func (q *Queries) TraceSQL() { q.traceSQL = true }

// ShareTroubles has the queries remember failed runs in what other sets remember them in, too. It is called before anything is
// compiled. The sources must be comparable, as pointers are.
func (q *Queries) ShareTroubles(troubles *Troubles) { q.troubles = troubles }

// Remember has what sources accept remembered, by their names. It is called before the first check.
func (q *Queries) Remember(accepted map[string]*Accepted) { q.memories = accepted }

// BeginWith has queries of the same endpoints and sources taken over from another set as they are, until it is called with nil.
func (q *Queries) BeginWith(before *Queries) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.before = before
}

// Compile compiles an endpoint's statement, unless that was done before. It asks no database. The error is the fault of
// the endpoint, in words for its author: a source that is not configured, or a *source.StatementError.
func (q *Queries) Compile(endpoint *catalog.Endpoint) error {
	_, err := q.get(endpoint)
	return err
}

// Check asks the source whether it accepts an endpoint's statement, and what the columns of its result are. It is a
// [catalog.CheckFunc].
func (q *Queries) Check(ctx context.Context, endpoint *catalog.Endpoint) ([]source.Column, error) {
	query, err := q.get(endpoint)
	if err != nil {
		return nil, err
	}
	if accepted := q.memories[endpoint.Source]; accepted != nil {
		if err := accepted.silent(); err != nil {
			return nil, err
		}
	}
	return query.describe(ctx)
}

// Watch has doubt told, from now on, that a run has met something else than what the source said of the statement: columns
// that have changed, with no failure, or a *source.StatementError. It is told once, and again without a failure when a run succeeds
// after one that failed so. It must not block.
func (q *Queries) Watch(doubt func(endpoint *catalog.Endpoint, failure error)) { q.doubt.Store(&doubt) }

func (q *Queries) get(endpoint *catalog.Endpoint) (*checkedQuery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if query, ok := q.compiled[endpoint]; ok {
		return query, nil
	}
	if known := q.before.find(endpoint, q.sources[endpoint.Source]); known != nil {
		q.compiled[endpoint] = &checkedQuery{compiledQuery: known, queries: q}
		return q.compiled[endpoint], nil
	}
	query, err := q.compile(endpoint)
	if err == nil {
		query.trouble = q.troubles.of(endpoint, q.sources[endpoint.Source])
		q.compiled[endpoint] = query
	}
	return query, err
}

// find returns a query that was compiled for this very source; nil: there is none.
func (q *Queries) find(endpoint *catalog.Endpoint, on source.Source) *compiledQuery {
	if q == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if query := q.compiled[endpoint]; query != nil && q.sources[endpoint.Source] == on {
		return query.compiledQuery
	}
	return nil
}

// compile compiles an endpoint's statement, and keeps nothing.
func (q *Queries) compile(endpoint *catalog.Endpoint) (*checkedQuery, error) {
	database, ok := q.sources[endpoint.Source]
	if !ok {
		names := slices.Sorted(maps.Keys(q.sources))
		message := fmt.Sprintf("source %q is not configured; configured are %s", endpoint.Source, strings.Join(names, ", "))
		if near := dataapi.Nearest(endpoint.Source, names); near != "" {
			message += "; did you mean " + near + "?"
		}
		return nil, errors.New(message)
	}
	compiled, err := database.Compile(endpoint.Statement)
	if err != nil {
		return nil, err
	}
	return &checkedQuery{
		compiledQuery: &compiledQuery{Query: compiled, endpoint: endpoint, key: keyOf(&endpoint.Statement), trouble: new(trouble)}, queries: q,
	}, nil
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
	*compiledQuery
	queries *Queries
	met     atomic.Pointer[[]source.Column] // what a run has met instead, and was told of
	failing atomic.Bool                     // a run was refused, and none has succeeded since
}

// compiledQuery is what all configurations share that have the same endpoint on the same source.
type compiledQuery struct {
	source.Query
	endpoint *catalog.Endpoint
	key      statementKey
	columns  atomic.Pointer[[]source.Column] // as the database described them; nil: it has not accepted the statement yet
	trouble  *trouble                        // how the last runs failed
}

// describe asks the database about the statement.
func (q *checkedQuery) describe(ctx context.Context) ([]source.Column, error) {
	columns, err := q.Query.Check(ctx)
	if accepted := q.queries.memories[q.endpoint.Source]; accepted != nil && (err == nil || refuses(err)) {
		columns = accepted.note(q.key, columns, err == nil)
	}
	if err != nil {
		return nil, err
	}
	q.learn(columns)
	return columns, nil
}

// refuses reports that a source has judged a statement, and does not accept it.
func refuses(err error) bool {
	_, fault := errors.AsType[*source.StatementError](err)
	return fault
}

// learn takes in what the database has said of the columns.
func (q *checkedQuery) learn(columns []source.Column) {
	if known := q.columns.Load(); known == nil || !catalog.SameColumns(*known, columns) {
		q.columns.Store(&columns)
		q.queries.learned.Add(1)
	}
}

// Run checks the statement if that is still to be done, and runs it.
func (q *checkedQuery) Run(ctx context.Context, call source.Call, sink source.Sink) error {
	if q.columns.Load() == nil {
		if _, err := q.describe(ctx); err != nil {
			if refused, ok := errors.AsType[*source.StatementError](err); ok {
				return dataapi.Wrap(dataapi.CodeInternal, fmt.Errorf("the source refuses the statement: %w", refused))
			}
			return err
		}
	}
	if q.queries.traceSQL {
		ctx = tracing.WithSQL(ctx, q.endpoint.Statement.SQL)
	}
	err := q.Query.Run(ctx, call, sink)
	if refused, ok := errors.AsType[*source.StatementError](err); ok && !q.failing.Swap(true) {
		q.tell(refused)
	}
	return err
}

// meet compares what a run has met with what the database said when it was asked. It neither blocks nor allocates when
// that is the same.
func (q *checkedQuery) meet(columns []source.Column) {
	if q.failing.Load() && q.failing.Swap(false) {
		q.tell(nil)
	}
	known := q.columns.Load()
	if known == nil || len(columns) > 0 && len(*known) == len(columns) && &columns[0] == &(*known)[0] || catalog.SameColumns(*known, columns) {
		return
	}
	if met := q.met.Load(); met != nil && catalog.SameColumns(*met, columns) {
		return // and told of
	}
	met := slices.Clone(columns)
	q.met.Store(&met)
	q.tell(nil)
}

func (q *checkedQuery) tell(failure error) {
	if doubt := q.queries.doubt.Load(); doubt != nil {
		(*doubt)(q.endpoint, failure)
	}
}
