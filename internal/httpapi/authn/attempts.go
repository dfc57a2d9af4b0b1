package authn

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// beginAttempt counts a request for tokens. It fails with dataapi.CodeRateLimited when the caller's address has sent too
// many, or too many that failed.
func (a *Authenticator) beginAttempt(r *http.Request) (ratelimit.Attempt, error) {
	attempt, wait := a.Throttle.Begin(a.Limits, a.ClientIP(r))
	return attempt, a.throttled(attempt, wait)
}

// present says for whom an attempt presents a secret. It fails with dataapi.CodeRateLimited, before anybody looks at the
// secret and whether or not there is such a key.
func (a *Authenticator) present(attempt *ratelimit.Attempt, request *keyRequest) error {
	wait := attempt.Present(request.CompanySlug, request.APIKey)
	return a.throttled(*attempt, wait)
}

func (a *Authenticator) throttled(attempt ratelimit.Attempt, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	a.Meter.Throttled(observe.Limit(attempt.Exceeded()))
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
