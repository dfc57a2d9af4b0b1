package gcpace

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestPaced(t *testing.T) {
	const mib = 1 << 20
	for name, test := range map[string]struct {
		percent int
		took    time.Duration
		live    uint64
		want    int
	}{
		"ten times a second":                 {100, 100 * time.Millisecond, 4 * mib, 1000},
		"as often as it should be":           {400, time.Second, 10 * mib, 400},
		"the bound":                          {100, time.Millisecond, 16 * mib, 400},
		"what lives is more than the bound":  {100, 10 * time.Millisecond, 200 * mib, 100},
		"less load":                          {400, 2 * time.Second, 10 * mib, 200},
		"calm":                               {400, time.Minute, 10 * mib, 100},
		"nothing is known to live":           {100, time.Second, 0, 100},
		"a clock that has not gone on":       {300, 0, mib, 300},
		"what lives has grown beyond bounds": {400, time.Second, 100 * mib, 100},
	} {
		if got := paced(test.percent, test.took, test.live); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// waste makes garbage for as long as the percentage is not as it should be.
func waste(t *testing.T, what string, enough func(percent int) bool) {
	t.Helper()
	var held [][]byte
	for deadline := time.Now().Add(time.Minute); !enough(read().percent); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it is %d after a minute", what, read().percent)
		}
		held = append(held[len(held)/64:], make([]byte, 64<<10))
	}
	runtime.KeepAlive(held)
}

func TestPace(t *testing.T) {
	t.Setenv("GOGC", "")
	var pace Pace
	first, second := pace.Begin(), pace.Begin()
	waste(t, "under load", func(percent int) bool { return percent > 2*usual })
	first()
	first()
	if read().percent <= usual {
		t.Error("the first of two that end takes the other's pace")
	}
	pace.mu.Lock()
	pace.last = pace.last.Add(-time.Hour) // nothing happened for long
	pace.mu.Unlock()
	runtime.GC()
	waste(t, "after a calm hour", func(percent int) bool { return percent == usual })
	waste(t, "under load again", func(percent int) bool { return percent > 2*usual })
	second()
	if got := read().percent; got != usual {
		t.Errorf("it ends with %d", got)
	}
	defer pace.Begin()()
	waste(t, "when it has begun again", func(percent int) bool { return percent > 2*usual })
}

func TestOthersAreObeyed(t *testing.T) {
	t.Setenv("GOGC", "")
	var pace Pace
	end := pace.Begin()
	waste(t, "under load", func(percent int) bool { return percent > 2*usual })
	debug.SetGCPercent(77)
	defer debug.SetGCPercent(usual)
	for range 20 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	end()
	if got := read().percent; got != 77 {
		t.Errorf("somebody has set 77, and it is %d", got)
	}
	defer pace.Begin()()
	for range 20 {
		runtime.GC()
	}
	if got := read().percent; got != 77 {
		t.Errorf("it was 77 before, and is %d", got)
	}
}

func TestTheEnvironmentIsObeyed(t *testing.T) {
	t.Setenv("GOGC", "100")
	var pace Pace
	defer pace.Begin()()
	if pace.watch != nil {
		t.Error("GOGC is set, and the percentage is adapted")
	}
}
