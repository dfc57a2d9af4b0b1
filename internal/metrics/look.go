package metrics

import (
	"context"
	"sync"
	"time"
)

const (
	// StoreTimeout is how long a scrape waits for the store.
	StoreTimeout = time.Second

	// freshFor is how long what the store has said is good for further scrapes: several may come at once.
	freshFor = time.Second
)

// storeLook is what the store has said, and whether it has answered.
type storeLook struct {
	StoreState
	up bool
	at time.Time
}

// look asks the store for those who scrape, one question at a time: a store that does not answer holds up one goroutine, and each
// scrape for StoreTimeout.
type look struct {
	mu     sync.Mutex
	last   storeLook
	asking chan struct{} // closed when the question is answered; nil: none is
}

// at returns what the store says, or, where that takes too long, that it is down.
func (l *look) at(ask func(context.Context) (StoreState, error), now func() time.Time) storeLook {
	l.mu.Lock()
	if l.asking == nil {
		if !l.last.at.IsZero() && l.last.up && now().Sub(l.last.at) < freshFor {
			defer l.mu.Unlock()
			return l.last
		}
		l.asking = make(chan struct{})
		go l.ask(ask, l.asking, now)
	}
	asking := l.asking
	l.mu.Unlock()
	timeout := time.NewTimer(StoreTimeout)
	defer timeout.Stop()
	select {
	case <-asking:
	case <-timeout.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asking == asking {
		return storeLook{}
	}
	return l.last
}

func (l *look) ask(ask func(context.Context) (StoreState, error), answered chan struct{}, now func() time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*StoreTimeout)
	defer cancel()
	said := storeLook{}
	defer func() {
		_ = recover() // a store that panics is down
		said.at = now()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.last, l.asking = said, nil
		close(answered)
	}()
	state, err := ask(ctx)
	said = storeLook{StoreState: state, up: err == nil}
}
