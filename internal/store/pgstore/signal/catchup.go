package signal

import (
	"context"
	"fmt"
	"time"
)

// CatchUpWithin is how long a caller waits for a look at what others have changed.
const CatchUpWithin = 5 * time.Second

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

// CatchUp implements store.Shared. A server that has just started is waited for until it follows what others change.
func (s *Signals) CatchUp(ctx context.Context) error {
	asked, limit := time.Now(), s.settings.CatchUpWithin
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it was not seen within %s what other servers have changed", limit))
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
