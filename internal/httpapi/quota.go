package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

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

// addQuota tells a caller how it stands with a quota, as limited does of a rate. The unit is a part of the name.
func addQuota(header http.Header, state *usage.State) {
	name := string(state.Holder) + "-" + state.Quota.Name()
	addItem(header, "RateLimit-Policy", name, "q", state.Quota.Count, "w", int64(wholeSeconds(state.Window)))
	addItem(header, "RateLimit", name, "r", state.Remaining, "t", int64(wholeSeconds(state.Reset)))
}

// endQuotas gives the place under the quotas back, unless the call has been counted.
func (x *exchange) endQuotas() { x.place.Done(x.charged) }
