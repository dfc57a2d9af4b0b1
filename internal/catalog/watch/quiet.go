package watch

import "time"

// QuietTimes wait for each company until its files are quiet, so that one whose files never are holds up no other. Files
// that never come to rest are read all the same, after ten times as long. One goroutine calls its methods.
type QuietTimes struct {
	wait    time.Duration
	due     chan string // receives what has become quiet
	stopped chan struct{}
	since   map[string]change
}

// NewQuietTimes calls a company quiet whose files have not changed for so long.
func NewQuietTimes(wait time.Duration) *QuietTimes {
	return &QuietTimes{wait: wait, due: make(chan string), stopped: make(chan struct{}), since: make(map[string]change)}
}

// Due receives what has become quiet: a company, or [Everything]. Who receives it calls [QuietTimes.End].
func (q *QuietTimes) Due() <-chan string { return q.due }

type change struct {
	first time.Time
	timer *time.Timer
}

// Begin notes a change of a company, or of [Everything].
func (q *QuietTimes) Begin(what string) {
	now := time.Now()
	waiting, ok := q.since[what]
	if ok {
		waiting.timer.Reset(min(q.wait, max(0, time.Until(waiting.first.Add(10*q.wait)))))
		return
	}
	q.since[what] = change{now, time.AfterFunc(q.wait, func() {
		select {
		case q.due <- what:
		case <-q.stopped:
		}
	})}
}

// End says that what was due is read: its next change is a new one.
func (q *QuietTimes) End(what string) { delete(q.since, what) }

// Stop ends all waiting. It is called once.
func (q *QuietTimes) Stop() {
	close(q.stopped)
	for _, waiting := range q.since {
		waiting.timer.Stop()
	}
}
