package httpapi

import (
	"cmp"
	stdjson "encoding/json"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// executeRequest is the body of POST .../execute.
type executeRequest struct {
	ParameterValues jsontext.Value `json:"parameter_values"`
	CallbackURL     *string        `json:"callback_url"`
}

// executeAs makes the handler of a path whose suffix names a format; no suffix leaves it to Accept.
func (a *API) executeAs(suffix result.Format) handler {
	return func(w http.ResponseWriter, r *http.Request) error { return a.executeEndpoint(w, r, suffix) }
}

// executeEndpoint is the way of a request from permission to answer. An endpoint that the caller may not know of is
// indistinguishable from one that does not exist, and the permission is looked at before the endpoint is.
func (a *API) executeEndpoint(w http.ResponseWriter, r *http.Request, suffix result.Format) error {
	query, err := parseQuery(r, rowsAs, csvFormulas, revisionQuery)
	if err != nil {
		return err
	}
	form, err := formOf(w, r, suffix, result.StreamedFormats(), query)
	if err != nil {
		return err
	}
	var request executeRequest
	if err := decodeBody(r, &request, true); err != nil {
		return err
	}
	// Sending a body takes time: what the caller may do is looked at when it has arrived.
	caller, err := a.renewed(callerOf(r))
	if err != nil {
		return err
	}
	namespace, slug, err := permitted(r, caller, dataapi.ActionExecute)
	if err != nil {
		return err
	}
	plan := a.Plan()
	present, err := plan.Find(caller.Company.Slug, namespace, slug)
	if err != nil {
		return err
	}
	announceRetirement(w.Header(), present.Endpoint)
	if err := a.limitEndpoint(w, caller, present.Endpoint); err != nil {
		return err
	}
	call := present
	if revision, asked := query[revisionQuery]; asked {
		if call, err = plan.FindRevision(caller, namespace, slug, revision); err != nil {
			return err
		}
	}
	w.Header().Set(revisionField, call.Endpoint.Revision)
	terms, err := termsOf(r, call.Endpoint)
	if err != nil {
		return err
	}
	terms.form = form
	bound, invalid := call.Bind(caller, stdjson.RawMessage(request.ParameterValues))
	callback, refused := a.checkCallback(caller, call, request.CallbackURL, terms)
	if err := dataapi.JoinFaults(invalid, refused); err != nil {
		return err
	}
	if terms.asJob {
		return a.answerJob(w, r, caller, bound, terms, callback)
	}
	begun := time.Now()
	summary, err := a.answerSync(w, r, caller, bound, form)
	a.recordExecution(w, r, caller, bound, ran{rows: summary.RowCount, begun: begun}, err)
	return err
}

// renewed returns the caller as it stands now: its key may have been revoked since it was authenticated.
func (a *API) renewed(caller identity.Principal) (identity.Principal, error) {
	now, err := a.resolve(token.Subject{Company: caller.Company.Slug, User: caller.User.Name, KeyID: caller.KeyID}, caller.Session)
	now.Issuer = caller.Issuer
	return now, err
}

// resolve returns who a verified token speaks for now, unless its family has ended.
func (a *API) resolve(subject token.Subject, family string) (identity.Principal, error) {
	if a.Families.Revoked(family) {
		return identity.Principal{}, dataapi.Wrap(dataapi.CodeUnauthenticated, token.ErrRevoked)
	}
	caller, err := a.Directory.Resolve(subject.Company, subject.User, subject.KeyID)
	caller.Session = family
	return caller, err
}

var errNotJSON = dataapi.Errorf(dataapi.CodeNotAcceptable, "The answer is application/json; Accept excludes it.")

// permitted returns the namespace and the slug that the request names, when the caller may do this there.
func permitted(r *http.Request, caller identity.Principal, action dataapi.Action) (namespace, slug string, err error) {
	namespace, slug = r.PathValue("namespace"), r.PathValue("slug")
	if !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug) {
		return "", "", &dataapi.Error{Code: dataapi.CodeEndpointNotFound}
	}
	if !caller.Permit(action, namespace+"/"+slug) {
		return "", "", dataapi.Errorf(dataapi.CodeForbidden, "Your user lacks the permission %s on %s/%s.", action, namespace, slug)
	}
	return namespace, slug, nil
}

// checkCallback returns the URL at which the end of the job is to be announced; empty: nowhere.
func (a *API) checkCallback(caller identity.Principal, call execution.Call, url *string, terms terms) (string, error) {
	switch {
	case url == nil:
		return "", nil
	case !terms.detach:
		return "", dataapi.Errorf(dataapi.CodeInvalidRequest,
			"callback_url is for jobs; this endpoint answers at once. With Prefer: respond-async it makes a job of the request.")
	}
	// A callback carries what polling would show.
	if !caller.Permit(dataapi.ActionGetJob, call.Endpoint.Path()) {
		return "", dataapi.Errorf(dataapi.CodeForbidden, "Your user lacks the permission %s on %s, which a callback needs.",
			dataapi.ActionGetJob, call.Endpoint.Path())
	}
	if err := cmp.Or(a.CheckCallback(*url), caller.Company.CheckCallback(*url)); err != nil {
		return "", &dataapi.Error{
			Code: dataapi.CodeInvalidParameter,
			Faults: []dataapi.Fault{{
				Parameter: "callback_url", Code: dataapi.CodeInvalidParameter, Detail: err.Error(),
			}},
		}
	}
	return *url, nil
}

// answerResult runs the query and streams its result. Nothing is sent before the encoder's first buffer is full or the
// result complete, so that most errors still find an unbegun answer.
func answerResult(w http.ResponseWriter, r *http.Request, bound *execution.Bound, form form) (result.Summary, error) {
	answer := newResultAnswer(w, form, bound.Endpoint.Address.Slug, bound.Endpoint.Limits.MaxRows, nil, true)
	defer answer.Close()
	answer.holdUntil(time.Now().Add(bound.Endpoint.Limits.Timeout + readGrace))
	return bound.Run(r.Context(), answer)
}
