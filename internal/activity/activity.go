package activity

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

const (
	// Hours is how many hours are remembered, the present one included.
	Hours = 24
	// MaxErrors is how many errors are remembered of the calls of one company to one endpoint.
	MaxErrors = 20
	// maxSeries is how many pairs of a company and an endpoint are remembered. One takes 7 KiB at most, and its errors 8 KiB.
	maxSeries = 2000
	// maxDetail bounds the words of an error, in bytes.
	maxDetail = 300
)

// Recorder remembers calls. It is safe for concurrent use. Make it with [New].
type Recorder struct {
	now   func() time.Time
	since time.Time

	mu   sync.RWMutex
	kept map[key]*series
}

// key says whose calls, and of what.
type key struct {
	company  string // the caller's
	endpoint dataapi.Address
}

// series is what is remembered of a key.
type series struct {
	mu     sync.Mutex
	hours  [Hours]*hour // by the hour since 1970, modulo their number
	errors []Error      // at most MaxErrors, a ring
	next   int          // in errors, once it is full
	last   int64        // the hour of the last call
}

// hour is what calls took in one.
type hour struct {
	number int64 // since 1970
	took   histogram
}

// Error is a call, or a job, that did not succeed.
type Error struct {
	At        time.Time
	Code      string // of package dataapi, or observe.CallerGone
	Detail    string // as its caller was told; may be empty
	RequestID string // empty: it was a job
	JobID     string // empty: it was none
	User      string
	KeyID     string // empty: a trusted issuer has identified the user
	Took      time.Duration
}

// Times are what calls took: 95 of 100 took no longer. Zero: there was none.
type Times struct {
	ByHour [Hours]time.Duration // the oldest first, the last is the present one
	Day    time.Duration        // of all of them
}

// New returns a recorder that remembers nothing yet. now is the clock, time.Now but in tests.
func New(now func() time.Time) *Recorder {
	return &Recorder{now: now, since: now(), kept: make(map[key]*series)}
}

// Since is when the recorder was made.
func (r *Recorder) Since() time.Time { return r.since }

// Observe implements [observe.Observer]. Of a call that became a job, the job counts, when it has ended.
func (r *Recorder) Observe(_ context.Context, call *observe.Call) {
	if call.Company == "" || call.Endpoint == (dataapi.Address{}) {
		return
	}
	failed := call.Outcome != observe.Success && call.Outcome != observe.Cancelled
	timed := call.Ran && call.Kind != observe.Accepted
	if !failed && !timed {
		return
	}
	kept := r.series(key{call.Company, call.Endpoint})
	if kept == nil {
		return
	}
	now := r.now()
	kept.mu.Lock()
	defer kept.mu.Unlock()
	kept.last = hourOf(now)
	if timed {
		kept.hour(kept.last).took.add(call.Duration)
	}
	if failed {
		kept.remember(errorOf(call, now))
	}
}

func hourOf(at time.Time) int64 { return at.Unix() / 3600 }

// series returns what is remembered of a key. Nil: there are too many already of which something has happened in the last day.
func (r *Recorder) series(of key) *series {
	if found := r.find(of); found != nil {
		return found
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	found := r.kept[of]
	if found == nil && (len(r.kept) < maxSeries || r.forget()) {
		found = new(series)
		of.company = strings.Clone(of.company) // what it is part of may be larger
		r.kept[of] = found
	}
	return found
}

func (r *Recorder) find(of key) *series {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.kept[of]
}

// forget forgets what nothing has happened to for a day, and reports whether there was any. It is called with the lock held.
func (r *Recorder) forget() (forgotten bool) {
	oldest := hourOf(r.now()) - Hours
	for of, s := range r.kept {
		s.mu.Lock()
		stale := s.last <= oldest
		s.mu.Unlock()
		if stale {
			delete(r.kept, of)
			forgotten = true
		}
	}
	return forgotten
}

// hour returns the hour of a number, from the beginning where it is a new one.
func (s *series) hour(number int64) *hour {
	slot := &s.hours[number%Hours]
	if *slot == nil {
		*slot = &hour{number: number}
	}
	if (*slot).number != number {
		**slot = hour{number: number}
	}
	return *slot
}

func (s *series) remember(e Error) {
	if len(s.errors) < MaxErrors {
		s.errors = append(s.errors, e)
		return
	}
	s.errors[s.next] = e
	s.next = (s.next + 1) % MaxErrors
}

func errorOf(call *observe.Call, now time.Time) Error {
	e := Error{
		At: now.UTC(), Code: call.Outcome, RequestID: call.RequestID, JobID: call.JobID, User: strings.Clone(call.User), KeyID: strings.Clone(call.KeyID),
		Took: call.Duration,
	}
	switch code := dataapi.Code(call.Outcome); {
	case call.Kind == observe.Job:
		e.Detail = call.Reason
	case code.Definition().Code == code && call.Err != nil:
		e.Detail = dataapi.AsError(call.Err).Detail
		if e.Detail == "" {
			e.Detail = code.Definition().Detail
		}
	}
	e.Detail = dataapi.Shorten(e.Detail, maxDetail)
	return e
}

// Times returns what the calls of a company took, by endpoint. Endpoints without a call that was measured are not in it.
func (r *Recorder) Times(company string) map[dataapi.Address]Times {
	times := make(map[dataapi.Address]Times)
	now := hourOf(r.now())
	r.mu.RLock()
	defer r.mu.RUnlock()
	for of, found := range r.kept {
		if of.company != company {
			continue
		}
		if measured, ok := found.times(now); ok {
			times[of.endpoint] = measured
		}
	}
	return times
}

func (s *series) times(now int64) (times Times, measured bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var day histogram
	for i := range times.ByHour {
		number := now - Hours + 1 + int64(i)
		if slot := s.hours[number%Hours]; slot != nil && slot.number == number {
			times.ByHour[i] = slot.took.quantile()
			day.join(&slot.took)
			measured = true
		}
	}
	times.Day = day.quantile()
	return times, measured
}

// Errors returns the latest errors of a company's calls to an endpoint, the newest first.
func (r *Recorder) Errors(company string, endpoint dataapi.Address) []Error {
	s := r.find(key{company, endpoint})
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	latest := make([]Error, 0, len(s.errors))
	for i := range s.errors {
		latest = append(latest, s.errors[(s.next+len(s.errors)-1-i+len(s.errors))%len(s.errors)])
	}
	return latest
}

var _ observe.Observer = (*Recorder)(nil)
