package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// waits keeps callers waiting for jobs.
type waits struct {
	*access
	callers *admission.Counter
	ending  context.Context //nolint:containedctx // it is an event, as in [Services]
	exiting func() bool
}

var errTooManyWait = dataapi.Errorf(dataapi.CodeOverloaded,
	"Too many callers of your company are already waiting for jobs. Poll instead, without Prefer: wait, or come back later.")

// beginWaiting takes one of the places that a company has for callers who wait for jobs. It fails with
// dataapi.CodeOverloaded when all are taken; otherwise the caller calls end.
func (v *waits) beginWaiting(company string) (end func(), err error) {
	if !v.callers.Enter(company) {
		return nil, errTooManyWait
	}
	return func() { v.callers.Leave(company) }, nil
}

// awaitJob waits until the job has ended, the wait is over, or this configuration ends; then the job may be processing
// still. It fails when the caller goes away, and when the caller may no longer do what it waits for.
func (v *waits) awaitJob(r *http.Request, waiting job.Job, wait time.Duration, action dataapi.Action) (job.Job, error) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(v.ending, cancel)()
	found, err := v.await(ctx, r, waiting)
	if err != nil {
		return job.Job{}, err
	}
	return found, v.mayStillRead(r, action, found)
}

// awaitStrictly is awaitJob for a caller of a sync endpoint who cannot be put off: it outlives a reload, as every sync
// request does, and ends when the server does.
func (v *waits) awaitStrictly(r *http.Request, waiting job.Job, wait time.Duration) (job.Job, error) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(v.ending, func() {
		if v.exiting() {
			cancel()
		}
	})()
	found, err := v.await(ctx, r, waiting)
	if err != nil {
		return job.Job{}, err
	}
	return found, v.mayStillRead(r, dataapi.ActionExecute, found)
}

// await returns the job as it is when it, or ctx, has ended.
func (v *waits) await(ctx context.Context, r *http.Request, waiting job.Job) (job.Job, error) {
	found, err := v.jobs.Wait(ctx, waiting.ID)
	switch {
	case r.Context().Err() != nil:
		return job.Job{}, r.Context().Err()
	case err == nil:
		return found, nil
	case ctx.Err() == nil:
		return job.Job{}, jobError(err)
	}
	return waiting, nil
}

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
	ctx, cancel := context.WithTimeout(r.Context(), j.authenticator.Tokens.AccessTTL())
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
