package httpapi

import (
	"cmp"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/authn"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// access decides what callers may do, by what holds at the moment.
type access struct {
	authenticator *authn.Authenticator
	plan          func() *execution.Plan
	jobs          *job.Engine
}

// authorizePath returns the namespace and the slug that the request names, when the caller may do this there.
func authorizePath(r *http.Request, caller identity.Principal, action dataapi.Action) (namespace, slug string, err error) {
	namespace, slug = r.PathValue("namespace"), r.PathValue("slug")
	if !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug) {
		return "", "", &dataapi.Error{Code: dataapi.CodeEndpointNotFound}
	}
	if err := caller.Require(action, namespace+"/"+slug); err != nil {
		return "", "", err
	}
	return namespace, slug, nil
}

// authorizeAgain looks again at what the caller may do with the endpoint that the request names, for one who has waited: a
// key may have been revoked meanwhile.
func (a *access) authorizeAgain(r *http.Request, caller identity.Principal, action dataapi.Action) (identity.Principal, error) {
	caller, err := a.authenticator.Renew(caller)
	if err != nil {
		return caller, err
	}
	_, _, err = authorizePath(r, caller, action)
	return caller, err
}

// mayStillExecute looks again whether a caller who has waited for a query may have its result.
func (a *access) mayStillExecute(r *http.Request, caller identity.Principal, bound *execution.Bound) error {
	caller, err := a.authorizeAgain(r, caller, dataapi.ActionExecute)
	if err != nil {
		return err
	}
	_, err = a.plan().FindRevision(caller, r.PathValue("namespace"), r.PathValue("slug"), bound.Endpoint.Revision)
	return err
}

// mayStillRead looks again whether a caller who has waited for a job may have its result: a share may have been withdrawn.
func (a *access) mayStillRead(r *http.Request, action dataapi.Action, waited job.Job) error {
	caller, err := a.authorizeAgain(r, respond.CallerOf(r), action)
	if err == nil && !a.plan().MayRead(caller, waited) {
		err = &dataapi.Error{Code: dataapi.CodeJobNotFound}
	}
	return err
}

// authorizeJob returns the job that the request names, when the caller may do this with it. A job that holds what the
// caller could not ask for itself is not found.
func (a *access) authorizeJob(r *http.Request, action dataapi.Action) (job.Job, error) {
	caller := respond.CallerOf(r)
	namespace, slug, err := authorizePath(r, caller, action)
	if err != nil {
		return job.Job{}, err
	}
	id, err := job.ParseID(r.PathValue("job_id"))
	if err != nil {
		return job.Job{}, dataapi.Wrap(dataapi.CodeJobNotFound, err)
	}
	found, err := a.jobs.Get(r.Context(), id)
	if err != nil {
		return job.Job{}, jobError(err)
	}
	if found.Company != caller.Company.Slug || found.Address.Namespace != namespace || found.Address.Slug != slug ||
		!a.plan().MayRead(caller, found) {
		return job.Job{}, &dataapi.Error{Code: dataapi.CodeJobNotFound}
	}
	return found, nil
}

// authorizeCallback returns the URL at which the end of the job is to be announced; empty: nowhere.
func authorizeCallback(caller identity.Principal, call execution.Call, url *string, detach bool, check func(string) error) (string, error) {
	switch {
	case url == nil:
		return "", nil
	case !detach:
		return "", dataapi.Errorf(dataapi.CodeInvalidRequest,
			"callback_url is for jobs; this endpoint answers at once. With Prefer: respond-async it makes a job of the request.")
	}
	// A callback carries what polling would show.
	if !caller.Authorize(dataapi.ActionGetJob, call.Endpoint.Path()) {
		return "", dataapi.Errorf(dataapi.CodeForbidden, "Your user lacks the permission %s on %s, which a callback needs.",
			dataapi.ActionGetJob, call.Endpoint.Path())
	}
	if err := cmp.Or(check(*url), caller.Company.CheckCallback(*url)); err != nil {
		return "", &dataapi.Error{
			Code: dataapi.CodeInvalidParameter,
			Faults: []dataapi.Fault{{
				Parameter: "callback_url", Code: dataapi.CodeInvalidParameter, Detail: err.Error(),
			}},
		}
	}
	return *url, nil
}
