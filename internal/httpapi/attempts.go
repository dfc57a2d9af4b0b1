package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// beginAttempt counts a request for tokens. It fails with dataapi.CodeRateLimited when the caller's address has sent too
// many, or too many that failed.
func (t *tokens) beginAttempt(r *http.Request) (ratelimit.Attempt, error) {
	attempt, wait := t.throttle.Begin(t.limits, t.ClientIP(r))
	return attempt, t.throttled(attempt, wait)
}

// present says for whom an attempt presents a secret. It fails with dataapi.CodeRateLimited, before anybody looks at the
// secret and whether or not there is such a key.
func (t *tokens) present(attempt *ratelimit.Attempt, request *keyRequest) error {
	wait := attempt.Present(request.CompanySlug, request.APIKey)
	return t.throttled(*attempt, wait)
}

func (t *tokens) throttled(attempt ratelimit.Attempt, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	t.Meter.Throttled(observe.Limit(attempt.Exceeded()))
	return &dataapi.Error{Code: dataapi.CodeRateLimited, RetryAfter: wait}
}

// verified counts an attempt as a failure when its credentials were refused, and puts the refusal into the words of the
// route; other errors it returns as they are.
func verified(attempt *ratelimit.Attempt, err error, refusal string) error {
	if !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
		return err
	}
	attempt.Failed()
	refused := *dataapi.AsError(err)
	refused.Detail = refusal
	return &refused
}

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
func (a *API) authenticateKey(w http.ResponseWriter, r *http.Request, key, secret string) (identity.Principal, error) {
	caller, err := a.directory.VerifyKey(key, secret)
	if err == nil && !caller.User.Basic {
		err = dataapi.Wrap(dataapi.CodeUnauthenticated, errNoBasic)
	}
	if err == nil {
		return caller, nil
	}
	claims := token.Claims{Subject: token.Subject{Company: a.directory.CompanyOfKey(key)}}
	if identity.ValidKeyID(key) {
		claims.KeyID = key
	}
	a.recordRefused(w, r, claims, err)
	if !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
		return identity.Principal{}, err
	}
	attempt, wait := a.throttle.Begin(a.throttleLimits, a.ClientIP(r))
	wait = max(wait, attempt.Present(claims.Company, key))
	if wait > 0 {
		a.Meter.Throttled(observe.Limit(attempt.Exceeded()))
		return identity.Principal{}, &dataapi.Error{Code: dataapi.CodeRateLimited, RetryAfter: wait}
	}
	attempt.Failed()
	return identity.Principal{}, err
}
