package httpapi

import (
	stdjson "encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// executeRequest is the body of POST .../execute.
type executeRequest struct {
	ParameterValues jsontext.Value `json:"parameter_values"`
	CallbackURL     *string        `json:"callback_url"`
}

// executeEndpoint is the way of a request from permission to answer. An endpoint that the caller may not know of is
// indistinguishable from one that does not exist, and the permission is looked at before the endpoint is.
func (a *API) executeEndpoint(w http.ResponseWriter, r *http.Request) {
	caller := callerOf(r)
	namespace, slug, err := permitted(r, caller, dataapi.ActionExecute)
	if err != nil {
		a.Fail(w, r, err, false)
		return
	}
	call, err := a.Plan().Find(caller.Company.Slug, namespace, slug)
	if err != nil {
		a.Fail(w, r, err, false)
		return
	}
	if !acceptsJSON(r.Header) {
		a.Fail(w, r, dataapi.Errorf(dataapi.CodeNotAcceptable, "The answer is application/json; Accept excludes it."), false)
		return
	}
	var request executeRequest
	if err := decodeBody(r, &request, true); err != nil {
		a.Fail(w, r, err, false)
		return
	}
	bound, err := call.Bind(caller, stdjson.RawMessage(request.ParameterValues))
	if err != nil {
		a.Fail(w, r, err, false)
		return
	}
	if bound.Endpoint.Mode == catalog.Async {
		a.acceptJob(w, r, caller, bound, request.CallbackURL)
		return
	}
	if request.CallbackURL != nil {
		a.Fail(w, r, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"callback_url is for endpoints in async mode; this endpoint answers at once."), false)
		return
	}
	a.answerResult(w, r, bound)
}

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

// answerResult runs the query and streams its result. Nothing is sent before the encoder's first buffer is full or the
// result complete, so that most errors still find an unbegun answer.
func (a *API) answerResult(w http.ResponseWriter, r *http.Request, bound *execution.Bound) {
	answer := newAnswer(w)
	encoder := result.NewJSON(answer, result.JSONOptions{})
	defer encoder.Close()
	w.Header().Set("Content-Type", encoder.ContentType())
	w.Header().Set("Cache-Control", "no-store")
	if _, err := bound.Run(r.Context(), encoder); err != nil {
		a.Fail(w, r, err, encoder.Started())
	}
}

// acceptJob makes a job of the call and answers 202 once it is on disk.
func (a *API) acceptJob(
	w http.ResponseWriter, r *http.Request, caller identity.Principal, bound *execution.Bound, callbackURL *string,
) {
	request := job.Request{
		Company:  caller.Company.Slug,
		User:     caller.User.Name,
		KeyID:    caller.KeyID,
		Address:  bound.Endpoint.Address,
		Revision: bound.Endpoint.Revision,
		Params:   bound.Canonical(),
		PollingPath: func(id job.ID) string {
			return fmt.Sprintf("/api/v1/data-api/%s/jobs/%s", bound.Endpoint.Address.Path(), id)
		},
	}
	if callbackURL != nil {
		if err := a.CheckCallback(*callbackURL); err != nil {
			a.Fail(w, r, &dataapi.Error{
				Code: dataapi.CodeInvalidParameter,
				Faults: []dataapi.Fault{{
					Parameter: "callback_url", Code: dataapi.CodeInvalidParameter, Detail: err.Error(),
				}},
			}, false)
			return
		}
		request.CallbackURL = *callbackURL
	}
	accepted, err := a.Jobs.Accept(r.Context(), request)
	if err != nil {
		a.Fail(w, r, err, false)
		return
	}
	w.Header().Set("Location", accepted.PollingPath)
	w.Header().Set("Retry-After", strconv.Itoa(pollSeconds))
	err = writeJSON(w, http.StatusAccepted, acceptedAnswer{
		JobID: accepted.ID.String(), Status: string(accepted.Status), PollingURL: accepted.PollingPath,
	})
	if err != nil {
		a.Fail(w, r, err, true)
	}
}

// acceptedAnswer is the body of a 202.
type acceptedAnswer struct {
	JobID      string `json:"job_id"`
	Status     string `json:"status"`
	PollingURL string `json:"polling_url"`
}

// pollSeconds is how long a caller is asked to wait before it looks at a job again.
const pollSeconds = 1
