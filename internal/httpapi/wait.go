package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// beginWaiting takes one of the places that a company has for callers who wait for jobs. It fails with
// dataapi.CodeOverloaded when all are taken; otherwise the caller calls end.
func (a *API) beginWaiting(company string) (end func(), err error) {
	if !a.WaitingCallers.Enter(company) {
		return nil, dataapi.Errorf(dataapi.CodeOverloaded,
			"As many callers of your company wait for jobs as may at once. Poll instead, without Prefer: wait, or come back later.")
	}
	return func() { a.WaitingCallers.Leave(company) }, nil
}

// awaitJob waits until the job has ended, the wait is over, or this configuration ends; then the job may be processing
// still. It fails when the caller goes away, and when the caller may no longer do what it waits for.
func (a *API) awaitJob(r *http.Request, waiting job.Job, wait time.Duration, action dataapi.Action) (job.Job, error) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(a.Ending, cancel)()
	found, err := a.await(ctx, r, waiting)
	if err != nil {
		return job.Job{}, err
	}
	return found, a.permittedStill(r, action, found)
}

// awaitStrictly is awaitJob for a caller of a sync endpoint who cannot be put off: it outlives a reload, as every sync
// request does, and ends when the server does.
func (a *API) awaitStrictly(r *http.Request, waiting job.Job, wait time.Duration) (job.Job, error) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(a.Ending, func() {
		if a.Exiting() {
			cancel()
		}
	})()
	found, err := a.await(ctx, r, waiting)
	if err != nil {
		return job.Job{}, err
	}
	return found, a.permittedStill(r, dataapi.ActionExecute, found)
}

// await returns the job as it is when it, or ctx, has ended.
func (a *API) await(ctx context.Context, r *http.Request, waiting job.Job) (job.Job, error) {
	found, err := a.Jobs.Wait(ctx, waiting.ID)
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

// permittedStill looks again at what the caller may do, for one who has waited: a key may have been revoked meanwhile, or
// a share withdrawn.
func (a *API) permittedStill(r *http.Request, action dataapi.Action, waited job.Job) error {
	caller, err := a.renewed(callerOf(r))
	if err != nil {
		return err
	}
	if _, _, err = permitted(r, caller, action); err != nil {
		return err
	}
	if !a.Plan().MayRead(caller, waited) {
		return &dataapi.Error{Code: dataapi.CodeJobNotFound}
	}
	return nil
}
