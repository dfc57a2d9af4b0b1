package ratelimit_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]ratelimit.Limit{
		"100/1m":          {Count: 100, Period: time.Minute, Burst: 100},
		"100/1m burst 20": {Count: 100, Period: time.Minute, Burst: 20},
		"5/1s burst 500":  {Count: 5, Period: time.Second, Burst: 500},
		"1/24h":           {Count: 1, Period: 24 * time.Hour, Burst: 1},
		"unlimited":       ratelimit.Unlimited,
	} {
		limit, err := ratelimit.Parse(text)
		if err != nil || limit != want {
			t.Errorf("%q: %+v, %v", text, limit, err)
		}
		if again, err := ratelimit.Parse(limit.String()); err != nil || again != limit {
			t.Errorf("%q is written %q, which reads as %+v, %v", text, limit, again, err)
		}
	}
	for text, says := range map[string]string{
		"":                       "must be written",
		"100":                    "must be written",
		"100/m":                  "no duration",
		"100/1m burst":           "must be written",
		"100/1m, burst 20":       "must be written",
		"-1/1m":                  "must be written",
		"0/1m":                   "count of 0",
		"1000001/1m":             "count of 1000001",
		"1/500ms":                "period of 500ms",
		"1/25h":                  "period of 25h",
		"1/1m burst 0":           "burst of 0",
		"1/24h burst 1000000":    "31 days",
		"1/99999999999999999h":   "no duration",
		"9999999999999999999/1m": "must be written",
	} {
		if limit, err := ratelimit.Parse(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %+v, %v; want an error with %q", text, limit, err, says)
		}
	}
}

// clock is a clock that tests set.
type clock struct{ nanoseconds atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1e9, c.nanoseconds.Load()) }
func (c *clock) advance(d time.Duration) { c.nanoseconds.Add(int64(d)) }
func newTable(places int) (*ratelimit.Table, *clock) {
	c := new(clock)
	return ratelimit.NewTable(places, c.now), c
}

func TestTable(t *testing.T) {
	table, clock := newTable(64)
	key, limit := table.Key("k"), ratelimit.Limit{Count: 60, Period: time.Minute, Burst: 3}
	for _, remaining := range []int{2, 1, 0} {
		if state := table.Take(key, limit); !state.OK || state.Remaining != remaining {
			t.Fatalf("%+v, want %d left", state, remaining)
		}
	}
	state := table.Take(key, limit)
	if state.OK || state.Retry != time.Second || state.Full != 3*time.Second || state.Remaining != 0 {
		t.Fatalf("an empty bucket: %+v", state)
	}
	if other := table.Take(table.Key("other"), limit); !other.OK || other.Remaining != 2 {
		t.Fatalf("another key: %+v", other)
	}
	clock.advance(state.Retry - 1)
	if table.Look(key, limit).OK {
		t.Fatal("a token before its time")
	}
	clock.advance(1)
	if state := table.Look(key, limit); !state.OK || state.Remaining != 1 {
		t.Fatalf("after the wait: %+v", state)
	}
	if state := table.Take(key, limit); !state.OK || state.Remaining != 0 {
		t.Fatalf("after the wait: %+v", state)
	}
	clock.advance(time.Hour)
	if state := table.Take(key, limit); !state.OK || state.Remaining != 2 {
		t.Fatalf("after an hour: %+v", state)
	}
	if state := table.Take(key, ratelimit.Unlimited); !state.OK {
		t.Fatalf("without a limit: %+v", state)
	}
}

// A model with exact arithmetic: tokens flow in one by one, and Take takes them.
func TestTableModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, clock := newTable(8)
		limit := ratelimit.Limit{
			Count: rapid.IntRange(1, 50).Draw(t, "count"), Period: time.Second * time.Duration(rapid.IntRange(1, 50).Draw(t, "period")),
			Burst: rapid.IntRange(1, 30).Draw(t, "burst"),
		}
		interval := int64(limit.Period) / int64(limit.Count)
		level := interval * int64(limit.Burst) // in nanoseconds of flow
		key := table.Key("model")
		for range 200 {
			wait := rapid.Int64Range(0, 3*interval).Draw(t, "wait")
			clock.advance(time.Duration(wait))
			level = min(level+wait, interval*int64(limit.Burst))
			state := table.Take(key, limit)
			if want := level >= interval; state.OK != want {
				t.Fatalf("%+v with a level of %d, an interval of %d", state, level, interval)
			}
			if state.OK {
				level -= interval
			}
			if state.OK && state.Remaining != int(level/interval) || !state.OK && int64(state.Retry) != interval-level {
				t.Fatalf("%+v with a level of %d, an interval of %d", state, level, interval)
			}
		}
	})
}

// A caller with more keys than the table has places gains nothing when some of them are forgotten.
func TestManyKeysGainNothing(t *testing.T) {
	const places, burst, fillers = 1024, 5, 40_000
	table, clock := newTable(places)
	limit := ratelimit.Limit{Count: 1, Period: time.Minute, Burst: burst}
	victim := table.Key("guesser")
	for table.Take(victim, limit).OK {
	}
	regained := 0
	for i := range fillers {
		clock.advance(time.Microsecond)
		if !table.Take(table.Key(fmt.Sprint("filler", i)), limit).OK {
			t.Fatal("a key that has done nothing has no token")
		}
		if table.Take(victim, limit).OK {
			regained++
		}
	}
	// A cache would have given it its whole burst each time.
	if most := 2 * fillers / places; regained > most {
		t.Errorf("a key that was used up got %d tokens more while others took %d; want %d at most", regained, fillers, most)
	}
	if regained == 0 {
		t.Error("the key was never pushed out: the test shows nothing")
	}
}

func TestTableConcurrently(t *testing.T) {
	table, _ := newTable(1024)
	key, limit := table.Key("k"), ratelimit.Limit{Count: 1, Period: time.Hour, Burst: 500}
	var taken atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				if table.Take(key, limit).OK {
					taken.Add(1)
				}
			}
		})
	}
	group.Wait()
	if taken.Load() != 500 {
		t.Errorf("%d tokens of 500 were taken", taken.Load())
	}
}

func TestTakeDoesNotAllocate(t *testing.T) {
	table := ratelimit.NewTable(1024, time.Now)
	limit := ratelimit.Limit{Count: 1, Period: time.Second, Burst: 10}
	company := strings.Repeat("c", 63)
	if n := testing.AllocsPerRun(1000, func() { table.Take(table.Key(company, "key", "default/endpoint"), limit) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTake(b *testing.B) {
	table := ratelimit.NewTable(1<<16, time.Now)
	limit := ratelimit.Limit{Count: 1000, Period: time.Second, Burst: 10}
	b.ReportAllocs()
	for b.Loop() {
		table.Take(table.Key("s42_0123456789abcdef", "default/endpoint"), limit)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"100/1m burst 20", "5/1s", "unlimited", "1/24h burst 31", "0/0s", "9/1.5s", "1/1µs"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		limit, err := ratelimit.Parse(text)
		if err != nil {
			return
		}
		if again, err := ratelimit.Parse(limit.String()); err != nil || again != limit {
			t.Fatalf("%q is written %q, which reads as %+v, %v", text, limit, again, err)
		}
		table, _ := newTable(8)
		state := table.Take(1, limit)
		if !state.OK || limit.Limits() && state.Remaining != limit.Burst-1 {
			t.Fatalf("%q: the first token of a full bucket: %+v", text, state)
		}
	})
}
