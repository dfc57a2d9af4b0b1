package claim_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/solucao42/caddy-data-api/internal/claim"
)

func nothing(context.Context) error { return nil }

func newLoop(f claim.Func) *claim.Loop {
	return claim.New(f, claim.Options{What: "pieces", Logger: slog.New(slog.DiscardHandler), Now: time.Now})
}

// A panic, an error, nothing to do, something due soon, something due late: the loop looks again when it should.
func TestWhenTheLoopLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var looked []time.Duration
		loop := newLoop(func(_ context.Context, now time.Time) (int, time.Time, error) {
			looked = append(looked, now.Sub(begun))
			switch len(looked) {
			case 1:
				panic("a store that is at fault")
			case 2:
				return 0, time.Time{}, errors.New("a store that is away")
			case 3:
				return 1, time.Time{}, nil // there may be more at once
			case 4:
				return 0, now.Add(300 * time.Millisecond), nil
			case 5:
				return 0, now.Add(time.Hour), nil // another process may bring something before
			}
			return 0, time.Time{}, nil
		})
		if err := loop.Start(t.Context(), nothing); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3400 * time.Millisecond)
		loop.Wake()
		synctest.Wait()
		if err := loop.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []int64{0, 800, 1600, 1600, 1900, 2700, 3400} // ms
		if len(looked) != len(want) {
			t.Fatalf("looked at %v", looked)
		}
		for i, at := range want {
			if looked[i].Milliseconds() != at {
				t.Errorf("look %d at %s, want %d ms", i, looked[i], at)
			}
		}
	})
}

// Work that runs is waited for, then aborted with the cause, then left.
func TestStopWaitsAbortsAndLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop *claim.Loop
		release := make(chan struct{})
		causes := make(chan error, 1)
		begun := false
		loop = newLoop(func(context.Context, time.Time) (int, time.Time, error) {
			if begun {
				return 0, time.Time{}, nil
			}
			begun = true
			loop.Go(func(ctx context.Context) {
				<-ctx.Done()
				causes <- context.Cause(ctx)
				<-release // it does not obey
			})
			return 1, time.Time{}, nil
		})
		if err := loop.Start(t.Context(), nothing); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stopping := time.Now()
		err := loop.Stop(ctx)
		if took := time.Since(stopping); !errors.Is(err, context.DeadlineExceeded) || took != 70*time.Second {
			t.Errorf("Stop returned %v after %s", err, took)
		}
		if cause := <-causes; !errors.Is(cause, claim.ErrAborted) {
			t.Errorf("the work ended with %v", cause)
		}
		close(release)
		if err := loop.Start(t.Context(), nothing); !errors.Is(err, claim.ErrStopped) {
			t.Errorf("Start after Stop: %v", err)
		}
		if err := loop.Stop(t.Context()); err != nil {
			t.Errorf("Stop again: %v", err)
		}
	})
}

// A loop that cannot begin can be started again, and does not look before that.
func TestStartThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looked := false
		loop := newLoop(func(context.Context, time.Time) (int, time.Time, error) {
			looked = true
			return 0, time.Time{}, nil
		})
		failure := errors.New("the store is away")
		if err := loop.Start(t.Context(), func(context.Context) error { return failure }); !errors.Is(err, failure) || looked {
			t.Fatalf("Start: %v, looked: %t", err, looked)
		}
		ended := false
		if err := loop.Start(t.Context(), nothing, func(ctx context.Context) { <-ctx.Done(); ended = true }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !looked {
			t.Error("it was started and does not look")
		}
		if err := loop.Stop(t.Context()); err != nil || !ended {
			t.Errorf("Stop: %v; what ran beside has ended: %t", err, ended)
		}
	})
}
