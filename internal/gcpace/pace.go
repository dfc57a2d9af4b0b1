package gcpace

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// interval is what a process under load aims at between two collections. They take some milliseconds each, so that less than one
	// call in a hundred meets one.
	interval = time.Second

	// mostGarbage bounds the bytes of garbage between two collections; where more than that lives, as many bytes as that.
	mostGarbage = 64 << 20

	// usual is Go's own percentage of garbage to what lives.
	usual = 100

	// tolerance is by how much the percentage must be wrong before it is set, in percent: setting it stops the world.
	tolerance = 25
)

// Pace adapts the percentage of garbage of the process. The zero value does nothing until Begin. There should be one in a
// process. It is safe for concurrent use.
type Pace struct {
	mu      sync.Mutex
	users   int
	percent int  // as it was set
	watch   *int // identifies the collections that are waited for; nil: none is, since nobody uses it or somebody else sets the percentage
	last    time.Time
	cycles  uint64 // those that were not asked for by a program, up to last
}

// Begin adapts the percentage until end is called as often as Begin was; it may be called more than once. It does nothing where
// the environment has GOGC, or where the percentage is another one than Go's own. Neither blocks.
func (p *Pace) Begin() (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users++; p.users == 1 {
		p.start()
	}
	return sync.OnceFunc(p.end)
}

// start begins with the next collection. p.mu is held.
func (p *Pace) start() {
	now := read()
	if os.Getenv("GOGC") != "" || now.percent != usual {
		return
	}
	p.percent, p.last, p.cycles = usual, time.Time{}, now.cycles
	p.watch = new(int)
	p.await(p.watch)
}

func (p *Pace) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users--; p.users > 0 || p.watch == nil {
		return
	}
	p.watch = nil
	if read().percent == p.percent {
		debug.SetGCPercent(usual)
	}
}

// sentinel dies in the next collection. It is too large to share its memory with other objects, which would keep it.
type sentinel struct{ _ [64]byte }

// await has collected called after the next collection.
func (p *Pace) await(watch *int) {
	runtime.AddCleanup(new(sentinel), func(watch *int) { p.collected(watch, time.Now()) }, watch)
}

// collected sets the percentage by what there was between the collection that has just ended and the one before.
func (p *Pace) collected(watch *int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watch != watch {
		return
	}
	found := read()
	if found.percent != p.percent {
		p.watch = nil
		return
	}
	p.await(watch)
	took, asked := now.Sub(p.last), found.cycles == p.cycles
	first := p.last.IsZero()
	p.last, p.cycles = now, found.cycles
	if first {
		return
	}
	next := paced(p.percent, took, found.live)
	if asked {
		next = min(next, p.percent) // it says nothing about the load
	}
	if change := next - p.percent; change*100 > p.percent*tolerance || -change*100 > p.percent*tolerance || next == usual && change != 0 {
		debug.SetGCPercent(next)
		p.percent = next
	}
}

// paced is the percentage with which collections are an interval apart, as far as the bounds let it be, when with this one there were
// two of them so long apart and so many bytes live.
func paced(percent int, took time.Duration, live uint64) int {
	if live == 0 || took <= 0 {
		return percent
	}
	garbage := float64(live) * float64(percent) / 100 * (float64(interval) / float64(took))
	garbage = min(garbage, max(mostGarbage, float64(live)))
	return max(usual, int(garbage*100/float64(live)))
}

// reading is what the runtime says of its collector.
type reading struct {
	percent int    // of garbage to what lives; a large number where collecting is off
	live    uint64 // bytes that the last collection has found to live
	cycles  uint64 // collections that no program has asked for
}

func read() reading {
	samples := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/heap/live:bytes"}, {Name: "/gc/cycles/automatic:gc-cycles"}}
	metrics.Read(samples)
	return reading{int(samples[0].Value.Uint64()), samples[1].Value.Uint64(), samples[2].Value.Uint64()}
}
