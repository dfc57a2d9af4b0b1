package caddymodule

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/cors"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/telemetry"
)

func init() {
	caddy.RegisterModule(new(TokenHandler))
	caddy.RegisterModule(new(JWTAuthenticator))
	caddy.RegisterModule(new(ExecuteHandler))
	caddy.RegisterModule(new(ProblemHandler))
}

// callerVar is the request variable under which the authenticator leaves the caller for the execute handler.
const callerVar = "data_api.caller"

// failureVar is the request variable under which the authenticator leaves a technical failure for the problem handler.
const failureVar = "data_api.failure"

// TokenHandler answers the exchange of an API key for tokens, POST /api/v1/auth/api-key, their renewal,
// POST /api/v1/auth/refresh, and the end of all tokens that descend from one exchange,
// POST /api/v1/auth/logout, and with the public keys that verify them, GET /.well-known/jwks.json. It signs browsers in, renews
// their sessions and signs them out, /api/v1/auth/session. To clients of OAuth 2.0 it gives tokens for client credentials,
// POST /api/v1/auth/token, which GET /.well-known/oauth-authorization-server tells of.
type TokenHandler struct {
	config.Token

	app  *App
	base dataapi.Base // that the configuration names
}

// CaddyModule returns the Caddy module information.
func (*TokenHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.data_api_token", New: func() caddy.Module { return new(TokenHandler) }}
}

// Provision finds the app.
func (h *TokenHandler) Provision(ctx caddy.Context) (err error) {
	knowConnections(ctx)
	if h.base, err = dataapi.ParseBase(h.BaseURL); err != nil {
		return fmt.Errorf("data_api_token: %w", err)
	}
	h.app, err = findApp(ctx)
	return err
}

// ServeHTTP answers the request. It calls a further handler for a preflight of a browser alone, which the site may have one for.
func (h *TokenHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if cors.IsPreflight(r) {
		return next.ServeHTTP(w, r)
	}
	ready, err := h.app.enter(w, r)
	if err != nil {
		return h.app.unready(w, r, err)
	}
	defer ready.leave()
	base := urlOf(r, h.base)
	ready.API.ServeToken(w, r, base)
	return nil
}

// JWTAuthenticator authenticates callers who present an access token in the Authorization header. On every request it
// also looks whether the key that the token was made for is still valid, and its user and company active.
//
// The user's id is COMPANY/USER; metadata are company, user, api_key, and issuer where another issuer's token was presented.
type JWTAuthenticator struct {
	app *App
}

// CaddyModule returns the Caddy module information.
func (*JWTAuthenticator) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID: "http.authentication.providers.data_api_jwt", New: func() caddy.Module { return new(JWTAuthenticator) },
	}
}

// Provision finds the app.
func (a *JWTAuthenticator) Provision(ctx caddy.Context) (err error) {
	a.app, err = findApp(ctx)
	return err
}

// Authenticate verifies the token. Bad credentials are no error: they give the challenge and Caddy's own 401. An error
// is a technical failure.
func (a *JWTAuthenticator) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	caller, presented, err := a.authenticate(w, r)
	switch {
	case dataapi.HasCode(err, dataapi.CodeUnauthenticated):
		respond.SetChallenge(w, presented)
		return caddyauth.User{}, false, nil
	case err != nil:
		// Caddy answers 401 whatever the error is, which would tell a client that its good token is bad. The error
		// route finds the real cause here.
		caddyhttp.SetVar(r.Context(), failureVar, err)
		return caddyauth.User{}, false, err
	}
	caddyhttp.SetVar(r.Context(), callerVar, caller)
	return telemetry.UserOf(caller), true, nil
}

// authenticate returns who the request's token speaks for, and whether there was a token.
func (a *JWTAuthenticator) authenticate(w http.ResponseWriter, r *http.Request) (identity.Principal, bool, error) {
	ready, err := a.app.enter(w, r)
	if err != nil {
		return identity.Principal{}, false, err
	}
	defer ready.leave()
	fields.SetRequestID(w, r)
	return ready.API.Authenticate(w, r)
}

// knowConnections lets the handlers of a server see the connections that requests come on.
func knowConnections(ctx caddy.Context) {
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		server.RegisterConnContext(respond.WithConn)
	}
}

// ExecuteHandler serves every path of [dataapi.CallerPaths]: it runs endpoints, POST /api/v1/data-api/NAMESPACE/SLUG/execute, serves
// their jobs and results, and the routes by which a company manages its endpoints, users and keys and sees what it has used.
// The authentication provider data_api_jwt authenticates callers, inside the handler or earlier in the route.
type ExecuteHandler struct {
	config.Execute

	app           *App
	base          dataapi.Base      // that the configuration names
	authenticator *JWTAuthenticator // nil: callers are authenticated earlier in the route
}

// CaddyModule returns the Caddy module information.
func (*ExecuteHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.data_api_execute", New: func() caddy.Module { return new(ExecuteHandler) }}
}

// Provision finds the app, and loads the authenticator.
func (h *ExecuteHandler) Provision(ctx caddy.Context) (err error) {
	knowConnections(ctx)
	if h.MaxBody == 0 {
		h.MaxBody = config.DefaultMaxBody
	}
	if h.base, err = dataapi.ParseBase(h.BaseURL); err != nil {
		return fmt.Errorf("data_api_execute: %w", err)
	}
	if h.app, err = findApp(ctx); err != nil || h.AuthenticatorRaw == nil {
		return err
	}
	module, err := ctx.LoadModule(h, "AuthenticatorRaw")
	if err != nil {
		return fmt.Errorf("data_api_execute: authenticator: %w", err)
	}
	authenticator, ok := module.(*JWTAuthenticator)
	if !ok {
		return errors.New("data_api_execute: authenticator: only the provider data_api_jwt can authenticate inside the handler; " +
			"put another one into an authentication handler in front of it")
	}
	h.authenticator = authenticator
	return nil
}

