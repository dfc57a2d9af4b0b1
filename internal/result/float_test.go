package result

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestPlainFloats compares numbers of few digits, their neighbours, and any others with package strconv.
func TestPlainFloats(t *testing.T) {
	check := func(f float64) {
		t.Helper()
		for _, f := range []float64{f, -f, math.Nextafter(f, math.Inf(1)), math.Nextafter(f, math.Inf(-1))} {
			if math.IsInf(f, 0) || math.IsNaN(f) {
				continue
			}
			if got, want := string(AppendPlainFloat(nil, f)), strconv.FormatFloat(f, 'f', -1, 64); got != want {
				t.Fatalf("%x: %s, want %s", f, got, want)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, f := range []float64{0, 1, 10, 100, 0.1, 0.05, 0.0001, 0.00005, 97.7, 99999999999.9999, 100000000000, 1e15, 1e22, 5e-324, math.MaxFloat64} {
		check(f)
	}
	for range 40_000 {
		check(float64(random.Int64N(1e16)) / 1e4)
		check(float64(random.Int64N(1e7)) / 100)
		check(float64(random.Int64N(1e9)) / 1e5)
		check(math.Float64frombits(random.Uint64()))
	}
}
