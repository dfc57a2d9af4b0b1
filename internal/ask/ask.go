package ask

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrNoAnswer says that there was no answer within [Question.Patience]. The question goes on: those who ask next wait for it.
var ErrNoAnswer = errors.New("no answer in time")

// Question is asked by many. It is safe for concurrent use, and must not be copied once it was asked.
type Question[T any] struct {
	Patience time.Duration // how long one who asks waits
	Fresh    time.Duration // how long a good answer is good for others
	Limit    time.Duration // when the context of the question ends

	mu     sync.Mutex
	answer T
	err    error
	at     time.Time     // of a good answer; zero: there is none
	asking chan struct{} // closed when the question is answered; nil: nobody asks
}

// Ask returns the answer to ask, or the one that another has got a moment ago. What does not answer holds up one goroutine, and
// everybody who asks for Patience.
func (q *Question[T]) Ask(ask func(context.Context) (T, error)) (T, error) {
	q.mu.Lock()
	if q.asking == nil {
		if !q.at.IsZero() && time.Since(q.at) < q.Fresh {
			defer q.mu.Unlock()
			return q.answer, nil
		}
		q.asking = make(chan struct{})
		go q.put(ask, q.asking)
	}
	asking := q.asking
	q.mu.Unlock()
	timeout := time.NewTimer(q.Patience)
	defer timeout.Stop()
	select {
	case <-asking:
	case <-timeout.C:
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.asking == asking {
		var none T
		return none, ErrNoAnswer
	}
	return q.answer, q.err
}

// put puts the question.
func (q *Question[T]) put(ask func(context.Context) (T, error), answered chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), q.Limit)
	defer cancel()
	var answer T
	err := errors.New("it has panicked")
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.answer, q.err, q.at = answer, err, time.Time{}
		if err == nil {
			q.at = time.Now()
		}
		q.asking = nil
		close(answered)
	}()
	answer, err = ask(ctx)
}
