package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// The names of the policies in the RateLimit fields.
const (
	keyPolicy      = "key"      // all requests with the key's tokens
	endpointPolicy = "endpoint" // executions of one endpoint with the key's tokens
)

// limitKey counts a request against the limit of the caller's key. It fails with dataapi.CodeRateLimited.
func limitKey(w http.ResponseWriter, rates *ratelimit.Table, caller identity.Principal) error {
	limit := caller.User.Rate
	if !limit.Limits() {
		return nil
	}
	key := rates.Key(caller.Company.Slug, caller.User.Name, caller.KeyID)
	return limited(w.Header(), keyPolicy, limit, rates.Take(key, limit))
}

// limitEndpoint counts an execution against the endpoint's limit for each key. It fails with dataapi.CodeRateLimited.
func limitEndpoint(w http.ResponseWriter, rates *ratelimit.Table, caller identity.Principal, endpoint *catalog.Endpoint) error {
	limit := endpoint.Rate
	if !limit.Limits() {
		return nil
	}
	key := rates.Key(caller.Company.Slug, caller.User.Name, caller.KeyID,
		endpoint.Company, endpoint.Namespace, endpoint.Slug)
	return limited(w.Header(), endpointPolicy, limit, rates.Take(key, limit))
}

// limited tells a caller what is left of a limit, in the fields of draft-ietf-httpapi-ratelimit-headers-10, and refuses
// the request when it is over it.
//
// What can be had at once is r, and t seconds later it is the whole burst again; after a refusal t is when to come back,
// as Retry-After is.
func limited(header http.Header, policy string, limit ratelimit.Limit, state ratelimit.State) error {
	reset := state.Full
	if !state.OK {
		reset = state.Retry
	}
	addItem(header, "RateLimit-Policy", policy, "q", int64(limit.Count), "w", int64(wholeSeconds(limit.Period)))
	addItem(header, "RateLimit", policy, "r", int64(state.Remaining), "t", int64(wholeSeconds(reset)))
	if state.OK {
		return nil
	}
	return &dataapi.Error{Code: dataapi.CodeRateLimited, RetryAfter: state.Retry}
}

// addItem adds an item with two parameters to a list (RFC 9651, 3.1).
func addItem(header http.Header, field, name, first string, firstValue int64, second string, secondValue int64) {
	item := make([]byte, 0, 64)
	if before := header.Get(field); before != "" {
		item = append(append(item, before...), ", "...)
	}
	item = append(append(append(item, '"'), name...), '"')
	item = strconv.AppendInt(append(append(append(item, ';'), first...), '='), firstValue, 10)
	item = strconv.AppendInt(append(append(append(item, ';'), second...), '='), secondValue, 10)
	header.Set(field, string(item))
}

func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
