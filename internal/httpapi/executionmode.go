package httpapi

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
)

// executionMode says how a call is answered: by the endpoint's mode, what it does at its time limit, and what the caller prefers.
type executionMode struct {
	// asJob: the call runs as a job from its beginning, so that its work is kept whatever becomes of the request.
	// Otherwise it runs while the caller waits, and ends with the request.
	asJob bool

	// wait is how long the caller of a job is kept waiting for the result.
	wait time.Duration

	// detach: when the wait is over the answer is 202, and the caller polls. Otherwise the caller is one of a sync
	// endpoint who expects a result and nothing else.
	detach bool

	key       string // the Idempotency-Key; empty: none
	preferred fields.Preferences
}

// strictWait is how much longer than its query the caller of a sync endpoint is kept waiting for a job: it may have to
// wait for a worker.
const strictWait = 5 * time.Second

// executionModeOf reads how a call of this endpoint is to be answered.
func executionModeOf(r *http.Request, endpoint *catalog.Endpoint) (executionMode, error) {
	key, err := fields.ParseIdempotencyKey(r.Header)
	if err != nil {
		return executionMode{}, err
	}
	t := executionMode{key: key, preferred: fields.ParsePreferences(r.Header)}
	switch {
	case t.preferred.HasWait:
		t.asJob, t.detach, t.wait = true, true, t.preferred.Wait
	case t.preferred.RespondAsync, endpoint.Mode == catalog.Async:
		t.asJob, t.detach = true, true
	case endpoint.OnTimeout == catalog.Continue:
		t.asJob, t.detach, t.wait = true, true, endpoint.Limits.Timeout
	case key != "":
		// The answer has to outlive the request, so that it can be given again.
		t.asJob, t.wait = true, endpoint.Limits.Timeout+strictWait
	}
	return t, nil
}
