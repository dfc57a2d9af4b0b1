package activity_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/activity"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

var sales = dataapi.Address{Company: "acme", Namespace: "default", Slug: "sales"}

func observed(r *activity.Recorder, t *testing.T, change func(*observe.Call)) {
	t.Helper()
	call := observe.Call{
		Company: "acme", User: "ana", KeyID: "s42_x", Endpoint: sales, Outcome: observe.Success, Ran: true, Duration: 10 * time.Millisecond, RequestID: "r",
	}
	change(&call)
	r.Observe(t.Context(), &call)
}

// near reports whether a time is right to a sixth.
func near(got, want time.Duration) bool { return got > want*5/6 && got < want*7/6 }

func TestTimes(t *testing.T) {
	c := &clock{time.Date(2026, 11, 28, 10, 30, 0, 0, time.UTC)}
	r := activity.New(c.now)
	for hour := range 3 {
		for i := range 100 {
			observed(r, t, func(call *observe.Call) {
				if i >= 94 {
					call.Duration = time.Duration(hour+1) * time.Second
				}
			})
		}
		c.at = c.at.Add(time.Hour)
	}
	c.at = c.at.Add(-time.Hour)
	times := r.Times("acme")[sales]
	for hour := range 3 {
		if got, want := times.ByHour[activity.Hours-3+hour], time.Duration(hour+1)*time.Second; !near(got, want) {
			t.Errorf("hour %d: %s, want %s", hour, got, want)
		}
	}
	if times.ByHour[0] != 0 || !near(times.Day, time.Second) && !near(times.Day, 2*time.Second) {
		t.Errorf("%v", times)
	}
	if len(r.Times("globex")) != 0 {
		t.Error("another company sees them")
	}
	c.at = c.at.Add(activity.Hours * time.Hour)
	if got := r.Times("acme"); len(got) != 0 {
		t.Errorf("after a day there are %v", got)
	}
}

// What did not run, and what became a job, says nothing about how long it takes; the job does.
func TestWhatIsMeasured(t *testing.T) {
	r := activity.New(time.Now)
	observed(r, t, func(call *observe.Call) { call.Kind = observe.Accepted })
	observed(r, t, func(call *observe.Call) { call.Ran, call.Outcome = false, string(dataapi.CodeForbidden) })
	observed(r, t, func(call *observe.Call) { call.Company = "" })
	observed(r, t, func(call *observe.Call) { call.Endpoint = dataapi.Address{} })
	if got := r.Times("acme"); len(got) != 0 {
		t.Errorf("%v", got)
	}
	observed(r, t, func(call *observe.Call) { call.Kind, call.Duration = observe.Job, time.Minute })
	if got := r.Times("acme")[sales]; !near(got.Day, time.Minute) {
		t.Errorf("%v", got)
	}
}

func TestErrors(t *testing.T) {
	r := activity.New(time.Now)
	for i := range activity.MaxErrors + 5 {
		observed(r, t, func(call *observe.Call) {
			call.Outcome, call.RequestID = string(dataapi.CodeInternal), fmt.Sprint(i)
			call.Err = dataapi.Wrap(dataapi.CodeInternal, errors.New("SELECT secret"))
		})
	}
	observed(r, t, func(call *observe.Call) {
		call.Outcome, call.RequestID, call.Err = string(dataapi.CodeValueRefused), "last", dataapi.Errorf(dataapi.CodeValueRefused, "the value")
	})
	observed(r, t, func(call *observe.Call) { call.Outcome = observe.Cancelled })
	got := r.Errors("acme", sales)
	if len(got) != activity.MaxErrors || got[0].RequestID != "last" || got[0].Detail != "the value" || got[1].RequestID != fmt.Sprint(activity.MaxErrors+4) ||
		got[activity.MaxErrors-1].RequestID != "6" {
		t.Fatalf("%+v", got)
	}
	if got[1].Detail != dataapi.CodeInternal.Definition().Detail {
		t.Errorf("the words are %q: a cause is for operators", got[1].Detail)
	}
	if r.Errors("globex", sales) != nil {
		t.Error("another company sees them")
	}
}

// What is remembered is bounded; what is a day old gives way.
func TestBound(t *testing.T) {
	c := &clock{time.Now()}
	r := activity.New(c.now)
	fill := func() (kept int) {
		for i := range 3000 {
			observed(r, t, func(call *observe.Call) { call.Endpoint.Slug = fmt.Sprintf("e%d-%d", i, c.at.Unix()) })
		}
		return len(r.Times("acme"))
	}
	if kept := fill(); kept != 2000 {
		t.Errorf("%d are kept, want 2000", kept)
	}
	c.at = c.at.Add(25 * time.Hour)
	if kept := fill(); kept != 2000 {
		t.Errorf("a day later %d are kept, want 2000", kept)
	}
}

func TestConcurrentUse(t *testing.T) {
	r := activity.New(time.Now)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				observed(r, t, func(call *observe.Call) {
					call.Endpoint.Slug = fmt.Sprint(n % 7)
					if i%2 == 0 {
						call.Outcome = string(dataapi.CodeExecutionTimeout)
					}
				})
				r.Times("acme")
				r.Errors("acme", sales)
			}
		})
	}
	all.Wait()
}
