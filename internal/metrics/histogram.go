package metrics

import (
	"math"
	"sort"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	// schema is the finest resolution of native buckets: eight in each power of two.
	schema    = 3
	perOctave = 1 << schema

	// maxBuckets is how many native buckets are shown. Where there are more, the histogram becomes coarser. It is never reset
	// instead: a count that falls would be a counter's reset.
	maxBuckets = 100

	// lowest is the number of the native bucket that has a nanosecond; 64 powers of two later is the longest [time.Duration].
	lowest = -30 * perOctave
)

// histograms is a metric of durations, classic and native, with a [histogram] for each combination of its labels' values.
type histograms struct{ *prometheus.MetricVec }

func newHistograms(name, help string, bounds []float64, labels ...string) histograms {
	described := prometheus.NewDesc(prefix+name, help, labels, nil)
	return histograms{prometheus.NewMetricVec(described, func(values ...string) prometheus.Metric {
		return &histogram{
			described: described, labels: prometheus.MakeLabelPairs(described, values), made: timestamppb.Now(),
			bounds: bounds, classes: make([]atomic.Uint64, len(bounds)),
		}
	})}
}

// with returns the histogram of a combination. It panics where the number of values is wrong.
func (h histograms) with(values ...string) *histogram {
	found, err := h.GetMetricWithLabelValues(values...)
	if err != nil {
		panic(err)
	}
	return found.(*histogram)
}

// histogram shows what client_golang's own would for the same durations; a test compares them. That one keeps its native buckets in two sync.Maps,
// several KiB on as many cache lines: among many endpoints, none of which is at hand, it takes twenty times as long.
type histogram struct {
	described *prometheus.Desc
	labels    []*dto.LabelPair
	made      *timestamppb.Timestamp
	bounds    []float64 // of the classic buckets, in seconds

	classes []atomic.Uint64 // the classic buckets, each without those below it
	sum     atomic.Uint64   // the bits of a float64, in seconds
	zero    atomic.Uint64
	octaves [64]atomic.Pointer[octave] // the native buckets; nil: nothing took so long yet
}

type octave [perOctave]atomic.Uint64

// fractions are the lower bounds of the native buckets of the octave that ends at 1, which are 2^(n/8): math.Exp2 errs in the last bit.
var fractions = [perOctave]float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048, 0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// observe counts a duration; a negative one, of a clock that was set back, as none.
func (h *histogram) observe(took time.Duration) {
	seconds := max(0, took.Seconds())
	if class := sort.SearchFloat64s(h.bounds, seconds); class < len(h.bounds) {
		h.classes[class].Add(1)
	}
	for {
		sum := h.sum.Load()
		if h.sum.CompareAndSwap(sum, math.Float64bits(math.Float64frombits(sum)+seconds)) {
			break
		}
	}
	if seconds == 0 {
		h.zero.Add(1)
		return
	}
	h.bucket(numberOf(seconds)).Add(1)
}

// numberOf is the number of a native bucket: n ends at 2^(n/8) seconds, and includes that.
func numberOf(seconds float64) int {
	fraction, exponent := math.Frexp(seconds)
	return sort.SearchFloat64s(fractions[:], fraction) + (exponent-1)*perOctave
}

func (h *histogram) bucket(number int) *atomic.Uint64 {
	of := &h.octaves[(number-lowest)/perOctave]
	if of.Load() == nil {
		of.CompareAndSwap(nil, new(octave))
	}
	return &of.Load()[(number-lowest)%perOctave]
}

// Desc implements [prometheus.Metric].
func (h *histogram) Desc() *prometheus.Desc { return h.described }

// Write implements [prometheus.Metric]. It does not hold up those who observe meanwhile: the sum may have some of their durations that no
// bucket has yet.
func (h *histogram) Write(out *dto.Metric) error {
	buckets, zero := h.buckets(), h.zero.Load()
	count := zero
	for _, b := range buckets {
		count += b.count
	}
	resolution := int32(schema)
	for ; len(buckets) > maxBuckets; resolution-- {
		buckets = halve(buckets)
	}
	spans, deltas := encode(buckets)
	out.Label = h.labels
	out.Histogram = &dto.Histogram{
		SampleCount: new(count), SampleSum: new(math.Float64frombits(h.sum.Load())), CreatedTimestamp: h.made, Bucket: h.cumulated(count),
		Schema: new(resolution), ZeroThreshold: new(prometheus.DefNativeHistogramZeroThreshold), ZeroCount: new(zero),
		PositiveSpan: spans, PositiveDelta: deltas,
	}
	return nil
}

// cumulated are the classic buckets. They are read after the native ones, which are counted after them, and may have more: no bucket
// may have more than there are in all.
func (h *histogram) cumulated(count uint64) []*dto.Bucket {
	classic, seen := make([]*dto.Bucket, len(h.bounds)), uint64(0)
	for i, bound := range h.bounds {
		seen += h.classes[i].Load()
		classic[i] = &dto.Bucket{CumulativeCount: new(min(seen, count)), UpperBound: new(bound)}
	}
	return classic
}

// bucket is a native bucket that is not empty.
type bucket struct {
	number int
	count  uint64
}

// buckets are those of the finest resolution, in their order.
func (h *histogram) buckets() (filled []bucket) {
	for i := range h.octaves {
		if of := h.octaves[i].Load(); of != nil {
			for j := range of {
				if count := of[j].Load(); count > 0 {
					filled = append(filled, bucket{lowest + i*perOctave + j, count})
				}
			}
		}
	}
	return filled
}

// halve returns buckets of twice the width.
func halve(buckets []bucket) (wider []bucket) {
	for _, b := range buckets {
		b.number = (b.number + 1) >> 1
		if last := len(wider) - 1; last >= 0 && wider[last].number == b.number {
			wider[last].count += b.count
		} else {
			wider = append(wider, b)
		}
	}
	return wider
}

// encode returns buckets as Prometheus has them: runs of neighbours, and by how much each count exceeds the one before. A gap of one or two
// empty buckets does not end a run.
func encode(buckets []bucket) (spans []*dto.BucketSpan, deltas []int64) {
	next, before := 0, int64(0)
	add := func(count int64) {
		*spans[len(spans)-1].Length++
		deltas = append(deltas, count-before)
		next, before = next+1, count
	}
	for _, b := range buckets {
		if gap := b.number - next; len(spans) == 0 || gap > 2 {
			spans = append(spans, &dto.BucketSpan{Offset: new(int32(gap)), Length: new(uint32(0))})
			next = b.number
		}
		for next < b.number {
			add(0)
		}
		add(int64(b.count))
	}
	return spans, deltas
}
