package authn

import (
	"errors"
	"net/http"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/signin"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// Authenticator says who callers are, by what holds at the moment, and gives them their tokens. It is safe for concurrent use.
type Authenticator struct {
	*respond.Recorder
	Directory *identity.Directory
	Tokens    *token.Authority
	Families  *token.Families

	// Throttle slows down those who guess at credentials, within the limits.
	Throttle *ratelimit.Throttle
	Limits   ratelimit.ThrottleLimits

	// SignIn is where people sign in by their company's identity provider.
	SignIn *signin.Desk
	// Console returns the path of the console, to which they come then; empty: there is none. Nil: likewise.
	Console func() string
}

// Routes are those at which callers get, renew and end their tokens, and others the keys that verify them.
func (a *Authenticator) Routes(keys *token.KeyRing) respond.Routes {
	tokens := &tokens{a, keys}
	sessions := &sessions{tokens, http.NewCrossOriginProtection()}
	signIns := &signIns{sessions}
	return respond.Routes{
		http.MethodPost + " " + dataapi.PathAPIKey:  tokens.recorded(audit.TokenIssued, tokens.exchange),
		http.MethodPost + " " + dataapi.PathRefresh: tokens.recorded(audit.TokenRefreshed, tokens.refresh),
		http.MethodPost + " " + dataapi.PathLogout:  tokens.recorded(audit.TokenEnded, tokens.logout),
		http.MethodPost + " " + dataapi.PathToken:   asOAuth(tokens.recorded(audit.TokenIssued, tokens.clientCredentials)),
		http.MethodGet + " " + dataapi.PathJWKS:     tokens.publicKeys,
		http.MethodGet + " " + dataapi.PathOAuth:    metadata,

		http.MethodPost + " " + dataapi.PathSession:   sessions.recorded(audit.TokenIssued, sessions.begin),
		http.MethodPost + " " + dataapi.PathRenew:     sessions.recorded(audit.TokenRefreshed, sessions.renew),
		http.MethodDelete + " " + dataapi.PathSession: sessions.recorded(audit.TokenEnded, sessions.end),

		http.MethodGet + " " + dataapi.PathSignIn:                   signIns.offer,
		http.MethodPost + " " + dataapi.PathSignIn:                  signIns.begin,
		http.MethodGet + " " + dataapi.PathSignedIn + "/{provider}": signIns.recordedAny(audit.TokenIssued, signIns.finish),
	}
}

var errNoToken = errors.New("the request carries no bearer token")

// bearerToken returns the token of the Authorization header (RFC 6750, 2.1); the other two ways of that RFC, a form
// field and a query parameter, leak into logs and are not read.
func bearerToken(r *http.Request) (string, bool) {
	scheme, credentials, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.Trim(credentials, " "), true
}

// Authenticate returns who sent the request, by its bearer token or, for users who may, by HTTP Basic with an API key. What is wrong
// with a credential is not told: it fails with dataapi.CodeUnauthenticated. It fails with dataapi.CodeOverloaded while revocations or an
// issuer's keys cannot be read, and with dataapi.CodeInternal when a stored key is damaged. presented reports whether there was a
// credential at all, which the challenge tells apart.
func (a *Authenticator) Authenticate(w http.ResponseWriter, r *http.Request) (caller identity.Principal, presented bool, err error) {
	bearer, presented := bearerToken(r)
	if key, secret, ok := basicKey(r); ok {
		caller, err := a.authenticateKey(w, r, key, secret)
		return caller, true, err
	}
	if !presented {
		a.Meter.TokenRefused(observe.NoToken)
		return identity.Principal{}, false, dataapi.Wrap(dataapi.CodeUnauthenticated, errNoToken)
	}
	claims, err := a.Tokens.Verify(r.Context(), bearer)
	switch {
	case err != nil:
	case claims.Issuer != "":
		caller, err = a.Directory.ResolveTrusted(claims.Company, claims.User)
		caller.Issuer = claims.Issuer
	default:
		caller, err = a.resolve(claims.Subject, claims.Family)
	}
	if err != nil {
		a.recordRefused(w, r, claims, err)
	}
	return caller, true, err
}

// recordRefused counts and keeps that credentials were refused.
func (a *Authenticator) recordRefused(w http.ResponseWriter, r *http.Request, claims token.Claims, err error) {
	a.CountRefusal(err)
	if !a.AuditLog.Enabled() {
		return
	}
	event := audit.Event{Action: audit.AccessRefused}
	event.Outcome, event.Reason = respond.OutcomeOf(err)
	about(&event, claims)
	a.Record(w, r, event)
}

// Renew returns the caller as it is now: its key may have been revoked since it was authenticated.
func (a *Authenticator) Renew(caller identity.Principal) (identity.Principal, error) {
	now, err := a.resolve(token.Subject{Company: caller.Company.Slug, User: caller.User.Name, KeyID: caller.KeyID}, caller.Session)
	now.Issuer, now.Link = caller.Issuer, caller.Link
	return now, err
}

// resolve returns who a verified token speaks for now, unless its family has ended.
func (a *Authenticator) resolve(subject token.Subject, family string) (identity.Principal, error) {
	if a.Families.Revoked(family) {
		return identity.Principal{}, dataapi.Wrap(dataapi.CodeUnauthenticated, token.ErrRevoked)
	}
	caller, err := a.Directory.Resolve(subject.Company, subject.User, subject.KeyID)
	caller.Session = family
	return caller, err
}

// SetChallenge sets the WWW-Authenticate header of a 401 that Authenticate leads to.
func SetChallenge(w http.ResponseWriter, r *http.Request, presented bool) {
	if _, _, basic := basicKey(r); basic {
		w.Header().Set("WWW-Authenticate", basicChallenge)
		return
	}
	respond.SetChallenge(w, presented)
}
