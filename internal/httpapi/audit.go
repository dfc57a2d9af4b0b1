package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// callerGone is the outcome of an execution whose caller did not wait for its end.
const callerGone = "CALLER_GONE"

// record completes an event with where it came from, and keeps it.
func (a *API) record(w http.ResponseWriter, r *http.Request, event audit.Event) {
	if event.Outcome == "" {
		event.Outcome = audit.Success
	}
	event.ClientIP, event.RequestID = a.ClientIP(r), RequestID(w)
	a.Trail.Record(event)
}

// by returns an event of a caller.
func by(caller identity.Principal, action audit.Action) audit.Event {
	event := audit.Event{Action: action, KeyID: caller.KeyID, Issuer: caller.Issuer, Session: caller.Session}
	if caller.Company != nil {
		event.Company, event.User = caller.Company.Slug, caller.User.Name
	}
	return event
}

// outcomeOf returns the code of an error and, for operators, its cause.
func outcomeOf(err error) (outcome, reason string) {
	failure := dataapi.AsError(err)
	switch {
	case failure == nil:
		return audit.Success, ""
	case errors.Is(err, context.Canceled), errors.Is(err, errStalled):
		return callerGone, ""
	case failure.Err != nil && failure.Code == dataapi.CodeUnauthenticated:
		reason = failure.Err.Error()
	case failure.Code.Definition().Status < http.StatusInternalServerError:
		reason = failure.Detail // other causes are for the log: a database's message may repeat a value
	}
	return string(failure.Code), reason
}

// ran is what there is to tell of an execution.
type ran struct {
	rows  int
	begun time.Time
}

// recordExecution keeps the execution of an endpoint for a caller who waited.
func (a *API) recordExecution(
	w http.ResponseWriter, r *http.Request, caller identity.Principal, bound *execution.Bound, ran ran, err error,
) {
	if !a.Trail.Enabled() {
		return
	}
	event := by(caller, audit.EndpointExecuted)
	event.Outcome, event.Reason = outcomeOf(err)
	a.describe(&event, bound)
	event.Ran, event.Rows, event.Duration = true, ran.rows, time.Since(ran.begun)
	a.record(w, r, event)
}

// describe says which endpoint an event is about and, where the configuration asks for it, with which values.
func (a *API) describe(event *audit.Event, bound *execution.Bound) {
	event.Endpoint, event.Revision = bound.Endpoint.Address.String(), bound.Endpoint.Revision
	if a.AuditParameters {
		event.Parameters = bound.Redacted()
	}
}

// recordAccepted keeps that a job was accepted, with what it is asked to do.
func (a *API) recordAccepted(
	w http.ResponseWriter, r *http.Request, caller identity.Principal, bound *execution.Bound, accepted job.Job,
) {
	if !a.Trail.Enabled() {
		return
	}
	event := by(caller, audit.JobAccepted)
	event.JobID = accepted.ID.String()
	a.describe(&event, bound)
	a.record(w, r, event)
}

// recordJob keeps what a caller has done with a job.
func (a *API) recordJob(w http.ResponseWriter, r *http.Request, caller identity.Principal, action audit.Action, done job.Job) {
	if !a.Trail.Enabled() {
		return
	}
	event := by(caller, action)
	event.JobID, event.Endpoint, event.Revision = done.ID.String(), done.Address.String(), done.Revision
	a.record(w, r, event)
}

// recordRefusal keeps that a caller was refused for what it may do, as opposed to how it asked.
func (a *API) recordRefusal(w http.ResponseWriter, r *http.Request, err error) {
	code := dataapi.AsError(err).Code
	if code != dataapi.CodeForbidden && code != dataapi.CodeParameterNotAllowed || !a.Trail.Enabled() {
		return
	}
	caller := callerOf(r)
	event := by(caller, audit.PermissionDenied)
	event.Outcome, event.Reason = outcomeOf(err)
	if namespace := r.PathValue("namespace"); dataapi.ValidSlug(namespace) && dataapi.ValidSlug(r.PathValue("slug")) {
		// As the caller named it: the endpoint may belong to another company, or to none.
		event.Subject = namespace + "/" + r.PathValue("slug")
	}
	a.record(w, r, event)
}

// tokenHandler answers a token route, or returns why it cannot. It tells the event whom the request is about as soon as
// it knows.
type tokenHandler func(w http.ResponseWriter, r *http.Request, event *audit.Event) error

// handleToken lets net/http call a token handler, and keeps what came of it as done, or as refused.
func (a *API) handleToken(done, refused audit.Action, h tokenHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		event := audit.Event{Action: done}
		answered := func(w http.ResponseWriter, r *http.Request) error {
			if _, err := parseQuery(r); err != nil {
				return err
			}
			err := h(w, r, &event)
			if err == nil && event.Action != "" && a.Trail.Enabled() {
				a.record(w, r, event)
			}
			return err
		}
		a.answer(w, r, answered, func(w http.ResponseWriter, r *http.Request, err error) {
			// What is malformed or too much says nothing about anybody's credentials.
			code := dataapi.AsError(err).Code
			if (code == dataapi.CodeUnauthenticated || code.Definition().Status >= http.StatusInternalServerError) && a.Trail.Enabled() {
				if event.Action == done {
					event.Action = refused
				}
				event.Outcome, event.Reason = outcomeOf(err)
				a.record(w, r, event)
			}
		})
	}
}
