package claim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

var (
	// ErrStopped says that a loop was stopped; it cannot be started again.
	ErrStopped = errors.New("it was stopped, and cannot be started again")

	// ErrAborted is the cancellation cause of work that [Loop.Stop] gave up waiting for.
	ErrAborted = errors.New("the server is stopping")
)

const (
	// LookEvery is how often the store is asked although nobody has called [Loop.Wake]: another process may have put
	// something there, or given it back, which is to be taken up within a second. It is also how soon a store that failed is
	// asked again.
	LookEvery = 800 * time.Millisecond

	abortTimeout = 10 * time.Second // for work that was aborted
)

// Func claims what is due, as much as there is capacity for, and hands each piece to [Loop.Go]. It returns how many pieces it
// has claimed, and, when there were none although there was capacity, when the next one is due; zero: nobody knows. It is
// never called twice at once, and not after the loop was stopped.
type Func func(ctx context.Context, now time.Time) (claimed int, next time.Time, err error)

// Options say how a loop goes about it. All of them are required.
type Options struct {
	What   string // what is claimed, for the log: jobs
	Logger *slog.Logger
	Now    func() time.Time
}

// Loop claims and runs work. It is made by [New], safe for concurrent use, and outlives the configuration that starts it.
type Loop struct {
	claim   Func
	options Options
	wake    chan struct{} // holds a token when there may be something to claim

	mu      sync.Mutex
	state   state
	stop    context.CancelFunc // ends claiming, and what runs beside it
	work    context.Context    //nolint:containedctx // ends only to abort the work that runs
	abort   context.CancelCauseFunc
	loops   sync.WaitGroup
	running sync.WaitGroup
}

type state int

const (
	idle state = iota
	started
	stopped
)

// New makes a loop that claims nothing before [Loop.Start].
func New(claim Func, options Options) *Loop {
	return &Loop{claim: claim, options: options, wake: make(chan struct{}, 1)}
}

// Start begins to claim, and runs each function of beside until the loop is stopped, in a goroutine of its own. Before
// that it calls prepare; when that fails, Start returns its error and may be called again. Starting a started loop does
// nothing; a stopped one gives [ErrStopped].
func (l *Loop) Start(ctx context.Context, prepare func(context.Context) error, beside ...func(context.Context)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.state {
	case started:
		return nil
	case stopped:
		return ErrStopped
	}
	if err := prepare(ctx); err != nil {
		return err
	}
	// ctx is that of the configuration that starts the loop, which must not end it.
	ctx = context.WithoutCancel(ctx)
	claiming, stop := context.WithCancel(ctx)
	l.work, l.abort = context.WithCancelCause(ctx)
	l.stop, l.state = stop, started
	l.loops.Go(func() { l.run(claiming) })
	for _, f := range beside {
		l.loops.Go(func() { f(claiming) })
	}
	return nil
}

// Stop stops claiming and waits for the work that runs. When ctx ends first, the work's context ends with the cause
// [ErrAborted], and Stop returns ctx's error once the work has let go, or after 10 s more: what does not obey must not keep
// the server from stopping. Stopping a loop that is not started, or again, returns nil at once.
func (l *Loop) Stop(ctx context.Context) error {
	l.mu.Lock()
	was := l.state
	l.state = stopped
	l.mu.Unlock()
	if was != started {
		return nil
	}
	l.stop()
	l.loops.Wait() // nothing begins after this
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.running.Wait()
	}()
	defer l.abort(ErrAborted)
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	l.abort(ErrAborted)
	select {
	case <-done:
	case <-time.After(abortTimeout):
		l.options.Logger.Error("work still runs after it was cancelled", slog.String("what", l.options.What))
	}
	return ctx.Err()
}

// Wake makes the loop look at once. It never blocks.
func (l *Loop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Go runs a piece that was claimed, and looks for more when it has ended. It is for a [Func] to call. The context of the
// piece ends only when it is to be aborted.
func (l *Loop) Go(piece func(ctx context.Context)) {
	l.running.Go(func() {
		defer l.Wake()
		piece(l.work)
	})
}

// run claims until ctx ends.
func (l *Loop) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		case <-timer.C:
		}
		wait, err := l.claimAll(ctx)
		if err != nil && ctx.Err() == nil {
			l.options.Logger.Error("work could not be claimed", slog.String("what", l.options.What), slog.Any("error", err))
			wait = LookEvery
		}
		timer.Reset(wait)
	}
}

// claimAll claims until there is no capacity left, or nothing is due, and returns after what time to look again.
func (l *Loop) claimAll(ctx context.Context) (wait time.Duration, err error) {
	defer Recovered(&err)
	for ctx.Err() == nil {
		now := l.options.Now()
		claimed, next, err := l.claim(ctx, now)
		switch {
		case err != nil:
			return 0, err
		case claimed > 0:
			continue
		case next.IsZero():
			return LookEvery, nil
		}
		return min(max(next.Sub(now), time.Millisecond), LookEvery), nil
	}
	return LookEvery, nil
}

// Steady returns a clock that now drives, and that never goes back: when now does, it goes on at the pace of the monotonic
// clock. Leases and delays are reckoned by it, so that nothing waits longer because somebody has set the clock back. When
// the clock is set forward it follows, since a server can have started before its clock was right: what is under way must
// therefore not be known by its lease alone. It is safe for concurrent use.
func Steady(now func() time.Time) func() time.Time {
	var mu sync.Mutex
	read := now() // with its monotonic reading, where it has one
	shown := read.Round(0)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at := now()
		shown = shown.Add(max(0, at.Sub(read)))
		read = at
		if at.Round(0).After(shown) {
			shown = at.Round(0)
		}
		return shown
	}
}

// Recovered turns a panic into an error, in a function that defers it.
func Recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
	}
}
