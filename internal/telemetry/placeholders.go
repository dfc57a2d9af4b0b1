package telemetry

import (
	"context"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

// recordVar is the request variable that holds what placeholders show.
const recordVar = "data_api.record"

// requestRecord is what the placeholders of a request show. Its texts are made when somebody asks.
type requestRecord struct {
	caller identity.Principal

	// What has become of the call; zero until it has ended.
	endpoint                 dataapi.Address
	revision, jobID, outcome string
	cache                    observe.CacheStatus
	rows                     int
	ran                      bool
}

// ShowRecord sets the placeholders http.auth.user.*, as Caddy's authentication handler would, and http.data_api.*. Access logs
// have the id of the user from the former.
func ShowRecord(r *http.Request, caller identity.Principal) {
	replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	record := &requestRecord{caller: caller}
	caddyhttp.SetVar(r.Context(), recordVar, record)
	replacer.Map(record.placeholder)
}

// UserOf is the caller as Caddy knows users.
func UserOf(caller identity.Principal) caddyauth.User {
	return caddyauth.User{
		ID: caller.Company.Slug + "/" + caller.User.Name,
		Metadata: map[string]string{
			"company": caller.Company.Slug, "user": caller.User.Name, "api_key": caller.KeyID, "issuer": caller.Issuer,
		},
	}
}

func (p *requestRecord) placeholder(placeholder string) (value any, known bool) {
	if name, ok := strings.CutPrefix(placeholder, "http.auth.user."); ok {
		user := UserOf(p.caller)
		if name == "id" {
			return user.ID, true
		}
		value, known := user.Metadata[name]
		return value, known
	}
	name, ok := strings.CutPrefix(placeholder, "http.data_api.")
	if !ok {
		return nil, false
	}
	switch name {
	case "company":
		return p.caller.Company.Slug, true
	case "endpoint":
		if p.endpoint == (dataapi.Address{}) {
			return "", true
		}
		return p.endpoint.String(), true
	case "revision":
		return p.revision, true
	case "rows":
		if !p.ran {
			return "", true
		}
		return p.rows, true
	case "cache":
		return string(p.cache), true
	case "job_id":
		return p.jobID, true
	case "outcome":
		return p.outcome, true
	}
	return nil, false
}

// placeholderObserver notes what becomes of calls for their placeholders.
type placeholderObserver struct{}

// Observe implements [observe.Observer].
func (placeholderObserver) Observe(ctx context.Context, call *observe.Call) {
	record, ok := caddyhttp.GetVar(ctx, recordVar).(*requestRecord)
	if !ok {
		return
	}
	record.endpoint, record.revision, record.jobID, record.outcome = call.Endpoint, call.Revision, call.JobID, call.Outcome
	record.cache, record.rows, record.ran = call.Cache, call.Rows, call.Ran
}
