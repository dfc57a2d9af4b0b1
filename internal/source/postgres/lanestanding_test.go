package postgres

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func (s *standing) left() time.Duration { return time.Until(time.Unix(0, s.banned.Load())) }

func wantBan(t *testing.T, s *standing, when string, want time.Duration) {
	t.Helper()
	if got := s.left(); got > want || got < want-laneFirstBan/2 {
		t.Errorf("%s it stays away for %s, want %s", when, got, want)
	}
}

// TestSlownessAddsUpAndIsMadeUpFor: a statement that is slow now and then loses its lane for moments, one that is slow each
// time for a minute.
func TestSlownessAddsUpAndIsMadeUpFor(t *testing.T) {
	s := &standing{}
	s.judge(laneSlow, nil)
	wantBan(t, s, "after a quick run", time.Until(time.Unix(0, 0)))
	want := laneFirstBan
	for range 12 {
		s.banned.Store(0) // it is over
		s.judge(laneSlow+1, nil)
		wantBan(t, s, "after another slow run", min(want, laneBan))
		want *= 2
	}
	for range laneRecord {
		s.judge(0, errors.New("no run")) // makes up for nothing
	}
	s.banned.Store(0)
	s.judge(laneSlow+1, nil)
	wantBan(t, s, "after runs that failed", laneBan)
	for range 2 * laneRecord {
		s.judge(0, nil)
	}
	s.banned.Store(0)
	s.judge(laneSlow+1, nil)
	wantBan(t, s, "after many quick runs", laneFirstBan)
}

// TestStallOfManyLanesCountsOnce: what the machine did to all of them at once.
func TestStallOfManyLanesCountsOnce(t *testing.T) {
	s := &standing{}
	for range 16 {
		s.judge(laneSlow+1, nil)
	}
	wantBan(t, s, "after one stall", laneFirstBan)
}

// TestShortBanDoesNotEndALongOne: whatever the order in which two lanes judge.
func TestShortBanDoesNotEndALongOne(t *testing.T) {
	for _, err := range []error{errLaneResult, &pgconn.PgError{Code: queryCanceled}} {
		s := &standing{}
		s.judge(0, err)
		s.judge(laneSlow+1, nil)
		s.stayAway(laneFirstBan)
		wantBan(t, s, err.Error(), laneBan)
	}
}

// TestRecordBelowNothing: quick runs that are judged at once may each take away what only one of them should.
func TestRecordBelowNothing(t *testing.T) {
	s := &standing{}
	s.record.Store(-5)
	s.judge(laneSlow+1, nil)
	wantBan(t, s, "then", laneFirstBan)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 2 * laneForgiven {
				s.judge(0, nil)
			}
		})
	}
	all.Wait()
	if record := s.record.Load(); record > 0 || record < -8 {
		t.Errorf("the record is %d", record)
	}
}
