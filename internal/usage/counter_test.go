package usage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

func openStore(tb testing.TB) *boltstore.Store {
	tb.Helper()
	store, err := boltstore.Open(filepath.Join(tb.TempDir(), "store.db"), boltstore.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	return store
}

// moment is in the midst of an hour.
var moment = time.Date(2026, 4, 11, 10, 30, 0, 0, time.UTC)

// clock is a clock that a test sets.
type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock {
	c := new(clock)
	c.set(moment)
	return c
}

func (c *clock) set(at time.Time) { c.at.Store(&at) }
func (c *clock) now() time.Time   { return *c.at.Load() }

func newCounter(store usage.Store, clock *clock) *usage.Counter {
	return usage.NewCounter(store, usage.CounterOptions{Logger: slog.New(slog.DiscardHandler), Now: clock.now})
}

func callOf(user, slug string) *observe.Call {
	return &observe.Call{
		Company: "acme", User: user, KeyID: "s42_" + user, Endpoint: dataapi.Address{Company: "acme", Namespace: "default", Slug: slug},
		Outcome: observe.Success, Ran: true, Rows: 2, Bytes: 100, Timing: observe.Timing{Queried: time.Millisecond},
	}
}

// everything is a filter of all rows, summed up.
var everything = usage.Filter{From: time.Unix(0, 0), To: time.Unix(1<<33, 0)}

func total(tb testing.TB, read func(context.Context, usage.Filter) ([]usage.Row, error)) usage.Counts {
	tb.Helper()
	rows, err := read(context.Background(), everything)
	if err != nil {
		tb.Fatal(err)
	}
	var sum usage.Counts
	for _, row := range rows {
		sum.Add(&row.Counts)
	}
	return sum
}

// TestCounts says what each kind of call counts as.
func TestCounts(t *testing.T) {
	t.Parallel()
	of := func(change func(*observe.Call)) *observe.Call {
		call := callOf("erp", "sales")
		change(call)
		return call
	}
	fields := func(pairs ...any) (counts usage.Counts) {
		for i := 0; i < len(pairs); i += 2 {
			counts[pairs[i].(usage.Field)] = int64(pairs[i+1].(int))
		}
		return counts
	}
	refused := func(code dataapi.Code, class usage.Field) (*observe.Call, usage.Counts) {
		return of(func(c *observe.Call) {
			c.Outcome, c.Ran, c.Timing = string(code), false, observe.Timing{}
		}), fields(usage.Calls, 1, class, 1)
	}
	type example struct {
		name string
		call *observe.Call
		want usage.Counts
	}
	examples := []example{
		{"an answer", callOf("erp", "sales"),
			fields(usage.Calls, 1, usage.Charged, 1, usage.Rows, 2, usage.Bytes, 100, usage.DatabaseMicros, 1000)},
		{"a kept answer", of(func(c *observe.Call) { c.Cache, c.Timing = observe.CacheHit, observe.Timing{} }),
			fields(usage.Calls, 1, usage.Charged, 1, usage.Rows, 2, usage.Bytes, 100, usage.CacheHits, 1)},
		{"a time limit", of(func(c *observe.Call) { c.Outcome, c.Rows = string(dataapi.CodeExecutionTimeout), 0 }),
			fields(usage.Calls, 1, usage.Charged, 1, usage.Bytes, 100, usage.DatabaseMicros, 1000, usage.TimedOut, 1)},
		{"a caller that has gone", of(func(c *observe.Call) { c.Outcome = observe.CallerGone }),
			fields(usage.Calls, 1, usage.Charged, 1, usage.Rows, 2, usage.Bytes, 100, usage.DatabaseMicros, 1000, usage.Gone, 1)},
		{"an accepted job", of(func(c *observe.Call) { c.Kind, c.Ran, c.Timing = observe.Accepted, false, observe.Timing{} }),
			fields(usage.Calls, 1, usage.Charged, 1)},
		{"a job", of(func(c *observe.Call) { c.Kind, c.Duration, c.Timing = observe.Job, time.Second, observe.Timing{} }),
			fields(usage.Jobs, 1, usage.Rows, 2, usage.Bytes, 100, usage.DatabaseMicros, 1_000_000)},
		{"a cancelled job", of(func(c *observe.Call) { c.Kind, c.Outcome, c.Ran = observe.Job, "cancelled", false }),
			fields(usage.Jobs, 1, usage.Gone, 1)},
	}
	classes := map[dataapi.Code]usage.Field{
		dataapi.CodeInvalidParameter: usage.Invalid, dataapi.CodeValueRefused: usage.Invalid, dataapi.CodeForbidden: usage.Denied,
		dataapi.CodeUnauthenticated: usage.Denied, dataapi.CodeEndpointNotFound: usage.NotFound, dataapi.CodeRateLimited: usage.Limited,
		dataapi.CodeQuotaExceeded: usage.Limited, dataapi.CodeInternal: usage.Failed, dataapi.CodeOverloaded: usage.Failed,
	}
	for code, class := range classes {
		call, want := refused(code, class)
		examples = append(examples, example{string(code), call, want})
	}
	for _, e := range examples {
		counter := newCounter(openStore(t), newClock())
		counter.Observe(t.Context(), e.call)
		if got := total(t, counter.Read); got != e.want {
			t.Errorf("%s:\n got %v\nwant %v", e.name, got, e.want)
		}
	}
}

// TestHours looks whether calls are counted in the hour in which they end, and whether a reader sees what is not written yet.
func TestHours(t *testing.T) {
	t.Parallel()
	store, clock := openStore(t), newClock()
	counter := newCounter(store, clock)
	counter.Observe(t.Context(), callOf("erp", "sales"))
	if err := counter.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	long := callOf("erp", "sales")
	long.Began, long.Duration = moment, 45*time.Minute
	counter.Observe(t.Context(), long)
	clock.set(moment.Add(time.Hour))
	counter.Observe(t.Context(), callOf("erp", "sales"))
	counter.Observe(t.Context(), &observe.Call{Outcome: string(dataapi.CodeUnauthenticated)}) // nobody's
	filter := everything
	filter.By = usage.ByHour
	rows, err := counter.Read(t.Context(), filter)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v, %v; want two hours", rows, err)
	}
	for _, row := range rows {
		want := int64(1)
		if row.Hour.Hour() == 11 {
			want = 2
		}
		if row.Counts[usage.Calls] != want {
			t.Errorf("%v: %d calls, want %d", row.Hour, row.Counts[usage.Calls], want)
		}
	}
	if kept := total(t, store.ReadUsage); kept[usage.Calls] != 1 {
		t.Errorf("%d calls are in the store, want the one before the flush", kept[usage.Calls])
	}
}

