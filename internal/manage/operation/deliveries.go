package operation

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// deliveryDocument describes the announcement of a job's end.
type deliveryDocument struct {
	JobID       job.ID         `json:"job_id"`
	MessageID   string         `json:"message_id"`
	Endpoint    string         `json:"endpoint"`
	User        string         `json:"user"`
	URL         string         `json:"url"` // without its query, which may hold a token
	State       callback.State `json:"state"`
	Attempts    int            `json:"attempts"`
	NextAttempt *time.Time     `json:"next_attempt_at"`
	CreatedAt   time.Time      `json:"created_at"`
	EndedAt     *time.Time     `json:"ended_at"`
	Last        *tryDocument   `json:"last"`
	Log         []tryDocument  `json:"log,omitempty"` // of one that is asked for by itself
}

type tryDocument struct {
	At         time.Time `json:"at"`
	Status     *int      `json:"status"`
	Error      *string   `json:"error"`
	Reason     *string   `json:"reason"`
	DurationMS int64     `json:"duration_ms"`
}

func describeTry(try callback.Try) tryDocument {
	d := tryDocument{At: try.At.UTC(), Error: textOrNull(try.Error), Reason: textOrNull(string(try.Reason)), DurationMS: try.Took.Milliseconds()}
	if try.Status != 0 {
		d.Status = &try.Status
	}
	return d
}

func describeDelivery(delivery *callback.Delivery, announced *job.Job, whole bool) deliveryDocument {
	d := deliveryDocument{
		JobID: delivery.JobID, MessageID: delivery.MessageID(), Endpoint: endpointName(announced.Company, announced.Address), User: delivery.User,
		URL: withoutQuery(delivery.URL), State: delivery.State, Attempts: delivery.Tries(), NextAttempt: respond.TimeOrNull(delivery.NextAttempt),
		CreatedAt: delivery.CreatedAt.UTC(), EndedAt: respond.TimeOrNull(delivery.EndedAt),
	}
	for i, try := range delivery.Log {
		described := describeTry(try)
		if whole {
			d.Log = append(d.Log, described)
		}
		if i == len(delivery.Log)-1 {
			d.Last = &described
		}
	}
	return d
}

func readState(text string) (callback.State, error) {
	switch state := callback.State(text); state {
	case "", callback.Pending, callback.Delivered, callback.Dead:
		return state, nil
	}
	return "", dataapi.Errorf(dataapi.CodeInvalidRequest, "There is no state %q%s", fields.Shorten(text),
		dataapi.Beside(text, []string{string(callback.Pending), string(callback.Delivered), string(callback.Dead)}))
}

// maxLooked bounds how many jobs' deliveries are looked up for one page.
const maxLooked = 200

