package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
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
	preferred preferences
}

// strictWait is how much longer than its query the caller of a sync endpoint is kept waiting for a job: it may have to
// wait for a worker.
const strictWait = 5 * time.Second

// executionModeOf reads how a call of this endpoint is to be answered.
func executionModeOf(r *http.Request, endpoint *catalog.Endpoint) (executionMode, error) {
	key, err := parseIdempotencyKey(r.Header)
	if err != nil {
		return executionMode{}, err
	}
	t := executionMode{key: key, preferred: parsePreferences(r.Header)}
	switch {
	case t.preferred.hasWait:
		t.asJob, t.detach, t.wait = true, true, t.preferred.wait
	case t.preferred.respondAsync, endpoint.Mode == catalog.Async:
		t.asJob, t.detach = true, true
	case endpoint.OnTimeout == catalog.Continue:
		t.asJob, t.detach, t.wait = true, true, endpoint.Limits.Timeout
	case key != "":
		// The answer has to outlive the request, so that it can be given again.
		t.asJob, t.wait = true, endpoint.Limits.Timeout+strictWait
	}
	return t, nil
}

// setApplied says which preferences have been honoured (RFC 7240, 3). Who got the result was not answered asynchronously.
func (p preferences) setApplied(header http.Header, accepted bool) {
	var applied []string
	if p.respondAsync && accepted {
		applied = append(applied, "respond-async")
	}
	if p.hasWait {
		applied = append(applied, "wait="+strconv.Itoa(int(p.wait/time.Second)))
	}
	if len(applied) > 0 {
		header.Set("Preference-Applied", strings.Join(applied, ", "))
	}
}