// doubtful is a store of which one never knows: it fails in turn before and after it has written, until it is told otherwise.
type doubtful struct {
	usage.Store
	calls atomic.Int64
	sound atomic.Bool
}

var errDoubt = errors.New("nobody knows whether it was written")

func (d *doubtful) AddUsage(ctx context.Context, batch usage.Batch) error {
	n := d.calls.Add(1)
	if d.sound.Load() || n%3 == 0 {
		return d.Store.AddUsage(ctx, batch)
	}
	if n%3 == 1 {
		_ = d.Store.AddUsage(ctx, batch)
	}
	return errDoubt
}

// TestExactlyOnce counts while the store fails, flushes and reads at the same time, and looks whether every call was counted once.
func TestExactlyOnce(t *testing.T) {
	t.Parallel()
	store := &doubtful{Store: openStore(t)}
	clock := newClock()
	counter := newCounter(store, clock)
	const workers, calls = 4, 2000
	var counting, flushing sync.WaitGroup
	for worker := range workers {
		counting.Go(func() {
			for i := range calls {
				counter.Observe(t.Context(), callOf(fmt.Sprint("u", worker%2), fmt.Sprint("e", i%10)))
			}
		})
	}
	ended := make(chan struct{})
	flushing.Go(func() {
		for hour := 0; ; hour++ {
			select {
			case <-ended:
				return
			default:
				clock.set(moment.Add(time.Duration(hour) * time.Hour))
				_ = counter.Flush(t.Context())
			}
		}
	})
	counting.Wait()
	close(ended)
	flushing.Wait()
	for _, err := counter.Read(t.Context(), everything); err != nil; _, err = counter.Read(t.Context(), everything) {
		if !errors.Is(err, errDoubt) {
			t.Fatal(err)
		}
	}
	if got := total(t, counter.Read); got[usage.Calls] != workers*calls {
		t.Errorf("%d calls, want %d", got[usage.Calls], workers*calls)
	}
	store.sound.Store(true)
	if err := counter.Close(); err != nil {
		t.Fatal(err)
	}
	if got := total(t, store.ReadUsage); got[usage.Calls] != workers*calls || got[usage.Rows] != 2*workers*calls {
		t.Errorf("%d calls and %d rows are in the store, want %d and twice as many", got[usage.Calls], got[usage.Rows], workers*calls)
	}
}

// TestSeriesAreBounded calls with more users and endpoints than are held in memory.
func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	store, clock := openStore(t), newClock()
	const most = 100
	const calls = 3 * most
	counter := usage.NewCounter(store, usage.CounterOptions{Logger: slog.New(slog.DiscardHandler), Now: clock.now, MaxSeries: most})
	for i := range calls {
		counter.Observe(t.Context(), callOf(fmt.Sprint("u", i/2), fmt.Sprint("e", i%2)))
	}
	filter := everything
	filter.By = usage.ByUser | usage.ByKey | usage.ByEndpoint
	rows, err := counter.Read(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) > 2*most+1 {
		t.Errorf("%d rows, want %d at most", len(rows), 2*most+1)
	}
	if got := total(t, counter.Read); got[usage.Calls] != calls {
		t.Errorf("%d calls, want %d", got[usage.Calls], calls)
	}
	if err := counter.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := total(t, store.ReadUsage); got[usage.Calls] != calls {
		t.Errorf("%d calls are in the store, want %d", got[usage.Calls], calls)
	}
	// The next hour has room again.
	clock.set(moment.Add(time.Hour))
	if err := counter.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	counter.Observe(t.Context(), callOf("late", "sales"))
	filter.From = moment.Add(time.Hour).Truncate(time.Hour)
	if rows, err = counter.Read(t.Context(), filter); err != nil || len(rows) != 1 || rows[0].User != "late" || rows[0].Endpoint.Slug != "sales" {
		t.Errorf("%+v, %v; want the user and the endpoint", rows, err)
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	counter := newCounter(openStore(t), newClock())
	call := callOf("erp", "sales")
	if allocated := testing.AllocsPerRun(1000, func() { counter.Observe(t.Context(), call) }); allocated > 0 {
		t.Errorf("%v allocations for a call", allocated)
	}
}

func BenchmarkObserve(b *testing.B) {
	counter := newCounter(openStore(b), newClock())
	call := callOf("erp", "sales")
	call.Began, call.Duration = moment, time.Millisecond
	b.ReportAllocs()
	for b.Loop() {
		counter.Observe(b.Context(), call)
	}
}

func BenchmarkObserveParallel(b *testing.B) {
	counter := newCounter(openStore(b), newClock())
	var worker atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		call := callOf(fmt.Sprint("u", worker.Add(1)), "sales")
		call.Began, call.Duration = moment, time.Millisecond
		for pb.Next() {
			counter.Observe(b.Context(), call)
		}
	})
}
