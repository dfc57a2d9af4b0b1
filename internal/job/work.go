package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/solucao42/caddy-data-api/internal/claim"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/tracing"
	"github.com/solucao42/caddy-data-api/source"
)

// releaseTimeout bounds how long a job that is given back waits for the store.
const releaseTimeout = 5 * time.Second

// work carries out one attempt of a job: heartbeat, run, and whatever end it comes to.
func (e *Engine) work(ctx context.Context, j Job, current attached, under *run) {
	ctx, span := e.options.Traces.BeginJob(ctx, tracing.JobRun{
		Endpoint: j.Address.String(), Company: j.Company, JobID: j.ID.String(), Attempt: j.Attempt, Traceparent: j.Traceparent,
	})
	log := e.logOf(ctx, j)
	ctx, cancel := under.bind(ctx)
	ctx = context.WithValue(ctx, rowsKey{}, &under.rows)
	line := Line{Source: j.Source, Company: j.Company}
	ctx = context.WithValue(ctx, runningJobKey{}, runningJob{
		wait:   func() func() { return e.waitForSource(line) },
		answer: func() { e.sourceAnswers(j.Source) },
	})
	defer e.heartbeat(ctx, cancel, j)()

	summary, kept, err := e.attempt(ctx, j, current)
	span.EndJob(summary.RowCount, err)
	under.over.Store(true)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errCancelled):
		log.Info("the job was ended while it ran")
		return
	case err == nil:
		e.sourceAnswers(j.Source)
		e.finish(ctx, j, current.settings, Outcome{Status: Completed, Result: Result{
			RowCount: summary.RowCount, Truncated: summary.Truncated,
			Size: kept.size, Chunks: kept.stored, BlockSize: BlockSize,
			MaxRows: summary.MaxRows, ExecutedAt: summary.ExecutedAt.UTC(), Columns: withDigits(summary.Columns),
		}})
		return
	case errors.Is(err, ErrLost), errors.Is(err, ErrNotFound), errors.Is(cause, ErrLost):
		log.Warn("the job has ended or was given to another worker; this attempt is dropped", "error", err, "cause", cause)
		return
	case errors.Is(cause, claim.ErrAborted):
		e.giveBack(ctx, j)
		return
	}
	e.failed(ctx, j, current, err)
}

// logOf returns the log for the lines about an attempt. The trace has the name that Caddy gives it in its own lines.
func (e *Engine) logOf(ctx context.Context, j Job) *slog.Logger {
	log := e.log.With("job", j.ID.String(), "endpoint", j.Address.String(), "company", j.Company, "user", j.User, "attempt", j.Attempt)
	if id := tracing.ID(ctx); id != "" {
		log = log.With("traceID", id)
	}
	return log
}

// failed decides what becomes of a job whose attempt has failed: its end, or another attempt.
func (e *Engine) failed(ctx context.Context, j Job, current attached, err error) {
	failure, storing := dataapi.AsError(err), errors.Is(err, errStoring)
	if failure.Code == dataapi.CodeSourceUnavailable && !storing {
		e.sourceFailed(ctx, j, current, failure)
		return
	}
	e.logOf(ctx, j).Warn("the job's attempt failed", "code", failure.Code, "error", err)
	switch {
	case !storing && (j.Attended || !failure.Code.Passing()):
		e.finish(ctx, j, current.settings, failed(failure))
	case failure.Code == dataapi.CodeOverloaded:
		// Others were using the source: the job has not had its try, and must not fail for their sake.
		e.releaseAfter(ctx, j, max(e.options.Backoff, failure.RetryAfter), true)
	case j.Tries() >= e.options.MaxAttempts:
		e.finish(ctx, j, current.settings, failed(exhausted(j, failure)))
	default:
		e.releaseAfter(ctx, j, max(e.options.Backoff<<min(j.Tries()-1, 16), failure.RetryAfter), false)
	}
}

// withDigits returns the columns if the digits of one are known, which the stored bytes do not tell.
func withDigits(columns []source.Column) []source.Column {
	for _, column := range columns {
		if column.Digits != (source.Digits{}) {
			return columns
		}
	}
	return nil
}

// releaseAfter lets the job be claimed again after a delay.
func (e *Engine) releaseAfter(ctx context.Context, j Job, delay time.Duration, forgive bool) {
	e.release(ctx, j, e.steady().Add(delay), forgive)
}

// release lets the job be claimed again from notBefore on.
func (e *Engine) release(ctx context.Context, j Job, notBefore time.Time, forgive bool) {
	if err := e.store.Release(ctx, j.ID, j.Attempt, notBefore, forgive); err != nil {
		e.log.Warn("the job could not be given back; it is tried again when its lease ends", "job", j.ID, "error", err)
	}
}

