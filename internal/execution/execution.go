package execution

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// Plan is a snapshot of the catalog with every statement compiled for its source. It is immutable.
type Plan struct {
	snapshot *catalog.Snapshot
	queries  map[*catalog.Endpoint]*checkedQuery
	older    map[dataapi.Address][]*catalog.Endpoint // revisions before the present one, the latest first
	learned  *atomic.Uint64
}

// NewPlan joins a snapshot with its queries, and drops from those what the snapshot does not hold. An endpoint whose
// statement does not compile is left out: callers do not find it.
func NewPlan(snapshot *catalog.Snapshot, queries *Queries) *Plan {
	endpoints := snapshot.Endpoints()
	plan := &Plan{snapshot: snapshot, queries: make(map[*catalog.Endpoint]*checkedQuery, len(endpoints)), learned: &queries.learned}
	for _, endpoint := range endpoints {
		if query, err := queries.get(endpoint); err == nil {
			plan.queries[endpoint] = query
		}
	}
	plan.older = queries.history.follow(endpoints, queries.accepted)
	for _, older := range plan.older {
		for _, endpoint := range older {
			if query, err := queries.get(endpoint); err == nil {
				plan.queries[endpoint] = query
			}
		}
	}
	queries.keep(plan.queries)
	queries.forgetUnused(plan)
	return plan
}

// Call is an endpoint that a company may run.
type Call struct {
	Endpoint *catalog.Endpoint
	query    *checkedQuery
	shared   params.ShareContext // what the owner has limited the caller's company to; nil for the owner itself

	// pinned: the caller has asked for this revision. Before are the limits of the share as that revision has them.
	pinned bool
	before params.ShareContext
}

// Find returns what a company means by namespace and slug: its own endpoint, or one that is shared with it. An unknown
// endpoint, an inactive one and another company's are the same dataapi.CodeEndpointNotFound.
func (p *Plan) Find(company, namespace, slug string) (Call, error) {
	endpoint, shared, ok := p.snapshot.Find(company, namespace, slug)
	if !ok {
		return Call{}, &dataapi.Error{Code: dataapi.CodeEndpointNotFound}
	}
	query, ok := p.queries[endpoint]
	if !ok {
		return Call{}, &dataapi.Error{Code: dataapi.CodeEndpointNotFound}
	}
	return Call{Endpoint: endpoint, query: query, shared: shared}, nil
}

// Bound is a call with checked arguments, ready to run.
type Bound struct {
	Endpoint *catalog.Endpoint
	Pinned   bool // the caller has asked for this revision of the endpoint
	query    *checkedQuery
	call     source.Call
	context  params.ShareContext // what limits the parameters of the caller, all together
	timeout  time.Duration       // of the query

	// Timing says where the time of a run went, once it has ended.
	Timing observe.Timing

	// Of the run, while it lasts.
	timed observe.Timed
	rows  limitedSink
}

// Bind checks a caller's parameter values against the endpoint's contract, the share's context and the user's own, and
// returns every fault at once.
func (c Call) Bind(caller identity.Principal, values json.RawMessage) (*Bound, error) {
	args, err := c.Endpoint.Contract.Bind(values, c.shared, c.before, caller.User.ShareContext)
	if err != nil {
		return nil, err
	}
	return c.bound(caller, args, c.Endpoint.Limits.Timeout)
}

// Rebind reads the arguments that [Bound.Canonical] wrote, and checks them again: what a caller may ask can have changed
// since a job was accepted. The limits are those of a job.
func (c Call) Rebind(caller identity.Principal, canonical json.RawMessage) (*Bound, error) {
	args, err := c.Endpoint.Contract.Rebind(canonical, c.shared, c.before, caller.User.ShareContext)
	if err != nil {
		return nil, err
	}
	return c.bound(caller, args, c.Endpoint.Limits.JobTimeout)
}

// contexts are all that limit the caller's parameters.
func (c Call) contexts(caller identity.Principal) []params.ShareContext {
	return []params.ShareContext{c.shared, c.before, caller.User.ShareContext}
}

