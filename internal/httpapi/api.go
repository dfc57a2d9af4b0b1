package httpapi

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/authn"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
	"github.com/solucao42/caddy-data-api/internal/signin"
	"github.com/solucao42/caddy-data-api/internal/spool"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/tracing"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// The routes below the paths of the contract.
const (
	endpointRoute = dataapi.PathEndpoints + "/{namespace}/{slug}"
	jobRoute      = endpointRoute + "/jobs/{job_id}"
)

// Services are what requests are answered with. They are ready for use and safe for concurrent use.
type Services struct {
	Directory *identity.Directory
	Tokens    *token.Authority
	TokenKeys *token.KeyRing // those of Tokens
	Families  *token.Families
	Jobs      *job.Engine

	// Plan returns the endpoints as they are now. It must not block.
	Plan func() *execution.Plan

	// Ending is done when this configuration is replaced or the server stops. Callers who wait for a job are answered then.
	Ending context.Context //nolint:containedctx // it is an event, which lives as long as the services do
	// Exiting reports whether the server stops. It must not block.
	Exiting func() bool

	// CursorKey signs the cursors of result pages. It is secret, has 32 bytes, and outlives the process.
	CursorKey []byte

	// CheckCallback says why jobs may not be announced to a URL, in words for the caller; nil: they may.
	CheckCallback func(url string) error

	// ClientIP returns the address of the client that sent a request, behind the proxies that are trusted; empty when it is not
	// known. It must not block.
	ClientIP func(r *http.Request) string

	// SignIn is where people sign in by identity providers, and Console the path to which they come then; it must not block.
	SignIn  *signin.Desk
	Console func() string

	// Throttle slows down those who guess at credentials, within the limits.
	Throttle       *ratelimit.Throttle
	ThrottleLimits ratelimit.ThrottleLimits

	// Rates counts requests against the limits of keys and endpoints.
	Rates *ratelimit.Table

	// Links are the presigned links of the store.
	Links *link.Links

	// Usage is what was counted, and Quotas hold callers to theirs.
	Usage  *usage.Counter
	Quotas *usage.Quotas

	// WaitingCallers bounds how many callers of a company wait for jobs at the same time.
	WaitingCallers *admission.Counter

	// Memory bounds what answers and bodies hold in memory.
	Memory *respond.Memory

	// Spool keeps results of jobs in other forms than they are stored in.
	Spool *spool.Spool

	// Cache keeps the results of endpoints that let it.
	Cache *cache.Cache

	Log *slog.Logger

	// Drafts run what is not stored.
	Drafts *execution.Drafts

	// More adds routes that other packages serve.
	More []func(*respond.Responder) respond.Routes

	// Observer watches the calls of endpoints. Meter counts what happens beside them; nil: nobody does.
	Observer observe.Observer
	Meter    observe.Meter

	// Traces is told of the requests that jobs come from. It may be nil.
	Traces *tracing.Provider

	// AuditLog keeps the audit log. AuditParameters puts the values of parameters into it, sensitive ones replaced.
	AuditLog        audit.Log
	AuditParameters bool
}

// API answers requests. Make it with [New].
type API struct {
	*authn.Authenticator
	*respond.Responder
	links *linkCallers

	token   *http.ServeMux
	execute *http.ServeMux
	routes  []string
}

// Routes lists the routes as "METHOD PATH": those of strangers, then those of callers. The slice must not be changed.
func (a *API) Routes() []string { return a.routes }

// maxTokenBody bounds the bodies of the token routes, in bytes: a refresh token is the longest thing in them.
const maxTokenBody = 16 << 10

