package caddymodule

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// maxDeliveries is the most deliveries that one page of the list holds.
const maxDeliveries = 500

// deliveriesAnswer is one page of deliveries, oldest job first.
type deliveriesAnswer struct {
	Deliveries []callback.Delivery `json:"deliveries"`
	Next       string              `json:"next,omitempty"` // the value of after for the next page; empty: there is none
}

// listDeliveries answers with the deliveries in the state that the query asks for, of jobs after the one that it names.
func listDeliveries(ready services, r *http.Request) (int, any, error) {
	query := r.URL.Query()
	state := callback.State(query.Get("state"))
	switch state {
	case "", callback.Pending, callback.Delivered, callback.Dead:
	default:
		return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"There is no state %q; the states are %s, %s and %s.", state, callback.Pending, callback.Delivered, callback.Dead)
	}
	var after job.ID
	if text := query.Get("after"); text != "" {
		var err error
		if after, err = job.ParseID(text); err != nil {
			return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The parameter after is wrong: %v.", err)
		}
	}
	limit := maxDeliveries
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxDeliveries {
			return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The parameter limit must be a number from 1 to %d.", maxDeliveries)
		}
		limit = n
	}
	found, err := ready.Store.ListDeliveries(r.Context(), state, after, limit)
	if err != nil {
		return 0, nil, err
	}
	answer := deliveriesAnswer{Deliveries: append([]callback.Delivery{}, found...)}
	if len(found) == limit {
		answer.Next = found[limit-1].JobID.String()
	}
	return http.StatusOK, answer, nil
}

// replayDelivery makes a delivery that has ended due again.
func replayDelivery(ready services, r *http.Request) (int, any, error) {
	id, err := job.ParseID(r.PathValue("id"))
	if err != nil {
		return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "%q is no job: %v.", r.PathValue("id"), err)
	}
	replayed, err := ready.Store.ReplayDelivery(r.Context(), id, time.Now())
	switch {
	case errors.Is(err, callback.ErrNotFound):
		return 0, nil, dataapi.Errorf(dataapi.CodeJobNotFound, "The job %s has no callback, or is not stored any more.", id)
	case errors.Is(err, callback.ErrPending):
		return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"The callback of job %s has not ended: it will be tried again without being asked.", id)
	case err != nil:
		return 0, nil, err
	}
	ready.Dispatcher.Wake()
	return http.StatusOK, replayed, nil
}
