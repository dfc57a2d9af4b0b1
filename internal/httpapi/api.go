// Package httpapi is the HTTP contract on net/http: routes, JSON bodies, problem documents. It knows no Caddy and makes
// no decision of its own; it calls the packages that do, in the order in which a request is handled:
// authenticate, permit, find, bind, then run and encode, or accept a job.
package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/logsample"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// The paths of the contract.
const (
	apiKeyPath      = "/api/v1/auth/api-key"
	refreshPath     = "/api/v1/auth/refresh"
	jwksPath        = "/.well-known/jwks.json"
	logoutPath      = "/api/v1/auth/logout"
	permissionsPath = "/api/v1/auth/permissions"
	endpointsPath   = "/api/v1/data-api"
	openAPIPath     = endpointsPath + "/openapi.json"
	endpointPath    = endpointsPath + "/{namespace}/{slug}"
	jobPath         = endpointPath + "/jobs/{job_id}"
)

// Services are what requests are answered with. They are ready for use and safe for concurrent use.
type Services struct {
	Directory *identity.Directory
	Tokens    *token.Authority
	TokenKeys *token.KeyRing // those of Tokens
	Families  *token.Families
	Jobs      *job.Engine

	// Plan returns the endpoints as they stand now. It must not block.
	Plan func() *execution.Plan

	// Ending is done when this configuration is replaced or the server stops. Whoever waits for a job is answered then.
	Ending context.Context //nolint:containedctx // it is an event, which lives as long as the services do
	// Exiting reports whether the server stops. It must not block.
	Exiting func() bool

	// CursorKey signs the cursors of result pages. It is secret, has 32 bytes, and outlives the process.
	CursorKey []byte

	// CheckCallback says why jobs may not be announced to a URL, in words for the caller; nil: they may.
	CheckCallback func(url string) error

	// ClientIP returns the address of whoever sent a request, behind the proxies that are trusted; empty when it is not
	// known. It must not block.
	ClientIP func(r *http.Request) string

	// Throttle slows down whoever guesses at credentials, within the limits.
	Throttle       *ratelimit.Throttle
	ThrottleLimits ratelimit.ThrottleLimits

	// Rates counts requests against the limits of keys and endpoints.
	Rates *ratelimit.Table

	// WaitingCallers bounds how many callers of a company wait for jobs at the same time.
	WaitingCallers *admission.Counter

	// Memory bounds what answers and bodies hold in memory.
	Memory *Memory

	// Cache keeps the results of endpoints that let it.
	Cache *cache.Cache

	Log *slog.Logger

	// Trail keeps the audit trail. AuditParameters puts the values of parameters into it, sensitive ones replaced.
	Trail           audit.Trail
	AuditParameters bool
}

// API answers requests. Make it with [New].
type API struct {
	Services
	token   *http.ServeMux
	execute *http.ServeMux

	watch     watch
	turns     turns
	crowded   atomic.Int64 // when it was last logged that there was no memory left, in nanoseconds
	documents *otter.Cache[view, openAPIDocument]
	gathered  *admission.Budget // answers that are gathered in memory
	samples   logsample.Sampler // of the failures that pass
}

// maxTokenBody bounds the bodies of the token routes, in bytes: a refresh token is the longest thing in them.
const maxTokenBody = 16 << 10

