package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// progressEvery is how often an event stream tells how far a job is.
const progressEvery = time.Second

// stream sends the job's document, without its result, as server-sent events (the HTML standard, 9.2): one progress
// event at once and then one a second, and one end event when the job has ended. When the stream ends before the job
// does, since the configuration is replaced or since it has lasted as long as an access token, it ends with a reconnect
// event.
func (j *jobs) stream(w http.ResponseWriter, r *http.Request, found job.Job) error {
	end, err := j.beginWaiting(found.Company)
	if err != nil {
		return err
	}
	defer end()
	header := w.Header()
	header.Set("Content-Type", fields.EventStreamType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // proxies of nginx's kind would hold events back
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil // there is nothing to follow
	}

	// A stream must not outlive the token that opened it by more than that token's life.
	ctx, cancel := context.WithTimeout(r.Context(), j.tokens.AccessTTL())
	defer cancel()
	defer context.AfterFunc(j.ending, cancel)()
	events := &eventStream{w: w, controller: http.NewResponseController(w)}
	for !found.Status.Terminal() {
		if err := j.sendState(events, "progress", found); err != nil {
			return err
		}
		next, err := j.nextState(ctx, found.ID)
		switch {
		case r.Context().Err() != nil:
			return r.Context().Err()
		case ctx.Err() != nil, j.mayStillRead(r, dataapi.ActionGetJob, found) != nil:
			respond.AnswerOf(w).ToAnyone() // a caller whose access has ended learns nothing from this event
			return events.send("reconnect", []byte("{}"))
		case err != nil:
			return err
		}
		found = next
	}
	return j.sendState(events, lastEvent, found)
}

// nextState waits for the job's end, a short while, and returns the job as it is then.
func (j *jobs) nextState(ctx context.Context, id job.ID) (job.Job, error) {
	tick, cancel := context.WithTimeout(ctx, progressEvery)
	defer cancel()
	found, err := j.jobs.Wait(tick, id)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return j.jobs.Get(ctx, id)
	}
	return found, err
}

func (j *jobs) sendState(events *eventStream, event string, found job.Job) error {
	var document bytes.Buffer
	if err := j.writeState(&document, found); err != nil {
		return err
	}
	return events.send(event, document.Bytes())
}

// eventStream writes events.
type eventStream struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	begun      bool
	sent       int
}

// lastEvent ends a stream whose job has ended; it is the event's id, too. A browser opens a stream again that has ended, and names the
// last id that it has seen.
const lastEvent = "end"

// send writes an event and passes it on at once. Data is JSON in one line.
func (s *eventStream) send(event string, data []byte) error {
	retry := ""
	if !s.begun {
		retry = fmt.Sprintf("retry: %d\n", progressEvery.Milliseconds())
		s.begun = true
	}
	id := event
	if event != lastEvent {
		s.sent++
		id = strconv.Itoa(s.sent)
	}
	if _, err := fmt.Fprintf(s.w, "%sid: %s\nevent: %s\ndata: %s\n\n", retry, id, event, data); err != nil {
		return err
	}
	return s.controller.Flush()
}
