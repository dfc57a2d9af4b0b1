package ask_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/ask"
)

// TestManyAskOnce: what does not answer is asked once, and holds nobody up for long.
func TestManyAskOnce(t *testing.T) {
	t.Parallel()
	question := ask.Question[int]{Patience: 50 * time.Millisecond, Fresh: time.Hour, Limit: time.Hour}
	var asked atomic.Int32
	release := make(chan struct{})
	hang := func(context.Context) (int, error) {
		asked.Add(1)
		<-release
		return 7, nil
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, err := question.Ask(hang); got != 0 || !errors.Is(err, ask.ErrNoAnswer) {
				t.Errorf("%d, %v", got, err)
			}
		})
	}
	all.Wait()
	close(release)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if got, err := question.Ask(hang); got == 7 && err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no answer")
		}
	}
	if asked.Load() != 1 {
		t.Errorf("it was asked %d times", asked.Load())
	}
}

// TestAFailureIsNotKept: the next caller asks again. A panic is a failure.
func TestAFailureIsNotKept(t *testing.T) {
	t.Parallel()
	question := ask.Question[int]{Patience: time.Minute, Fresh: time.Hour, Limit: time.Hour}
	broken := errors.New("broken")
	if _, err := question.Ask(func(context.Context) (int, error) { return 1, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := question.Ask(func(context.Context) (int, error) { panic("no") }); err == nil {
		t.Error("a panic is no failure")
	}
	if got, err := question.Ask(func(context.Context) (int, error) { return 2, nil }); got != 2 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	if got, err := question.Ask(func(context.Context) (int, error) { return 0, broken }); got != 2 || err != nil {
		t.Errorf("a fresh answer was not used: %d, %v", got, err)
	}
}
