package httpapi

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// What a GET of .../execute may not do, which has its parameters in its URL. It goes the way of a POST otherwise.

// refuseBody refuses a GET with a body, which some clients send and others drop.
func refuseBody(r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	return dataapi.Errorf(dataapi.CodeInvalidRequest, "A GET has the parameters in its URL, and no body. Send a body with POST.")
}

// onlyWhenPreferred refuses a GET that would make a job although its caller does not prefer one: whatever follows links would
// make jobs. It fails with dataapi.CodeMethodNotAllowed.
func onlyWhenPreferred(x *exchange) error {
	if preferred := x.mode.preferred; x.called.Endpoint.Mode != catalog.Async || preferred.HasWait || preferred.RespondAsync {
		return nil
	}
	x.w.Header().Set("Allow", http.MethodPost)
	return dataapi.Errorf(dataapi.CodeMethodNotAllowed,
		"This endpoint answers with jobs. Make one with POST, or say that you want one with Prefer: respond-async or Prefer: wait=N.")
}

// sensitiveTexts refuses values that must not stand in a URL.
func sensitiveTexts(x *exchange) error {
	names := x.called.Endpoint.Contract.SensitiveAmong(x.texts)
	if len(names) == 0 {
		return nil
	}
	refusal := &dataapi.Error{Code: dataapi.CodeInvalidParameter}
	for _, name := range names {
		refusal.Faults = append(refusal.Faults, dataapi.Fault{
			Parameter: name, Code: dataapi.CodeInvalidParameter,
			Detail: "is sensitive, and is not taken from a URL, which histories and logs keep: send it in the body of a POST",
		})
	}
	return refusal
}
