package activity

import (
	"math"
	"sort"
	"time"
)

// histogram counts durations in classes, each of which ends a quarter above the one before. The first ends at half a
// millisecond, the last is for all above an hour.
type histogram struct {
	counts [classes]uint32
	total  uint64
}

const classes = 72

// bounds are the ends of the classes.
var bounds = func() (bounds [classes]time.Duration) {
	for i := range bounds {
		bounds[i] = time.Duration(float64(500*time.Microsecond) * math.Pow(1.25, float64(i)))
	}
	return bounds
}()

func (h *histogram) add(took time.Duration) {
	class := min(sort.Search(classes, func(i int) bool { return took <= bounds[i] }), classes-1)
	if h.counts[class] < math.MaxUint32 {
		h.counts[class]++
		h.total++
	}
}

func (h *histogram) join(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += min(n, math.MaxUint32-h.counts[i])
	}
	h.total += other.total
}

// quantile returns the duration that 95 of 100 did not exceed, to a tenth or so: the middle of its class. Zero: there was none.
func (h *histogram) quantile() time.Duration {
	wanted, seen := (h.total*95+99)/100, uint64(0)
	for i, n := range h.counts {
		if seen += uint64(n); n > 0 && seen >= wanted {
			if i == 0 {
				return bounds[0]
			}
			return time.Duration(math.Sqrt(float64(bounds[i-1]) * float64(bounds[i])))
		}
	}
	return 0
}
