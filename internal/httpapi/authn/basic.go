package authn

import (
	"errors"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// HTTP Basic with an API key and its secret, for tools that know nothing else: of users who may, and only to read.

const basicChallenge = `Basic realm="data-api", charset="UTF-8"`

var errNoBasic = errors.New("the user's keys may not be presented by HTTP Basic: company.yaml does not say basic: true")

// basicKey returns the key and the secret that a request presents, where it may: a browser sends what it was once given by itself,
// also with what another site makes it send, so that nothing can be changed with it.
func basicKey(r *http.Request) (key, secret string, ok bool) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return "", "", false
	}
	return r.BasicAuth()
}

// authenticateKey returns who holds a key. Failures count as those of the exchange for tokens do, and are refused beyond its limits.
func (a *Authenticator) authenticateKey(w http.ResponseWriter, r *http.Request, key, secret string) (identity.Principal, error) {
	caller, err := a.Directory.VerifyKey(key, secret)
	if err == nil && !caller.User.Basic {
		err = dataapi.Wrap(dataapi.CodeUnauthenticated, errNoBasic)
	}
	if err == nil {
		return caller, nil
	}
	claims := token.Claims{Subject: token.Subject{Company: a.Directory.CompanyOfKey(key)}}
	if identity.ValidKeyID(key) {
		claims.KeyID = key
	}
	a.recordRefused(w, r, claims, err)
	if !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
		return identity.Principal{}, err
	}
	attempt, wait := a.Throttle.Begin(a.Limits, a.ClientIP(r))
	wait = max(wait, attempt.Present(claims.Company, key))
	if wait > 0 {
		a.Meter.Throttled(observe.Limit(attempt.Exceeded()))
		return identity.Principal{}, &dataapi.Error{Code: dataapi.CodeRateLimited, RetryAfter: wait}
	}
	attempt.Failed()
	return identity.Principal{}, err
}