// New makes an API of its services.
func New(services Services) *API {
	api := &API{
		Services: services, documents: newDocuments(), gathered: admission.NewBudget(2 * maxGathered),
		turns: newTurns(), watch: watch{stall: stallTimeout, blind: blindTimeout},
	}
	api.token = routes(map[string]http.HandlerFunc{
		http.MethodPost + " " + apiKeyPath:  api.handleToken(audit.TokenIssued, audit.TokenRefused, api.exchangeKey),
		http.MethodPost + " " + refreshPath: api.handleToken(audit.TokenRefreshed, audit.TokenRefused, api.refresh),
		http.MethodGet + " " + jwksPath:     api.handle(api.jwks),
		http.MethodPost + " " + logoutPath:  api.handleToken(audit.TokenEnded, audit.TokenRefused, api.logout),
	})
	execute := map[string]http.HandlerFunc{
		http.MethodGet + " " + permissionsPath:            api.handle(api.permissions),
		http.MethodGet + " " + endpointsPath:              api.handle(api.listEndpoints),
		http.MethodGet + " " + openAPIPath:                api.handle(api.getOpenAPI),
		http.MethodPost + " " + endpointPath + "/execute": api.handle(api.executeAs("")),
		http.MethodGet + " " + endpointPath + "/jobs":     api.handle(api.listJobs),
		http.MethodGet + " " + jobPath:                    api.handle(api.getJob),
		http.MethodDelete + " " + jobPath:                 api.handle(api.cancelJob),
		http.MethodGet + " " + jobPath + "/result":        api.handle(api.resultAs("")),
	}
	for _, format := range result.StreamedFormats() {
		execute[http.MethodPost+" "+endpointPath+"/execute."+string(format)] = api.handle(api.executeAs(format))
	}
	for _, format := range result.Formats() {
		execute[http.MethodGet+" "+jobPath+"/result."+string(format)] = api.handle(api.resultAs(format))
	}
	api.execute = routes(execute)
	return api
}

// ServeToken answers the routes that need no access token: the exchange of a key, the refresh, the logout, and the public
// keys.
func (a *API) ServeToken(w http.ResponseWriter, r *http.Request) {
	SetRequestID(w, r)
	a.limitBody(w, r, maxTokenBody)
	a.token.ServeHTTP(w, r)
}

// ServeExecute answers the routes that need a caller: the caller is who an authenticator has vouched for. maxBody is the
// largest request body in bytes.
func (a *API) ServeExecute(w http.ResponseWriter, r *http.Request, caller identity.Principal, maxBody int64) {
	SetRequestID(w, r)
	if err := a.limitKey(w, caller); err != nil {
		a.Fail(w, r, err)
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), callerKey{}, caller))
	a.limitBody(w, r, maxBody)
	a.execute.ServeHTTP(w, r)
}

type callerKey struct{}

func callerOf(r *http.Request) identity.Principal {
	caller, _ := r.Context().Value(callerKey{}).(identity.Principal)
	return caller
}

// Authenticate returns who sent the request, by its bearer token. Every failure is the same
// dataapi.CodeUnauthenticated; presented reports whether there was a token at all, which the challenge tells apart.
func (a *API) Authenticate(w http.ResponseWriter, r *http.Request) (caller identity.Principal, presented bool, err error) {
	bearer, presented := bearerToken(r)
	if !presented {
		return identity.Principal{}, false, dataapi.Wrap(dataapi.CodeUnauthenticated, errNoToken)
	}
	claims, err := a.Tokens.Verify(r.Context(), bearer)
	switch {
	case err != nil:
	case claims.Issuer != "":
		caller, err = a.Directory.ResolveVouched(claims.Company, claims.User)
		caller.Issuer = claims.Issuer
	default:
		caller, err = a.resolve(claims.Subject, claims.Family)
	}
	if err != nil && a.Trail.Enabled() {
		event := audit.Event{Action: audit.AccessRefused}
		event.Outcome, event.Reason = outcomeOf(err)
		about(&event, claims)
		a.record(w, r, event)
	}
	return caller, true, err
}

// Identify is Authenticate for whoever answers the request at once: it does so, and reports false, where that fails.
func (a *API) Identify(w http.ResponseWriter, r *http.Request) (caller identity.Principal, ok bool) {
	SetRequestID(w, r)
	caller, presented, err := a.Authenticate(w, r)
	switch {
	case dataapi.HasCode(err, dataapi.CodeUnauthenticated):
		WriteUnauthenticated(w, presented)
	case err != nil:
		a.Fail(w, r, err)
	}
	return caller, err == nil
}

// writeJSON answers with a document that fits in memory and must not be stored by caches.
func writeJSON(w http.ResponseWriter, status int, document any) error {
	body, err := json.Marshal(document)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	body = append(body, '\n')
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err = w.Write(body)
	return err
}
