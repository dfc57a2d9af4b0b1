package postgres

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func (s *pipelineBackoff) left() time.Duration { return time.Until(time.Unix(0, s.banned.Load())) }

func wantBan(t *testing.T, s *pipelineBackoff, when string, want time.Duration) {
	t.Helper()
	if got := max(0, s.left()); got != want { // no time passes in the bubbles of these tests
		t.Errorf("%s it stays away for %s, want %s", when, got, want)
	}
}

// TestSlownessAddsUpAndIsMadeUpFor: a statement that is slow now and then loses its pipeline for moments, one that is slow each
// time for a minute.
func TestSlownessAddsUpAndIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &pipelineBackoff{}
		s.observe(pipelineSlow, nil)
		wantBan(t, s, "after a quick run", 0)
		want := firstPipelineBackoff
		for range 12 {
			s.banned.Store(0) // it is over
			s.observe(pipelineSlow+1, nil)
			wantBan(t, s, "after another slow run", min(want, maxPipelineBackoff))
			want *= 2
		}
		for range pipelineMaxRecord {
			s.observe(0, errors.New("no run")) // makes up for nothing
		}
		s.banned.Store(0)
		s.observe(pipelineSlow+1, nil)
		wantBan(t, s, "after runs that failed", maxPipelineBackoff)
		for range 2 * pipelineMaxRecord {
			s.observe(0, nil)
		}
		s.banned.Store(0)
		s.observe(pipelineSlow+1, nil)
		wantBan(t, s, "after many quick runs", firstPipelineBackoff)
	})
}

// TestStallOfManyPipelinesCountsOnce: what the machine did to all of them at once.
func TestStallOfManyPipelinesCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &pipelineBackoff{}
		for range 16 {
			s.observe(pipelineSlow+1, nil)
		}
		wantBan(t, s, "after one stall", firstPipelineBackoff)
	})
}

// TestShortBanDoesNotEndALongOne: whatever the order in which two pipelines judge.
func TestShortBanDoesNotEndALongOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, err := range []error{errPipelineResult, &pgconn.PgError{Code: queryCanceled}} {
			s := &pipelineBackoff{}
			s.observe(0, err)
			s.observe(pipelineSlow+1, nil)
			s.backOff(firstPipelineBackoff)
			wantBan(t, s, err.Error(), maxPipelineBackoff)
		}
	})
}

// TestRecordBelowNothing: quick runs that are judged at once may each take away what only one of them should.
func TestRecordBelowNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &pipelineBackoff{}
		s.record.Store(-5)
		s.observe(pipelineSlow+1, nil)
		wantBan(t, s, "then", firstPipelineBackoff)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 2 * pipelineRunsPerSlowOne {
					s.observe(0, nil)
				}
			})
		}
		all.Wait()
		if record := s.record.Load(); record > 0 || record < -8 {
			t.Errorf("the record is %d", record)
		}
	})
}