// listDeliveries answers with the deliveries of the company's jobs, of the newest job first.
func (o *operation) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	caller := respond.CallerOf(r)
	if err := caller.RequireEverywhere(dataapi.ActionManageAccess); err != nil {
		return err
	}
	query, err := fields.ParseQuery(r, "state", "endpoint", "user", "limit", "cursor")
	if err != nil {
		return err
	}
	state, err := readState(query["state"])
	if err != nil {
		return err
	}
	wanted := fields.Query{"endpoint": query["endpoint"], "user": query["user"], "cursor": query["cursor"]}
	if text, ok := query["limit"]; ok {
		wanted["limit"] = text
	}
	filter, err := jobFilter(caller, wanted)
	if err != nil {
		return err
	}
	answer := struct {
		Deliveries []deliveryDocument `json:"deliveries"`
		Next       *string            `json:"next_cursor"`
	}{Deliveries: []deliveryDocument{}}
	limit, looked := filter.Limit, 0
	for pages := 0; pages < maxPages && looked < maxLooked && len(answer.Deliveries) < limit; pages++ {
		filter.Limit = min(limit-len(answer.Deliveries), maxLooked-looked)
		found, next, err := o.Store.List(r.Context(), caller.Company.Slug, filter)
		if err != nil {
			return dataapi.Wrap(dataapi.CodeOverloaded, err)
		}
		found = slices.DeleteFunc(found, func(j job.Job) bool { return j.CallbackURL == "" || !j.Status.Terminal() })
		looked += len(found)
		described, err := o.deliveriesOf(r.Context(), found, state)
		if err != nil {
			return err
		}
		answer.Deliveries = append(answer.Deliveries, described...)
		if filter.After = next; next.IsZero() {
			break
		}
	}
	if cursor := filter.After.String(); cursor != "" {
		answer.Next = &cursor
		query.SetNext(w, r, cursor, limit)
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

// deliveriesOf returns those of jobs that are in a state; empty: in any.
func (o *operation) deliveriesOf(ctx context.Context, jobs []job.Job, state callback.State) (described []deliveryDocument, err error) {
	for i := range jobs {
		delivery, err := o.delivery(ctx, jobs[i].ID)
		if err != nil {
			return nil, err
		}
		if delivery != nil && (state == "" || delivery.State == state) {
			described = append(described, describeDelivery(delivery, &jobs[i], false))
		}
	}
	return described, nil
}

// delivery returns that of a job; nil: there is none.
func (o *operation) delivery(ctx context.Context, id job.ID) (*callback.Delivery, error) {
	found, err := o.Store.ListDeliveries(ctx, "", id.Before(), 1)
	if err != nil {
		return nil, dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	if len(found) == 0 || found[0].JobID != id {
		return nil, nil //nolint:nilnil // as it says
	}
	return &found[0], nil
}

var errNoDelivery = dataapi.Errorf(dataapi.CodeJobNotFound, "There is no such job of your company, it has no callback, or is not kept any more.")

// findDelivery returns the delivery that the path names, and the job that it announces.
func (o *operation) findDelivery(r *http.Request, caller identity.Principal) (*callback.Delivery, *job.Job, error) {
	if err := caller.RequireEverywhere(dataapi.ActionManageAccess); err != nil {
		return nil, nil, err
	}
	id, err := job.ParseID(r.PathValue("job_id"))
	if err != nil {
		return nil, nil, errNoDelivery
	}
	announced, err := o.Store.Get(r.Context(), id)
	switch {
	case errors.Is(err, job.ErrNotFound):
		return nil, nil, errNoDelivery
	case err != nil:
		return nil, nil, dataapi.Wrap(dataapi.CodeOverloaded, err)
	case announced.Company != caller.Company.Slug:
		return nil, nil, errNoDelivery
	}
	delivery, err := o.delivery(r.Context(), id)
	if err == nil && delivery == nil {
		err = errNoDelivery
	}
	return delivery, &announced, err
}

// getDelivery answers with one delivery and its attempts.
func (o *operation) getDelivery(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	delivery, announced, err := o.findDelivery(r, respond.CallerOf(r))
	if err != nil {
		return err
	}
	return respond.WriteJSON(w, http.StatusOK, describeDelivery(delivery, announced, true))
}

// replayDelivery makes a delivery that has ended due again.
func (o *operation) replayDelivery(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	if err := respond.DecodeBody(r, &struct{}{}, true); err != nil {
		return err
	}
	caller, err := o.authorizeAgain(r)
	if err != nil {
		return err
	}
	delivery, announced, err := o.findDelivery(r, caller)
	if err != nil {
		return err
	}
	replayed, err := o.Store.ReplayDelivery(r.Context(), delivery.JobID, time.Now())
	switch {
	case errors.Is(err, callback.ErrNotFound):
		return errNoDelivery
	case errors.Is(err, callback.ErrPending):
		return dataapi.Errorf(dataapi.CodeConflict, "The callback has not ended: it will be tried again without being asked.")
	case err != nil:
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	event := respond.EventBy(caller, audit.DeliveryReplayed)
	event.JobID, event.Endpoint = announced.ID.String(), announced.Address.String()
	o.Record(w, r, event)
	o.Dispatcher.Wake()
	return respond.WriteJSON(w, http.StatusOK, describeDelivery(&replayed, announced, true))
}