// attempt runs the job and stores its result's chunks.
func (e *Engine) attempt(ctx context.Context, j Job, current attached) (_ result.Summary, _ *chunkWriter, err error) {
	defer claim.Recovered(&err)
	if j.Tries() > e.options.MaxAttempts {
		// Earlier attempts ended silently, as a crash ends them: the job may be what brings the server down.
		return result.Summary{}, nil, exhausted(j, nil)
	}
	// A cancellation that came before this run was known could not end its context.
	if stored, err := e.store.Get(ctx, j.ID); err != nil {
		return result.Summary{}, nil, fmt.Errorf("%w: %w", errStoring, err)
	} else if stored.Status.Terminal() || stored.Attempt != j.Attempt {
		return result.Summary{}, nil, ErrLost
	}
	if err := current.runtime.Authorize(ctx, j); err != nil {
		return result.Summary{}, nil, err
	}
	w := newChunkWriter(ctx, e.store, j)
	summary, err := current.runtime.Run(ctx, j, w)
	if w.err != nil {
		return summary, w, w.err // the run may have said it in other words
	}
	if err != nil {
		return summary, w, err
	}
	return summary, w, w.Close()
}

func failed(failure *dataapi.Error) Outcome {
	detail := failure.Detail
	if detail == "" {
		detail = failure.Code.Definition().Detail
	}
	return Outcome{Status: Failed, Error: &Error{Code: failure.Code, Detail: detail}}
}

func exhausted(j Job, last *dataapi.Error) *dataapi.Error {
	if last == nil {
		return dataapi.Errorf(dataapi.CodeAttemptsExhausted,
			"The job was tried %d times, and each time the server stopped before it ended.", j.Tries()-1)
	}
	failure := dataapi.Errorf(dataapi.CodeAttemptsExhausted,
		"The job was tried %d times. The last attempt ended with %s.", j.Tries(), last.Code)
	failure.Err = last
	return failure
}

// finish stores the job's end, and tries until that is done, the job is lost, or the engine aborts.
func (e *Engine) finish(ctx context.Context, j Job, settings Settings, outcome Outcome) {
	outcome = e.ending(j, settings, outcome)
	outcome.RunTraceparent = tracing.Traceparent(ctx)
	for unknown, delay := false, 50*time.Millisecond; ; unknown, delay = true, min(2*delay, claim.LookEvery) {
		// Once the work is done its end is worth storing, even while the engine stops.
		changed, err := e.store.Finish(context.WithoutCancel(ctx), j.ID, j.Attempt, outcome)
		switch {
		case err == nil && (changed || unknown && e.isOurs(ctx, j, outcome)):
			e.ended(j, outcome)
			return
		case err == nil:
			return // the worker that has ended it so has told everybody
		case errors.Is(err, ErrLost), errors.Is(err, ErrNotFound):
			e.log.Warn("the job ended elsewhere; this end is dropped", "job", j.ID.String(), "attempt", j.Attempt)
			return
		}
		e.log.Error("the end of a job could not be stored yet", "job", j.ID.String(), "error", err)
		if sleep(ctx, delay) != nil {
			return // nobody renews the lease any more: the job runs again
		}
	}
}

// isOurs reports whether a job's end is this one: an earlier write of it may have succeeded though its outcome was unknown.
func (e *Engine) isOurs(ctx context.Context, j Job, outcome Outcome) bool {
	stored, err := e.store.Get(context.WithoutCancel(ctx), j.ID)
	return err == nil && stored.CompletedAt.Equal(outcome.CompletedAt)
}

// ended tells those who wait for the job, and the callbacks.
func (e *Engine) ended(j Job, outcome Outcome) {
	e.waiters.ended(j.ID)
	j.Status, j.CompletedAt, j.ExpiresAt = outcome.Status, outcome.CompletedAt, outcome.ExpiresAt
	j.Error, j.Result, j.RunTraceparent = outcome.Error, outcome.Result, outcome.RunTraceparent
	e.options.Ended(j)
}

// giveBack makes a job claimable at once, without counting the attempt.
func (e *Engine) giveBack(ctx context.Context, j Job) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := e.store.Release(ctx, j.ID, j.Attempt, time.Time{}, true); err != nil && !errors.Is(err, ErrLost) {
		e.log.Warn("a job could not be given back; it runs again when its lease ends", "job", j.ID.String(), "error", err)
	}
}

// heartbeat extends the job's lease at a third of it, until the returned function is called, and cancels the job's
// context with ErrLost when the lease is lost, or has surely ended because the store did not answer.
func (e *Engine) heartbeat(ctx context.Context, cancel context.CancelCauseFunc, j Job) (stop func()) {
	beating, end := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		var err error
		defer func() {
			if err != nil {
				cancel(fmt.Errorf("%w: %w", ErrLost, err))
			}
		}()
		defer claim.Recovered(&err)
		err = e.beat(beating, j)
	}()
	return func() {
		end()
		<-done
		cancel(nil)
	}
}

func (e *Engine) beat(ctx context.Context, j Job) error {
	last := time.Now()
	for sleep(ctx, e.options.Lease/3) == nil {
		begun := time.Now()
		err := e.extend(ctx, j)
		switch {
		case err == nil:
			last = begun
		case ctx.Err() == nil && (errors.Is(err, ErrLost) || errors.Is(err, ErrNotFound) || time.Since(last) >= e.options.Lease):
			return err
		}
	}
	return nil
}

// extend gives the store no longer than until the next beat.
func (e *Engine) extend(ctx context.Context, j Job) error {
	ctx, cancel := context.WithTimeout(ctx, e.options.Lease/3)
	defer cancel()
	return e.store.Extend(ctx, j.ID, j.Attempt, e.steady().Add(e.options.Lease))
}

// sleep waits, and returns ctx's error when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
