package audit

import "github.com/solucao42/caddy-data-api/internal/observe"

// CallEvent is the event of a call of an endpoint. It has no values of parameters, and not where the call came from.
func CallEvent(call *observe.Call) Event {
	event := Event{
		Action: EndpointExecuted, Outcome: call.Outcome, Reason: call.Reason,
		Company: call.Company, User: call.User, KeyID: call.KeyID, Issuer: call.Issuer, Session: call.Session,
		Endpoint: call.Endpoint.String(), Revision: call.Revision, JobID: call.JobID,
		TraceID: call.TraceID, LinkID: call.LinkID,
	}
	switch call.Kind {
	case observe.Accepted:
		event.Action = JobAccepted
	case observe.Job:
		event.Action = JobEnded
		fallthrough
	case observe.Request:
		if call.Ran {
			event.Ran, event.Rows, event.Duration = true, call.Rows, call.Duration
		}
	}
	return event
}
