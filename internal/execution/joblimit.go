package execution

import (
	"context"
	"sync"
	"time"
)

// jobLimit is a job's context. It ends when the time limit is over, which does not run while the job waits for a place at
// its source: others who keep the source busy take nothing from the time that the job may run.
type jobLimit struct {
	context.Context // the job's own, which ends it too
	limit           time.Duration
	done            chan struct{}
	timer           *time.Timer
	stop            func() bool

	mu       sync.Mutex
	deadline time.Time
	err      error
}

// withJobLimit makes the context; end, which must be called, frees what it holds.
func withJobLimit(parent context.Context, limit time.Duration) (ctx *jobLimit, end func()) {
	l := &jobLimit{Context: parent, limit: limit, done: make(chan struct{}), deadline: time.Now().Add(limit)}
	l.mu.Lock() // what ends it may do so at once
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(limit, func() { l.finish(context.DeadlineExceeded) })
	l.stop = context.AfterFunc(parent, func() { l.finish(parent.Err()) })
	return l, func() {
		l.stop()
		l.finish(context.Canceled)
	}
}

func (l *jobLimit) finish(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.timer.Stop()
	l.err = err
	close(l.done)
}

// wait stops the clock; over starts it again.
func (l *jobLimit) wait() (over func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer.Stop()
	l.deadline = time.Time{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.err == nil {
			l.deadline = time.Now().Add(l.limit)
			l.timer.Reset(l.limit)
		}
	}
}

// Deadline implements [context.Context].
func (l *jobLimit) Deadline() (deadline time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if parent, ok := l.Context.Deadline(); ok && (l.deadline.IsZero() || parent.Before(l.deadline)) {
		return parent, true
	}
	return l.deadline, !l.deadline.IsZero()
}

// Done implements [context.Context].
func (l *jobLimit) Done() <-chan struct{} { return l.done }

// Err implements [context.Context].
func (l *jobLimit) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
