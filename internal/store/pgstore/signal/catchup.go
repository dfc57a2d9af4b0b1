package signal

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// catchUpTimeout is how long a caller waits for a look at what others have changed.
const catchUpTimeout = time.Second

var errNobodyFollows = errors.New("nobody follows what other servers change")

// look is one look at what others have changed.
type look struct {
	begun time.Time // what was committed before that, it has seen
	err   error
	next  chan struct{} // closed when there is a later one
}

// noteLook lets those who wait for a look have it.
func (s *Signals) noteLook(begun time.Time, err error) {
	before := s.looked.Swap(&look{begun: begun, err: err, next: make(chan struct{})})
	close(before.next)
}

// CatchUp implements store.Shared.
func (s *Signals) CatchUp(ctx context.Context) error {
	asked := time.Now()
	if !s.following.Load() {
		return errNobodyFollows
	}
	ctx, cancel := context.WithTimeoutCause(ctx, catchUpTimeout, fmt.Errorf("it was not seen within %s what other servers have changed", catchUpTimeout))
	defer cancel()
	for {
		last := s.looked.Load()
		if last.err != nil || last.begun.After(asked) {
			return last.err
		}
		wake(s.inbox.changes)
		select {
		case <-last.next:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
