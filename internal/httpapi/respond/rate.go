package respond

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// keyPolicy names the policy of all requests with a key's tokens in the RateLimit fields.
const keyPolicy = "key"

// limitKey counts a request against the limit of the caller's key. It fails with dataapi.CodeRateLimited.
func limitKey(w http.ResponseWriter, rates *ratelimit.Table, caller identity.Principal) error {
	limit := caller.User.Rate
	if !limit.Limits() {
		return nil
	}
	key := rates.Key(caller.Company.Slug, caller.User.Name, caller.KeyID)
	return Limited(w.Header(), keyPolicy, limit, rates.Take(key, limit))
}

// Limited tells a caller what is left of a limit, and refuses the request when it is over it, with dataapi.CodeRateLimited.
// Policy is the limit's name in the fields.
//
// What can be had at once is r, and t seconds later it is the whole burst again; after a refusal t is when to come back,
// as Retry-After is.
func Limited(header http.Header, policy string, limit ratelimit.Limit, state ratelimit.State) error {
	reset := state.Full
	if !state.OK {
		reset = state.Retry
	}
	fields.AddRateLimit(header, policy, int64(limit.Count), limit.Period, int64(state.Remaining), reset)
	if state.OK {
		return nil
	}
	return &dataapi.Error{Code: dataapi.CodeRateLimited, RetryAfter: state.Retry}
}
