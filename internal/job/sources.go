package job

import (
	"context"
	"sync"
	"time"
)

// sources knows, of each source, how many jobs run on it and how many wait for it, and whether it could be reached when it
// was last tried. So that no source takes the workers from the others: a job that waits for its place at a source gives
// its worker back, and jobs of a source that cannot be reached are not claimed, but for one now and then that tries.
type sources struct {
	now     func() time.Time
	backoff time.Duration

	mu     sync.Mutex
	byName map[string]*sourceState
	byLine map[Line]*lineState
}

// sourceState is forgotten when it says nothing.
type sourceState struct {
	running, waiting int

	// failures counts the times since when it could not be reached; 0: it answered last.
	failures int
	since    time.Time // of the first failure
	retry    time.Time // until when it is not tried
	trying   bool      // a job tries it, of which nothing has come yet
}

// lineState counts the jobs of one company on one source.
type lineState struct{ running, waiting int }

// maxRetry is the longest time for which a source is left alone. The jobs that wait for it lose as much at most when it is
// there again.
const maxRetry = 5 * time.Second

func newSources(backoff time.Duration, now func() time.Time) *sources {
	return &sources{now: now, backoff: backoff, byName: make(map[string]*sourceState), byLine: make(map[Line]*lineState)}
}

// change counts a job in or out.
func (s *sources) change(line Line, running, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.get(line.Source)
	state.running += running
	state.waiting += waiting
	l := s.byLine[line]
	if l == nil {
		l = new(lineState)
		s.byLine[line] = l
	}
	l.running += running
	l.waiting += waiting
	if *l == (lineState{}) {
		delete(s.byLine, line)
	}
	s.forget(line.Source)
}

func (s *sources) get(source string) *sourceState {
	state := s.byName[source]
	if state == nil {
		state = new(sourceState)
		s.byName[source] = state
	}
	return state
}

func (s *sources) forget(source string) {
	if state := s.byName[source]; state.running == 0 && state.waiting == 0 && state.failures == 0 {
		delete(s.byName, source)
	}
}

// capacity returns how many jobs more may begin.
func (s *sources) capacity(settings Settings) Capacity {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	capacity := Capacity{
		Jobs: settings.Workers, PerCompany: settings.PerCompany, PerSource: settings.PerSource,
		Running: make(map[string]int), Waiting: make(map[Line]int), Sources: make(map[string]SourceCapacity),
	}
	for line, l := range s.byLine {
		capacity.Running[line.Company] += l.running
		if l.waiting > 0 {
			capacity.Waiting[line] = l.waiting
		}
	}
	for name, state := range s.byName {
		capacity.Jobs -= state.running
		// Those that wait are few as well: each is held in memory, with its lease.
		more := settings.Workers - state.running - state.waiting
		switch {
		case state.failures > 0 && now.Before(state.retry):
			more = 0
		case state.failures > 0:
			more = min(more, 1)
		}
		most := state.running + state.waiting + more
		if more <= 0 {
			most = -1
		}
		capacity.Sources[name] = SourceCapacity{Running: state.running, Waiting: state.waiting, Most: most}
	}
	return capacity
}

// tried notes that a job of this source was claimed: the next one that tries a source that could not be reached does so
// after a while, even when the first has not come back.
func (s *sources) tried(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state := s.byName[source]; state != nil && state.failures > 0 {
		state.retry, state.trying = s.now().Add(s.delay(state.failures)), true
	}
}

func (s *sources) delay(failures int) time.Duration {
	return min(s.backoff<<min(failures-1, 8), max(maxRetry, s.backoff))
}

// failed notes that a source could not be reached. It returns since when that is so, when it is to be tried again, and
// whether that is news.
func (s *sources) failed(source string) (since, retry time.Time, news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, now := s.get(source), s.now()
	if news = state.failures == 0; news {
		state.since = now
	}
	if news || state.trying { // those that ran when it went away count once
		state.failures++
	}
	state.trying = false
	state.retry = now.Add(s.delay(state.failures))
	return state.since, state.retry, news
}

// answered notes that a source was reached, and reports whether that is news.
func (s *sources) answered(source string) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.byName[source]
	if state == nil || state.failures == 0 {
		return false
	}
	state.failures, state.since, state.retry, state.trying = 0, time.Time{}, time.Time{}, false
	s.forget(source)
	return true
}

// down returns since when a source cannot be reached. Ok is false when it can, or is to be tried now.
func (s *sources) down(source string) (since time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.byName[source]
	if state == nil || state.failures == 0 {
		return time.Time{}, false
	}
	return state.since, s.now().Before(state.retry)
}

// allDown returns since when each source cannot be reached that cannot.
func (s *sources) allDown() map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	down := make(map[string]time.Time)
	for name, state := range s.byName {
		if state.failures > 0 {
			down[name] = state.since
		}
	}
	return down
}

// runningJob is how a run tells the engine about its source.
type runningJob struct {
	wait   func() (resume func())
	answer func()
}

type runningJobKey struct{}

// WaitForSource tells the engine that a job waits for a place at its source: it has no worker then, which another source's
// job can use. The returned function, which must be called, says that the wait is over. A job that gets its place goes on
// at once, though all workers may be taken. Outside of a job nothing happens.
func WaitForSource(ctx context.Context) (over func()) {
	if r, ok := ctx.Value(runningJobKey{}).(runningJob); ok {
		return r.wait()
	}
	return func() {}
}

// SourceAnswers tells the engine that a job's source has begun to answer. Outside of a job nothing happens.
func SourceAnswers(ctx context.Context) {
	if r, ok := ctx.Value(runningJobKey{}).(runningJob); ok {
		r.answer()
	}
}
