package execution

import (
	"context"
	"encoding/json"
	"io"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// JobRuntime runs jobs as the requests were that they come from: the same look-up, the same checks, the same query.
type JobRuntime struct {
	Directory *identity.Directory
	Plan      func() *Plan // must not block
}

var _ job.Runtime = (*JobRuntime)(nil)

// Authorize looks again at what the request was allowed: a key that has been revoked since, a policy or an endpoint that
// is gone, ends the job.
func (r *JobRuntime) Authorize(_ context.Context, j job.Job) error {
	_, err := r.bind(j)
	return err
}

// Run runs the endpoint of the job, in its present revision unless the caller has asked for another, and writes the result.
func (r *JobRuntime) Run(ctx context.Context, j job.Job, w io.Writer) (result.Summary, error) {
	bound, err := r.bind(j)
	if err != nil {
		return result.Summary{}, err
	}
	encoder := result.NewJSON(w, result.JSONOptions{OmitLimits: true})
	defer encoder.Close()
	return bound.runJob(ctx, countedRows{encoder, job.RowCounter(ctx), func() { job.SourceAnswers(ctx) }})
}

// runJob is Run for a job, which waits for a place at its source as long as its time limit, without a worker, and then has
// the whole of that limit.
func (b *Bound) runJob(ctx context.Context, encoder result.Encoder) (result.Summary, error) {
	limited, end := withJobLimit(ctx, b.timeout)
	defer end()
	sink := b.sink(encoder)
	patient := admission.WithPatience(limited, admission.Patience{
		MaxWait: b.timeout,
		Wait: func() (over func()) {
			goOn, begin := job.WaitForSource(ctx), limited.wait()
			return func() {
				goOn()
				begin()
			}
		},
	})
	return sink.end(b.query.Run(patient, b.call, sink))
}

// TimeLimit returns the time limit of the job's endpoint; 0: it is gone, or the job's user may not use it any more.
func (r *JobRuntime) TimeLimit(j job.Job) time.Duration {
	bound, err := r.bind(j)
	if err != nil {
		return 0
	}
	return bound.timeout
}

// countedRows lets the job's progress be seen.
type countedRows struct {
	result.Encoder
	rows    *atomic.Int64
	answers func()
}

// Columns notes that the source answers, and passes the columns on.
func (c countedRows) Columns(columns []source.Column) error {
	c.answers()
	return c.Encoder.Columns(columns)
}

// Row counts a row and passes it on.
func (c countedRows) Row(values []source.Value) error {
	c.rows.Add(1)
	return c.Encoder.Row(values)
}

// CheckCaller reports why the caller who asked for a job may not use the API any more; nil: it may.
func (r *JobRuntime) CheckCaller(j job.Unfinished) error {
	_, err := r.resolve(j.Company, j.User, j.KeyID)
	return err
}

func (r *JobRuntime) resolve(company, user, keyID string) (identity.Principal, error) {
	caller, err := r.Directory.Resolve(company, user, keyID)
	if dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
		err = &dataapi.Error{Code: dataapi.CodeUnauthenticated, Err: err,
			Detail: "The API key that the job was asked for with, or its user or company, is not active any more."}
	}
	return caller, err
}

func (r *JobRuntime) bind(j job.Job) (*Bound, error) {
	caller, err := r.resolve(j.Company, j.User, j.KeyID)
	if err != nil {
		return nil, err
	}
	if !caller.Authorize(dataapi.ActionExecute, j.Address.Path()) {
		return nil, &dataapi.Error{Code: dataapi.CodeForbidden}
	}
	call, err := r.Plan().FindRevision(caller, j.Address.Namespace, j.Address.Slug, j.Pinned())
	if err != nil {
		return nil, err
	}
	return call.Rebind(caller, j.Params)
}

// MayRead reports whether a caller may see a job of its company, and with it the result: whether it could ask for the
// same now. A share that was withdrawn or narrowed since, and the share context of a user who reads what a colleague has
// asked for, count: nothing is filled in, since a result of all cities was not asked for with the city that the reader is
// limited to. Where the database knows who asks, or knew it, a colleague's rows are not the reader's. An endpoint of the company itself
// need not exist any more, unless its source may have been such a one.
func (p *Plan) MayRead(caller identity.Principal, j job.Job) bool {
	call, err := p.FindRevision(caller, j.Address.Namespace, j.Address.Slug, j.Pinned())
	found := err == nil && call.Endpoint.Address == j.Address
	switch {
	case j.User != caller.User.Name && (j.Personal || found && call.query.UsesClaims() || !found && p.usesClaims()):
		return false
	case j.Address.Company == caller.Company.Slug && len(caller.User.ShareContext) == 0:
		return true
	case !found:
		return false
	}
	return call.Endpoint.Contract.Allowed(j.Params, call.contexts(caller)...) == nil
}

// usesClaims reports whether any query shows its source who asks.
func (p *Plan) usesClaims() bool {
	for _, query := range p.queries {
		if query.UsesClaims() {
			return true
		}
	}
	return false
}

// Redacted writes the parameters of a job for people to read, without the values of sensitive ones. It returns nothing where
// the endpoint is gone, or has changed so that nobody knows any more which of them were sensitive.
func (p *Plan) Redacted(j job.Job) json.RawMessage {
	kept := p.older[j.Address]
	if present, _, ok := p.snapshot.Find(j.Address.Company, j.Address.Namespace, j.Address.Slug); ok {
		kept = append([]*catalog.Endpoint{present}, kept...)
	}
	for _, endpoint := range kept {
		if endpoint.Revision != j.Revision || p.queries[endpoint] == nil {
			continue
		}
		if args, err := endpoint.Contract.Rebind(j.Params); err == nil {
			return endpoint.Contract.Redacted(args)
		}
	}
	return nil
}
