package postgres

import (
	"sync"
	"testing"
	"time"
)

// away is for how long a query stays away from lanes.
func away(q *query) time.Duration { return time.Until(time.Unix(0, q.banned.Load())) }

// TestSlownessAddsUpAndIsMadeUpFor: a statement that is slow now and then loses its lane for moments, one that is slow each
// time for a minute.
func TestSlownessAddsUpAndIsMadeUpFor(t *testing.T) {
	q := &query{}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 120, 120, 120, 120, 120, 120, 120} {
		q.judgeTime(true)
		if got, want := away(q), want*laneFirstBan; got > want || got < want-laneFirstBan/2 {
			t.Errorf("the %dth time in a row it stays away for %s, want %s", i+1, got, want)
		}
	}
	for range 100 { // all of that is made up for, and no more than that
		for range laneForgiven {
			q.judgeTime(false)
		}
	}
	q.judgeTime(true)
	if got := away(q); got > laneFirstBan {
		t.Errorf("after many quick runs it stays away for %s", got)
	}
}

func TestSlownessOfRunsAtOnce(t *testing.T) {
	q := &query{}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 10_000 {
				q.judgeTime((n+i)%500 == 0)
			}
		})
	}
	all.Wait()
	q.judgeTime(true)
	if got := away(q); got <= 0 || got > laneBan {
		t.Errorf("it stays away for %s", got)
	}
}
