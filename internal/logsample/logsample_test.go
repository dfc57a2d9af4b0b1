package logsample_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/logsample"
)

func TestSampler(t *testing.T) {
	now := time.Unix(0, 0)
	sampler := logsample.Sampler{Now: func() time.Time { return now }}
	for _, step := range []struct {
		after  time.Duration
		name   string
		untold int
		tell   bool
	}{
		{0, "a", 0, true}, {time.Second, "a", 0, false}, {0, "b", 0, true}, {8 * time.Second, "a", 0, false},
		{time.Second, "a", 2, true}, {time.Second, "b", 0, true}, {8 * time.Second, "a", 0, false}, {time.Hour, "a", 1, true},
	} {
		now = now.Add(step.after)
		if untold, tell := sampler.Take(step.name); untold != step.untold || tell != step.tell {
			t.Errorf("at %s, %s: got %d, %t, want %d, %t", now.Sub(time.Unix(0, 0)), step.name, untold, tell, step.untold, step.tell)
		}
	}
}

// However many events there are, few lines are written and little is kept; one that is over makes room.
func TestSamplerIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	sampler := logsample.Sampler{Now: func() time.Time { return now }}
	told := 0
	for i := range 10_000 {
		if _, tell := sampler.Take(strconv.Itoa(i)); tell {
			told++
		}
	}
	if told < 10 || told > 100 {
		t.Errorf("%d of 10,000 events are told", told)
	}
	now = now.Add(time.Minute)
	if _, tell := sampler.Take("another"); !tell {
		t.Error("an event is not told although there is room again")
	}
}

func TestSamplerIsSafe(t *testing.T) {
	var sampler logsample.Sampler
	var told atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 1000 {
				if _, tell := sampler.Take("a"); tell {
					told.Add(1)
				}
			}
		})
	}
	all.Wait()
	if told.Load() == 0 || told.Load() > 100 {
		t.Errorf("%d are told", told.Load())
	}
}
