package job

import (
	"context"
	"errors"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

var (
	// ErrEnded says that a job has ended, so that it cannot be cancelled.
	ErrEnded = errors.New("the job has ended")

	// errCancelled is why a job's context ends when somebody else has ended the job.
	errCancelled = errors.New("the job was ended")
)

// Cancel ends a job as cancelled and returns it so. A job that waits never begins. Of one that runs in this process the
// context ends, and with it the query inside the database, which Cancel does not wait for; one that runs in another
// process ends within a second, by that process's watch, or else with its next heartbeat.
// In all cases the job's end is on disk when Cancel returns, and what its worker
// would still write is refused.
//
// A job that has ended is returned unchanged, with ErrEnded. Other errors: ErrNotFound, and ctx's; CodeOverloaded when the
// store cannot write: then it is unknown whether the job ends. Cancelling can be repeated.
func (e *Engine) Cancel(ctx context.Context, id ID) (Job, error) {
	return e.end(ctx, id, Outcome{Status: Cancelled})
}

// end ends a job from outside of its work.
func (e *Engine) end(ctx context.Context, id ID, outcome Outcome) (Job, error) {
	for {
		j, err := e.Get(ctx, id)
		if err != nil {
			return Job{}, err
		}
		if j.Status.Terminal() {
			return j, ErrEnded
		}
		outcome = e.ending(j, e.settings(), outcome)
		changed, err := e.store.Finish(ctx, id, j.Attempt, outcome)
		switch {
		case err == nil && !changed:
			continue // somebody else has ended it so, and tells of it
		case err == nil:
			e.runs.cancel(id)
			e.ended(j, outcome)
			return e.Get(ctx, id)
		case errors.Is(err, ErrLost):
			continue // it ended in between, or another attempt began: each happens a few times at most
		case errors.Is(err, ErrNotFound), ctx.Err() != nil:
			return Job{}, err
		}
		e.log.Error("a job could not be ended", "job", id.String(), "error", err)
		return Job{}, dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
}

// Progress is how far a job is that runs.
type Progress struct {
	Rows    int64         // that the database has sent so far, in this attempt
	Elapsed time.Duration // since this attempt began
}

// Progress returns how far a job is that runs in this process; false when none of this ID does. To follow a job, call
// Wait with a context that ends after a second, and then Progress, until Wait returns the job without an error.
func (e *Engine) Progress(id ID) (Progress, bool) {
	r, ok := e.runs.get(id)
	if !ok {
		return Progress{}, false
	}
	return Progress{Rows: r.rows.Load(), Elapsed: e.options.Now().Sub(r.begun)}, true
}

// ending completes the end of a job that ends now.
func (e *Engine) ending(j Job, settings Settings, outcome Outcome) Outcome {
	outcome.CompletedAt = e.options.Now().UTC()
	outcome.FreeKey = j.Attended && outcome.Error != nil && (outcome.Error.Code.Passing() || outcome.Error.Code == dataapi.CodeAttemptsExhausted)
	if outcome.FreeKey {
		j.Idempotency = nil
	}
	outcome.ExpiresAt = expiry(j, outcome.CompletedAt, settings.Retention)
	return outcome
}

// expiry is until when a job that ends can be read: a repeated request finds it as long as its key is bound.
func expiry(j Job, completedAt time.Time, retention time.Duration) time.Time {
	at := completedAt.Add(retention)
	if j.Idempotency != nil && j.Idempotency.Until.After(at) {
		return j.Idempotency.Until
	}
	return at
}