// Validate reports settings that cannot be used.
func (h *ExecuteHandler) Validate() error {
	if h.MaxBody < 1 {
		return fmt.Errorf("data_api_execute: max_body is %d: it must be at least 1", h.MaxBody)
	}
	return nil
}

// ServeHTTP answers the request. Without a caller it answers 401. It calls a further handler for a preflight of a browser alone,
// which brings no token and which the site may have a handler for.
func (h *ExecuteHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if cors.IsPreflight(r) {
		return next.ServeHTTP(w, r)
	}
	ready, err := h.app.enter(w, r)
	if err != nil {
		return h.app.unready(w, r, err)
	}
	defer ready.leave()
	if h.authenticator != nil {
		if caller, ok := ready.API.Identify(w, r); ok {
			telemetry.ShowRecord(r, caller)
			ready.API.ServeExecute(w, r, caller, h.options(r))
		}
		return nil
	}
	caller, ok := caddyhttp.GetVar(r.Context(), callerVar).(identity.Principal)
	if !ok {
		fields.SetRequestID(w, r)
		respond.WriteUnauthenticated(w, r, false)
		return nil
	}
	telemetry.ShowRecord(r, caller)
	ready.API.ServeExecute(w, r, caller, h.options(r))
	return nil
}

// options are what the API needs to know of the site.
func (h *ExecuteHandler) options(r *http.Request) httpapi.ExecuteOptions {
	return httpapi.ExecuteOptions{MaxBody: h.MaxBody, ServerTiming: h.ServerTiming, Base: baseOf(r, h.base)}
}

// baseOf returns what comes before the paths of the API: what the configuration says, or what handle_path or uri strip_prefix has
// taken away.
func baseOf(r *http.Request, configured dataapi.Base) dataapi.Base {
	if configured.URL != "" {
		return configured
	}
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		configured.Path = fields.StrippedPath(original.URL, r.URL)
	}
	return configured
}

// urlOf returns the same with its URL, which is where the client has found it unless the configuration says.
func urlOf(r *http.Request, configured dataapi.Base) dataapi.Base {
	base := baseOf(r, configured)
	if base.URL == "" {
		base.URL = schemeOf(r) + "://" + r.Host + base.Path
	}
	return base
}

// schemeOf returns the scheme that a client has used, behind the proxies that are trusted.
func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted && r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https"
	}
	return "http"
}

// ProblemHandler writes the error of an earlier handler as application/problem+json: in error routes, behind the data_api_jwt
// authentication provider or any other handler, it answers what that refuses as every other error is answered. Where no
// error has led to it, at the end of a site's routes, it answers 404.
type ProblemHandler struct{}

// CaddyModule returns the Caddy module information.
func (*ProblemHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.data_api_problem", New: func() caddy.Module { return new(ProblemHandler) }}
}

// ServeHTTP answers with the error that led here; it calls no further handler.
func (*ProblemHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	err, _ := r.Context().Value(caddyhttp.ErrorCtxKey).(error)
	fields.SetRequestID(w, r)
	refused, ok := errors.AsType[caddyhttp.HandlerError](err)
	failure, failed := caddyhttp.GetVar(r.Context(), failureVar).(error)
	switch {
	case failed:
		respond.WriteProblem(w, r, failure)
	case err == nil:
		respond.WriteProblem(w, r, &dataapi.Error{Code: dataapi.CodeNotFound})
	case ok && statusCodes[refused.StatusCode] != "":
		respond.WriteProblem(w, r, dataapi.Wrap(statusCodes[refused.StatusCode], err))
	default:
		respond.WriteProblem(w, r, err)
	}
	return nil
}

// statusCodes are the catalogue's names for what other handlers refuse with a status. Whatever is not here is internal.
var statusCodes = map[int]dataapi.Code{
	http.StatusBadRequest:            dataapi.CodeInvalidRequest,
	http.StatusUnauthorized:          dataapi.CodeUnauthenticated,
	http.StatusForbidden:             dataapi.CodeForbidden,
	http.StatusNotFound:              dataapi.CodeNotFound,
	http.StatusMethodNotAllowed:      dataapi.CodeMethodNotAllowed,
	http.StatusNotAcceptable:         dataapi.CodeNotAcceptable,
	http.StatusRequestEntityTooLarge: dataapi.CodeRequestTooLarge,
	http.StatusUnsupportedMediaType:  dataapi.CodeUnsupportedMediaType,
	http.StatusTooManyRequests:       dataapi.CodeRateLimited,
	http.StatusServiceUnavailable:    dataapi.CodeOverloaded,
}

// Interface guards.
var (
	_ caddyhttp.MiddlewareHandler = (*TokenHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*ExecuteHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*ProblemHandler)(nil)
	_ caddyauth.Authenticator     = (*JWTAuthenticator)(nil)
	_ caddy.Provisioner           = (*TokenHandler)(nil)
	_ caddy.Provisioner           = (*JWTAuthenticator)(nil)
	_ caddy.Provisioner           = (*ExecuteHandler)(nil)
	_ caddy.Validator             = (*ExecuteHandler)(nil)
)
