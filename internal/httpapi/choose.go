package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/job"
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

// What a GET of .../execute may not do, which has its parameters in its URL. It goes the way of a POST otherwise.

// refuseBody refuses a GET with a body, which some clients send and others drop.
func refuseBody(r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	return dataapi.Errorf(dataapi.CodeInvalidRequest, "A GET has the parameters in its URL, and no body. Send a body with POST.")
}

// onlyWhenPreferred refuses a GET that would make a job although its caller does not prefer one: crawlers and
// prefetchers would create jobs. It fails with dataapi.CodeMethodNotAllowed.
func onlyWhenPreferred(x *exchange) error {
	if preferred := x.mode.preferred; x.called.Endpoint.Mode != catalog.Async || preferred.HasWait || preferred.RespondAsync {
		return nil
	}
	x.w.Header().Set("Allow", http.MethodPost)
	return dataapi.Errorf(dataapi.CodeMethodNotAllowed,
		"This endpoint answers with jobs. Make one with POST, or say that you want one with Prefer: respond-async or Prefer: wait=N.")
}

// sensitiveTexts refuses values that must not be in a URL.
func sensitiveTexts(x *exchange) error {
	names := x.called.Endpoint.Contract.SensitiveAmong(x.texts)
	if len(names) == 0 {
		return nil
	}
	refusal := &dataapi.Error{Code: dataapi.CodeInvalidParameter}
	for _, name := range names {
		refusal.Faults = append(refusal.Faults, dataapi.Fault{
			Parameter: name, Code: dataapi.CodeInvalidParameter,
			Detail: "is sensitive, and is not taken from a URL, which histories and logs keep: send it in the body of a POST",
		})
	}
	return refusal
}

const (
	revisionQuery = "revision"            // asks for a revision of an endpoint
	revisionField = "X-Data-Api-Revision" // names the one that was run
)

// announceRetirement says from when the endpoint is deprecated (RFC 9745) and when it is expected to go (RFC 8594).
func announceRetirement(header http.Header, endpoint *catalog.Endpoint) {
	if !endpoint.Deprecated.IsZero() {
		header.Set("Deprecation", "@"+strconv.FormatInt(endpoint.Deprecated.Unix(), 10))
	}
	if !endpoint.Sunset.IsZero() {
		header.Set("Sunset", endpoint.Sunset.UTC().Format(http.TimeFormat))
	}
}

// setRevisionOf names the revision that a job has run, in place of the one that it was accepted for. When the endpoint has
// changed since, either may have been run, and nothing is said.
func (e *executions) setRevisionOf(header http.Header, ended job.Job) {
	if ended.PinRevision {
		header.Set(revisionField, ended.Revision)
		return
	}
	present, err := e.plan().Find(ended.Company, ended.Address.Namespace, ended.Address.Slug)
	if err != nil || present.Endpoint.Revision != ended.Revision {
		header.Del(revisionField)
		return
	}
	header.Set(revisionField, ended.Revision)
}
