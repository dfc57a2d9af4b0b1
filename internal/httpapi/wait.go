package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// waits keeps callers waiting for jobs.
type waits struct {
	*access
	callers *admission.Counter
	ending  context.Context //nolint:containedctx // it is an event, as in [Services]
	exiting func() bool
}

var errTooManyWait = dataapi.Errorf(dataapi.CodeOverloaded,
	"As many callers of your company wait for jobs as may at once. Poll instead, without Prefer: wait, or come back later.")

// beginWaiting takes one of the places that a company has for callers who wait for jobs. It fails with
// dataapi.CodeOverloaded when all are taken; otherwise the caller calls end.
func (v *waits) beginWaiting(company string) (end func(), err error) {
	if !v.callers.Enter(company) {
		return nil, errTooManyWait
	}
	return func() { v.callers.Leave(company) }, nil
}

// awaitJob waits until the job has ended, the wait is over, or this configuration ends; then the job may be processing
// still. It fails when the caller goes away, and when the caller may no longer do what it waits for.
func (v *waits) awaitJob(r *http.Request, waiting job.Job, wait time.Duration, action dataapi.Action) (job.Job, error) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(v.ending, cancel)()
	found, err := v.await(ctx, r, waiting)
	if err != nil {
		return job.Job{}, err
	}
	return found, v.mayStillRead(r, action, found)
}

// awaitStrictly is awaitJob for a caller of a sync endpoint who cannot be put off: it outlives a reload, as every sync
// request does, and ends when the server does.
func (v *waits) awaitStrictly(r *http.Request, waiting job.Job, wait time.Duration) (job.Job, error) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(v.ending, func() {
		if v.exiting() {
			cancel()
		}
	})()
	found, err := v.await(ctx, r, waiting)
	if err != nil {
		return job.Job{}, err
	}
	return found, v.mayStillRead(r, dataapi.ActionExecute, found)
}

// await returns the job as it is when it, or ctx, has ended.
func (v *waits) await(ctx context.Context, r *http.Request, waiting job.Job) (job.Job, error) {
	found, err := v.jobs.Wait(ctx, waiting.ID)
	switch {
	case r.Context().Err() != nil:
		return job.Job{}, r.Context().Err()
	case err == nil:
		return found, nil
	case ctx.Err() == nil:
		return job.Job{}, jobError(err)
	}
	return waiting, nil
}
