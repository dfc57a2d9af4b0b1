package httpapi

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// access decides about callers, by what holds at the moment: who they are, and what they may do.
type access struct {
	directory *identity.Directory
	tokens    *token.Authority
	families  *token.Families
	plan      func() *execution.Plan
	jobs      *job.Engine
}

var errNoToken = errors.New("the request carries no bearer token")

// bearerToken returns the token of the Authorization header (RFC 6750, 2.1); the other two ways of that RFC, a form
// field and a query parameter, leak into logs and are not read.
func bearerToken(r *http.Request) (string, bool) {
	scheme, credentials, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.Trim(credentials, " "), true
}

// Authenticate returns who sent the request, by its bearer token. Every failure is the same
// dataapi.CodeUnauthenticated; presented reports whether there was a token at all, which the challenge tells apart.
func (a *API) Authenticate(w http.ResponseWriter, r *http.Request) (caller identity.Principal, presented bool, err error) {
	bearer, presented := bearerToken(r)
	if key, secret, ok := basicKey(r); ok {
		caller, err := a.authenticateKey(w, r, key, secret)
		return caller, true, err
	}
	if !presented {
		a.Meter.TokenRefused(observe.NoToken)
		return identity.Principal{}, false, dataapi.Wrap(dataapi.CodeUnauthenticated, errNoToken)
	}
	claims, err := a.tokens.Verify(r.Context(), bearer)
	switch {
	case err != nil:
	case claims.Issuer != "":
		caller, err = a.directory.ResolveTrusted(claims.Company, claims.User)
		caller.Issuer = claims.Issuer
	default:
		caller, err = a.resolve(claims.Subject, claims.Family)
	}
	if err != nil {
		a.recordRefused(w, r, claims, err)
	}
	return caller, true, err
}

// recordRefused counts and keeps that credentials were refused.
func (a *API) recordRefused(w http.ResponseWriter, r *http.Request, claims token.Claims, err error) {
	a.CountRefusal(err)
	if !a.AuditLog.Enabled() {
		return
	}
	event := audit.Event{Action: audit.AccessRefused}
	event.Outcome, event.Reason = respond.OutcomeOf(err)
	about(&event, claims)
	a.Record(w, r, event)
}

// Identify is Authenticate for a caller that needs no error: where authentication fails, it answers the request and
// reports false.
func (a *API) Identify(w http.ResponseWriter, r *http.Request) (caller identity.Principal, ok bool) {
	fields.SetRequestID(w, r)
	caller, presented, err := a.Authenticate(w, r)
	switch {
	case dataapi.HasCode(err, dataapi.CodeUnauthenticated):
		if _, _, basic := basicKey(r); basic {
			w.Header().Set("WWW-Authenticate", basicChallenge)
			respond.WriteProblem(w, r, &dataapi.Error{Code: dataapi.CodeUnauthenticated})
			break
		}
		respond.WriteUnauthenticated(w, r, presented)
	case err != nil:
		a.Fail(w, r, err)
	}
	return caller, err == nil
}

// renewed returns the caller as it is now: its key may have been revoked since it was authenticated.
func (a *access) renewed(caller identity.Principal) (identity.Principal, error) {
	now, err := a.resolve(token.Subject{Company: caller.Company.Slug, User: caller.User.Name, KeyID: caller.KeyID}, caller.Session)
	now.Issuer = caller.Issuer
	return now, err
}

// resolve returns who a verified token speaks for now, unless its family has ended.
func (a *access) resolve(subject token.Subject, family string) (identity.Principal, error) {
	if a.families.Revoked(family) {
		return identity.Principal{}, dataapi.Wrap(dataapi.CodeUnauthenticated, token.ErrRevoked)
	}
	caller, err := a.directory.Resolve(subject.Company, subject.User, subject.KeyID)
	caller.Session = family
	return caller, err
}

// authorizePath returns the namespace and the slug that the request names, when the caller may do this there.
func authorizePath(r *http.Request, caller identity.Principal, action dataapi.Action) (namespace, slug string, err error) {
	namespace, slug = r.PathValue("namespace"), r.PathValue("slug")
	if !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug) {
		return "", "", &dataapi.Error{Code: dataapi.CodeEndpointNotFound}
	}
	if !caller.Authorize(action, namespace+"/"+slug) {
		return "", "", dataapi.Errorf(dataapi.CodeForbidden, "Your user lacks the permission %s on %s/%s.", action, namespace, slug)
	}
	return namespace, slug, nil
}

// authorizeAgain looks again at what the caller may do with the endpoint that the request names, for one who has waited: a
// key may have been revoked meanwhile.
func (a *access) authorizeAgain(r *http.Request, caller identity.Principal, action dataapi.Action) (identity.Principal, error) {
	caller, err := a.renewed(caller)
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
