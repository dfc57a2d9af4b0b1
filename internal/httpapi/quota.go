package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// endpointPolicy names the policy of the executions of one endpoint with a key's tokens in the RateLimit fields.
const endpointPolicy = "endpoint"

// limitEndpoint counts an execution against the endpoint's limit for each key. It fails with dataapi.CodeRateLimited.
func limitEndpoint(w http.ResponseWriter, rates *ratelimit.Table, caller identity.Principal, endpoint *catalog.Endpoint) error {
	limit := endpoint.Rate
	if !limit.Limits() {
		return nil
	}
	key := rates.Key(caller.Company.Slug, caller.User.Name, caller.KeyID,
		endpoint.Company, endpoint.Namespace, endpoint.Slug)
	return respond.Limited(w.Header(), endpointPolicy, limit, rates.Take(key, limit))
}

// limitByQuotas takes a place under the quotas of the caller. It fails with dataapi.CodeQuotaExceeded.
func (e *executions) limitByQuotas(x *exchange) error {
	place, states, ok := e.quotas.Take(x.r.Context(), callerForQuotas(x.caller))
	x.place = place
	var exceeded *usage.State // the one that is longest in force
	for i := range states {
		state := &states[i]
		addQuota(x.w.Header(), state)
		if state.Exceeded && (exceeded == nil || state.Until.After(exceeded.Until)) {
			exceeded = state
		}
	}
	if ok {
		return nil
	}
	return &dataapi.Error{
		Code: dataapi.CodeQuotaExceeded, RetryAfter: exceeded.Reset,
		Detail: fmt.Sprintf("The quota of your %s, %s, is used up until %s.", ownerNames[exceeded.Holder], exceeded.Quota, exceeded.Until.Format(time.RFC3339)),
	}
}

var ownerNames = map[usage.Holder]string{usage.OfCompany: "company", usage.OfUser: "user", usage.OfKey: "API key"}

func callerForQuotas(caller identity.Principal) usage.Caller {
	return usage.Caller{
		Company: caller.Company.Slug, User: caller.User.Name, KeyID: caller.KeyID,
		CompanyQuota: caller.Company.Quota, UserQuota: caller.User.Quota, KeyQuota: caller.User.KeyQuota,
	}
}

// addQuota tells a caller how much of a quota it has used, as [respond.Limited] does of a rate. The unit is a part of the name.
func addQuota(header http.Header, state *usage.State) {
	name := string(state.Holder) + "-" + state.Quota.Name()
	fields.AddRateLimit(header, name, state.Quota.Count, state.Window, state.Remaining, state.Reset)
}

// endQuotas gives the place under the quotas back, unless the call has been counted.
func (x *exchange) endQuotas() { x.place.Done(x.charged) }
