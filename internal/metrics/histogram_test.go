package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// oracle is client_golang's own histogram, of the same settings.
func oracle(bounds []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "seconds", Buckets: bounds, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: maxBuckets,
	})
}

func written(t *testing.T, m prometheus.Metric) *dto.Histogram {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetHistogram()
}

// TestHistogramIsThatOfPrometheus compares every bucket, bound, span and sum with what client_golang's own shows for the same durations: of
// few and of many orders of magnitude, so that both become coarser, and of ends of buckets. Its resolution is halved by the observation after
// the one that exceeds the limit, ours by the reading: none is compared in between.
func TestHistogramIsThatOfPrometheus(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	edges := []time.Duration{0, 1, 2, math.MaxInt64, time.Second, time.Second / 8, 16 * time.Second, time.Millisecond, 30 * time.Second}
	for of, draw := range map[string]func() time.Duration{
		"none":      nil,
		"answers":   func() time.Duration { return time.Duration(1e6 * math.Exp(random.NormFloat64())) },
		"jobs":      func() time.Duration { return time.Duration(1e10 * math.Exp(2*random.NormFloat64())) },
		"anything":  func() time.Duration { return time.Duration(math.Exp(random.Float64() * 43)) },
		"the edges": func() time.Duration { return edges[random.IntN(len(edges))] },
	} {
		ours, theirs := newHistograms("seconds", "", durationBuckets).with(), oracle(durationBuckets)
		for range 5000 {
			if draw != nil {
				took := draw()
				ours.observe(took)
				theirs.Observe(took.Seconds())
			}
		}
		got, want := written(t, ours), written(t, theirs)
		if got.GetCreatedTimestamp().AsTime().Sub(want.GetCreatedTimestamp().AsTime()).Abs() > time.Minute {
			t.Errorf("%s: made at %s", of, got.GetCreatedTimestamp().AsTime())
		}
		got.CreatedTimestamp = want.GetCreatedTimestamp()
		if !proto.Equal(got, want) {
			t.Errorf("%s:\n%v\nwant\n%v", of, got, want)
		}
		if n := len(got.GetPositiveDelta()); n > 3*maxBuckets {
			t.Errorf("%s: %d buckets", of, n)
		}
	}
}

// TestFractionsAreExact: a bound that is off by its last bit would be in another bucket than client_golang's.
func TestFractionsAreExact(t *testing.T) {
	for i, fraction := range fractions {
		for _, seconds := range []float64{math.Nextafter(fraction, 0), fraction, math.Nextafter(fraction, 1)} {
			theirs := oracle(nil)
			theirs.Observe(seconds)
			want := written(t, theirs).GetPositiveSpan()[0].GetOffset()
			if got := numberOf(seconds); int32(got) != want {
				t.Errorf("%v of bound %d is in bucket %d, want %d", seconds, i, got, want)
			}
		}
	}
}

// TestATurnedBackClockCountsAsNothing: and no sum falls.
func TestATurnedBackClockCountsAsNothing(t *testing.T) {
	h := newHistograms("seconds", "", durationBuckets).with()
	h.observe(-time.Hour)
	if got := written(t, h); got.GetSampleCount() != 1 || got.GetZeroCount() != 1 || got.GetSampleSum() != 0 {
		t.Errorf("%v", got)
	}
}

// TestHistogramIsReadWhileItCounts: what is read holds together, and nothing falls.
func TestHistogramIsReadWhileItCounts(t *testing.T) {
	const each = 20_000
	h := newHistograms("seconds", "", durationBuckets).with()
	var counting sync.WaitGroup
	for range 4 {
		counting.Go(func() {
			for i := range each {
				h.observe(time.Duration(i) * time.Microsecond)
			}
		})
	}
	before := make([]uint64, len(durationBuckets)+1)
	for done := false; !done; {
		got := written(t, h)
		now := []uint64{}
		for _, b := range got.GetBucket() {
			now = append(now, b.GetCumulativeCount())
		}
		now = append(now, got.GetSampleCount())
		native, count := got.GetZeroCount(), int64(0)
		for _, delta := range got.GetPositiveDelta() {
			count += delta
			native += uint64(count)
		}
		if !slices.IsSorted(now) || native != got.GetSampleCount() {
			t.Fatalf("%d in native buckets, %v in classic ones", native, now)
		}
		for i := range now {
			if now[i] < before[i] {
				t.Fatalf("%v after %v", now, before)
			}
		}
		before, done = now, got.GetSampleCount() == 4*each
	}
	counting.Wait()
}

// BenchmarkHistogram has as many histograms as a catalog has endpoints, so that most of what is counted in is not at hand.
func BenchmarkHistogram(b *testing.B) {
	const endpoints = 1000
	durations := make([]time.Duration, 1009)
	for i := range durations {
		durations[i] = time.Duration(1e6 * math.Exp(rand.NormFloat64()))
	}
	b.Run("ours", func(b *testing.B) {
		all := newHistograms("seconds", "", durationBuckets, "endpoint")
		var each [endpoints]*histogram
		for i := range each {
			each[i] = all.with(fmt.Sprint(i))
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			each[i%endpoints].observe(durations[i%len(durations)])
		}
	})
	b.Run("client_golang", func(b *testing.B) {
		var each [endpoints]prometheus.Histogram
		for i := range each {
			each[i] = oracle(durationBuckets)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			each[i%endpoints].Observe(durations[i%len(durations)].Seconds())
		}
	})
}