// bound joins the arguments with what the server knows about the caller.
func (c Call) bound(caller identity.Principal, args []source.Argument, timeout time.Duration) (*Bound, error) {
	bound := &Bound{
		Endpoint: c.Endpoint, Pinned: c.pinned, query: c.query, timeout: timeout,
		call:    source.Call{Args: args, Claims: source.Claims{Company: caller.Company.Slug, User: caller.User.Name}},
		context: params.Intersect(params.Intersect(c.shared, c.before), caller.User.ShareContext),
	}
	if !c.query.UsesClaims() {
		return bound, nil
	}
	var err error
	bound.call.Claims.ShareContext, err = bound.context.Canonical()
	return bound, err
}

// Canonical writes the arguments as JSON, to be stored with a job.
func (b *Bound) Canonical() json.RawMessage { return b.Endpoint.Contract.Canonical(b.call.Args) }

// Redacted writes the arguments as Canonical does, without those of sensitive parameters, for people to read.
func (b *Bound) Redacted() json.RawMessage { return b.Endpoint.Contract.Redacted(b.call.Args) }

// Explain returns how the database would run the query, as [source.Explainer] does: without any value. It blocks.
func (b *Bound) Explain(ctx context.Context) (string, error) {
	explainer, ok := b.query.Query.(source.Explainer)
	if !ok {
		return "", errors.ErrUnsupported
	}
	plan, err := explainer.Explain(ctx, b.call)
	return plan, b.redactError(err)
}

// PersonalTo returns the user whose rows these are, where the source shows its database who asks; "": every user of the
// company who may ask for this gets the same rows.
func (b *Bound) PersonalTo() string {
	if b.query.UsesClaims() {
		return b.call.Claims.User
	}
	return ""
}

// Run runs the query within its time limit and writes the result into the encoder, its end included. It
// blocks until the database is done. After an error the encoder's output is incomplete. Errors are those of
// [source.Query.Run], and the encoder's writer's. It is not called twice at once.
func (b *Bound) Run(ctx context.Context, encoder result.Encoder) (result.Summary, error) {
	b.timed = observe.Timed{Context: ctx, Timing: &b.Timing}
	ctx, cancel := context.WithTimeout(&b.timed, b.timeout)
	defer cancel()
	sink := b.sink(encoder)
	return sink.end(b.query.Run(ctx, b.call, sink))
}

// sink is where the rows of a run go.
func (b *Bound) sink(encoder result.Encoder) *limitedSink {
	b.rows = limitedSink{
		Encoder: encoder, bound: b, summary: result.Summary{MaxRows: b.Endpoint.Limits.MaxRows, ExecutedAt: time.Now().UTC()},
	}
	return &b.rows
}

// limitedSink passes at most MaxRows rows on, and notes whether there was one more.
type limitedSink struct {
	result.Encoder
	bound   *Bound
	summary result.Summary
}

// end ends the result when the query has succeeded, and words its error for the caller when it has not. Who keeps the call keeps no
// answer.
func (s *limitedSink) end(err error) (result.Summary, error) {
	defer func() { s.Encoder = nil }()
	if err != nil {
		err = s.bound.redactError(s.bound.explain(err))
		s.bound.noteRun(err)
		return s.summary, err
	}
	s.bound.noteRun(nil)
	return s.summary, s.Encoder.End(s.summary)
}

// Columns passes the columns on.
func (s *limitedSink) Columns(columns []source.Column) error {
	s.bound.query.meet(columns)
	s.summary.Columns = columns
	return s.Encoder.Columns(columns)
}

// Row passes a row on, or drops the one that only says that there are more.
func (s *limitedSink) Row(values []source.Value) error {
	if s.summary.RowCount == s.summary.MaxRows {
		s.summary.Truncated = true
		return nil
	}
	s.summary.RowCount++
	return s.Encoder.Row(values)
}
