package execution

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The time limit of a job runs from its beginning, or again from the end of its wait, and never while it waits.
func TestJobLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		ctx, end := withJobLimit(t.Context(), time.Minute)
		defer end()
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		if deadline, ok := derived.Deadline(); !ok || !deadline.Equal(begun.Add(time.Minute)) {
			t.Errorf("the deadline is %v, %t", deadline, ok)
		}
		time.Sleep(30 * time.Second)
		over := ctx.wait()
		if deadline, ok := derived.Deadline(); ok {
			t.Errorf("while it waits the deadline is %v", deadline)
		}
		time.Sleep(time.Hour)
		if derived.Err() != nil {
			t.Fatalf("the wait has ended it: %v", derived.Err())
		}
		over()
		resumed := time.Now()
		if deadline, ok := derived.Deadline(); !ok || !deadline.Equal(resumed.Add(time.Minute)) {
			t.Errorf("after the wait the deadline is %v, %t", deadline, ok)
		}
		<-derived.Done()
		if took := time.Since(resumed); took != time.Minute || !errors.Is(derived.Err(), context.DeadlineExceeded) {
			t.Errorf("it ended after %s with %v", took, derived.Err())
		}
	})
}

func TestJobLimitEndsWithTheJob(t *testing.T) {
	stopped := errors.New("the server stops")
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancelCause(t.Context())
		ctx, end := withJobLimit(parent, time.Minute)
		defer end()
		over := ctx.wait()
		cancel(stopped)
		<-ctx.Done()
		over() // too late: nothing runs on
		if !errors.Is(ctx.Err(), context.Canceled) || !errors.Is(context.Cause(ctx), stopped) {
			t.Errorf("got %v, because of %v", ctx.Err(), context.Cause(ctx))
		}
		ended, end := withJobLimit(t.Context(), time.Minute)
		end()
		if ended.Err() == nil {
			t.Error("what was ended goes on")
		}
	})
}