// New makes an API of its services.
func New(s Services) *API {
	if s.Meter == nil {
		s.Meter = observe.Unmetered{}
	}
	recorder := &recorder{&respond.Recorder{AuditLog: s.AuditLog, ClientIP: s.ClientIP, Meter: s.Meter}, s.AuditParameters}
	authenticator := &authn.Authenticator{
		Recorder: recorder.Recorder, Directory: s.Directory, Tokens: s.Tokens, Families: s.Families,
		Throttle: s.Throttle, Limits: s.ThrottleLimits, SignIn: s.SignIn, Console: s.Console,
	}
	access := &access{authenticator: authenticator, plan: s.Plan, jobs: s.Jobs}
	responder := respond.New(respond.Options{
		Recorder: recorder.Recorder, Renew: authenticator.Renew, Rates: s.Rates, Memory: s.Memory, Log: s.Log,
		Limits: map[error]observe.Limit{errTooManyWait: observe.WaitersLimit, job.ErrQuotaExceeded: observe.StorageLimit},
	})
	waits := &waits{access: access, callers: s.WaitingCallers, ending: s.Ending, exiting: s.Exiting}

	endpoints := &endpoints{access: access, documents: newDocuments()}
	gathering := &gathering{admission.NewBudget(2 * maxGathered)}
	links := &linkCallers{recorder.Recorder, s.Directory, s.Links}
	executions := &executions{
		gathering: gathering, links: links,
		access: access, recorder: recorder, waits: waits, observer: s.Observer, cache: s.Cache, rates: s.Rates, quotas: s.Quotas,
		traces: s.Traces, checkURL: s.CheckCallback,
	}
	previews := &previews{executions, s.Drafts}
	reports := &reports{Recorder: recorder.Recorder, usage: s.Usage}
	jobs := &jobs{access: access, recorder: recorder, waits: waits}
	results := &results{access: access, recorder: recorder, gathering: gathering, cursors: s.CursorKey, spool: s.Spool}

	execute := respond.Routes{
		http.MethodGet + " " + dataapi.PathPermissions:     endpoints.permissions,
		http.MethodGet + " " + dataapi.PathEndpoints:       endpoints.list,
		http.MethodGet + " " + dataapi.PathOpenAPI:         endpoints.openAPI,
		http.MethodGet + " " + dataapi.PathUsage:           reports.get,
		http.MethodPost + " " + dataapi.PathPreview:        previews.preview,
		http.MethodPost + " " + endpointRoute + "/execute": executions.execute,
		http.MethodGet + " " + endpointRoute + "/execute":  executions.execute,
		http.MethodGet + " " + endpointRoute + "/jobs":     jobs.list,
		http.MethodGet + " " + jobRoute:                    jobs.get,
		http.MethodDelete + " " + jobRoute:                 jobs.cancel,
		http.MethodGet + " " + jobRoute + "/result":        results.get,
	}
	for _, format := range formats.All {
		execute[http.MethodGet+" "+jobRoute+"/result."+format.Suffix] = results.get
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			execute[method+" "+endpointRoute+"/execute."+format.Suffix] = executions.execute
		}
	}
	for _, more := range s.More {
		maps.Copy(execute, more(responder))
	}
	ofTokens := authenticator.Routes(s.TokenKeys)
	return &API{
		Authenticator: authenticator, Responder: responder, links: links,
		token: responder.Mux(ofTokens, nil), execute: responder.Mux(execute, suggest),
		routes: append(slices.Sorted(maps.Keys(ofTokens)), slices.Sorted(maps.Keys(execute))...),
	}
}

// ServeToken answers the routes that need no access token: the exchange of a key, the refresh, the logout, the sessions of
// browsers, the public keys, and the client credentials of OAuth with what clients need to know of them. The URL of base is that
// of the server.
func (a *API) ServeToken(w http.ResponseWriter, r *http.Request, base dataapi.Base) {
	r = r.WithContext(fields.WithBase(r.Context(), base))
	a.EnterStranger(w, r, maxTokenBody)
	a.token.ServeHTTP(w, r)
}

// Authenticate returns who sent the request, by a presigned link where it presents one, and else as [authn.Authenticator] does.
func (a *API) Authenticate(w http.ResponseWriter, r *http.Request) (caller identity.Principal, presented bool, err error) {
	if presentsLink(r) {
		caller, err := a.links.authenticate(w, r)
		return caller, true, err
	}
	return a.Authenticator.Authenticate(w, r)
}

// Identify is Authenticate for those who need no error: where authentication fails, it answers the request and reports false.
func (a *API) Identify(w http.ResponseWriter, r *http.Request) (caller identity.Principal, ok bool) {
	fields.SetRequestID(w, r)
	caller, presented, err := a.Authenticate(w, r)
	switch {
	case dataapi.HasCode(err, dataapi.CodeUnauthenticated):
		authn.SetChallenge(w, r, presented)
		respond.WriteProblem(w, r, &dataapi.Error{Code: dataapi.CodeUnauthenticated})
	case err != nil:
		a.Fail(w, r, err)
	}
	return caller, err == nil
}

// ExecuteOptions are what a site says about the routes that need a caller.
type ExecuteOptions struct {
	MaxBody      int64 // bytes of the largest request body
	ServerTiming bool  // calls of endpoints are answered with the field Server-Timing

	Base dataapi.Base // of the paths in answers

	// Counted: the request is a part of one that the rate of the caller's key has counted already.
	Counted bool
}

// ServeExecute answers the routes that need a caller: the caller is the user that an authenticator has identified.
func (a *API) ServeExecute(w http.ResponseWriter, r *http.Request, caller identity.Principal, options ExecuteOptions) {
	if caller.Link != "" && linkRoute(r) == nil {
		respond.WriteUnauthenticated(w, r, true) // a handler between has led it elsewhere
		return
	}
	r, ok := a.Enter(w, r, caller, options.MaxBody, options.Counted)
	if !ok {
		return
	}
	ctx := fields.WithBase(r.Context(), options.Base)
	if options.ServerTiming {
		ctx = context.WithValue(ctx, serverTimingKey{}, true)
	}
	if ctx != r.Context() {
		r = r.WithContext(ctx)
	}
	a.execute.ServeHTTP(w, r)
}
