package httpapi

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// beginAttempt counts a request for tokens. It fails with dataapi.CodeRateLimited when the caller's address has sent too
// many, or too many that failed.
func (t *tokens) beginAttempt(r *http.Request) (ratelimit.Attempt, error) {
	attempt, wait := t.throttle.Begin(t.limits, t.clientIP(r))
	return attempt, throttled(wait)
}

// present says for whom an attempt presents a secret. It fails with dataapi.CodeRateLimited, before anybody looks at the
// secret and whether or not there is such a key.
func present(attempt *ratelimit.Attempt, request keyRequest) error {
	return throttled(attempt.Present(request.CompanySlug, request.APIKey))
}

func throttled(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
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
