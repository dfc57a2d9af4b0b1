package usage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/quota"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// quotaTest is a counter with quotas over it.
type quotaTest struct {
	*testing.T
	clock   *clock
	counter *usage.Counter
	quotas  *usage.Quotas
	told    []string
}

func newQuotas(t *testing.T, store usage.Store, clock *clock, shared bool) *quotaTest {
	q := &quotaTest{T: t, clock: clock, counter: newCounter(store, clock)}
	q.quotas = usage.NewQuotas(q.counter, usage.QuotasOptions{
		Logger: slog.New(slog.DiscardHandler), Now: clock.now, Shared: shared,
		OnQuota: func(n usage.Notice) {
			q.told = append(q.told, fmt.Sprintf("%s %s/%s/%s %s: %d, %d %% until %s", n.Holder, n.Company, n.User, n.KeyID, n.Quota, n.Used, n.Percent,
				n.Until.Format(time.RFC3339)))
		},
	})
	return q
}

func limits(t *testing.T, texts ...string) (limits []quota.Limit) {
	t.Helper()
	for _, text := range texts {
		limit, err := quota.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		limits = append(limits, limit)
	}
	return limits
}

// call makes a call, and reports whether it was let through.
func (q *quotaTest) call(caller usage.Caller, rows int) bool {
	place, _, ok := q.quotas.Take(q.Context(), caller)
	if ok {
		call := callOf(caller.User, "sales")
		call.KeyID, call.Rows = caller.KeyID, rows
		q.observe(call)
		place.Done(usage.Charges(call))
	}
	return ok
}

func (q *quotaTest) observe(call *observe.Call) {
	observe.Observers{q.counter, q.quotas}.Observe(q.Context(), call)
}

// let checks how many of some calls are let through.
func (q *quotaTest) let(caller usage.Caller, calls, want int) {
	q.Helper()
	got := 0
	for range calls {
		if q.call(caller, 1) {
			got++
		}
	}
	if got != want {
		q.Errorf("%d of %d calls were let through, want %d", got, calls, want)
	}
}

func (q *quotaTest) wantTold(want ...string) {
	q.Helper()
	if !slices.Equal(q.told, want) {
		q.Errorf("told\n got %q\nwant %q", q.told, want)
	}
	q.told = nil
}

// TestQuotaWindows: each window begins again at its own moment, and another start of the server knows what was used in it.
func TestQuotaWindows(t *testing.T) {
	t.Parallel()
	store, clock := openStore(t), newClock()
	clock.set(time.Date(2026, 4, 30, 22, 59, 0, 0, time.UTC))
	caller := usage.Caller{
		Company: "acme", User: "erp", KeyID: "k", CompanyQuota: limits(t, "9 calls/1mo"), UserQuota: limits(t, "6 calls/1d"), KeyQuota: limits(t, "4 calls/1h"),
	}
	q := newQuotas(t, store, clock, false)
	q.let(caller, 6, 4) // the hour's
	q.wantTold("key acme/erp/k 4 calls/1h: 4, 100 % until 2026-04-30T23:00:00Z")
	_, states, ok := q.quotas.Take(t.Context(), caller)
	if ok || len(states) != 3 || states[0].Exceeded || states[0].Remaining != 5 || states[1].Remaining != 2 || !states[2].Exceeded || states[2].Reset != time.Minute {
		t.Errorf("refused with %+v", states)
	}
	clock.set(time.Date(2026, 4, 30, 23, 0, 0, 0, time.UTC))
	q.let(caller, 6, 2) // what is left of the day's
	q.wantTold("user acme/erp/ 6 calls/1d: 5, 80 % until 2026-05-01T00:00:00Z", "user acme/erp/ 6 calls/1d: 6, 100 % until 2026-05-01T00:00:00Z")
	if err := q.counter.Close(); err != nil {
		t.Fatal(err)
	}
	q = newQuotas(t, store, clock, false)
	q.let(caller, 3, 0)
	q.wantTold() // it was told before
	other := caller
	other.User, other.KeyID = "web", "l"
	q.let(other, 9, 3) // what is left of the company's
	q.wantTold("company acme// 9 calls/1mo: 8, 80 % until 2026-05-01T00:00:00Z", "company acme// 9 calls/1mo: 9, 100 % until 2026-05-01T00:00:00Z")
	clock.set(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	q.let(caller, 6, 4)
	clock.set(time.Date(2026, 4, 30, 23, 59, 59, 0, time.UTC)) // a clock that is set back gives nothing twice
	q.let(caller, 6, 0)
}

// TestQuotaPlaces: a call that runs holds its place, and gives it back when it does not count.
func TestQuotaPlaces(t *testing.T) {
	t.Parallel()
	q := newQuotas(t, openStore(t), newClock(), false)
	caller := usage.Caller{Company: "acme", User: "erp", KeyID: "k", CompanyQuota: limits(t, "100 calls/1d"), KeyQuota: limits(t, "2 calls/1d")}
	first, _, ok := q.quotas.Take(t.Context(), caller)
	second, states, also := q.quotas.Take(t.Context(), caller)
	if !ok || !also || states[1].Remaining != 0 || states[1].Exceeded {
		t.Fatalf("two calls of two: %t, %t, %+v", ok, also, states)
	}
	q.let(caller, 1, 0)
	first.Done(false)
	second.Done(false)
	q.let(caller, 5, 2)
	// What was refused for the key holds no place of the company.
	other := caller
	other.KeyID, other.KeyQuota = "l", nil
	q.let(other, 200, 98)
}

// TestQuotaTogether lets many callers at once use a quota up.
func TestQuotaTogether(t *testing.T) {
	t.Parallel()
	q := newQuotas(t, openStore(t), newClock(), false)
	caller := usage.Caller{Company: "acme", User: "erp", KeyID: "k", CompanyQuota: limits(t, "1000 calls/1d")}
	q.observe(callOf("web", "sales")) // before anybody asks
	q.quotas = usage.NewQuotas(q.counter, usage.QuotasOptions{Logger: slog.New(slog.DiscardHandler), Now: q.clock.now})
	var through atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 300 {
				if q.call(caller, 0) {
					through.Add(1)
				}
			}
		})
	}
	group.Wait()
	if through.Load() != 999 {
		t.Errorf("%d calls were let through, want 999", through.Load())
	}
}

// TestQuotaOfRows: rows count when they are known, those of jobs too, and a call that runs then is not held up.
func TestQuotaOfRows(t *testing.T) {
	t.Parallel()
	store, clock := openStore(t), newClock()
	q := newQuotas(t, store, clock, false)
	caller := usage.Caller{Company: "acme", User: "erp", KeyID: "s42_erp", UserQuota: limits(t, "10 rows/1d", "1000 calls/1d")}
	if !q.call(caller, 7) {
		t.Fatal("the first call was refused")
	}
	job := callOf("erp", "sales")
	job.Kind, job.Rows = observe.Job, 2
	q.observe(job)
	q.wantTold("user acme/erp/ 10 rows/1d: 9, 80 % until 2026-04-12T00:00:00Z")
	if !q.call(caller, 500) {
		t.Error("the call that reaches the quota was refused")
	}
	q.let(caller, 1, 0)
	q.wantTold("user acme/erp/ 10 rows/1d: 509, 100 % until 2026-04-12T00:00:00Z")
	caller.UserQuota = limits(t, "1000 rows/1d") // a reload
	q.let(caller, 1, 1)
	q.wantTold()
}

// TestQuotaOfSeveralServers: what another server has counted on the same store is known a while later.
func TestQuotaOfSeveralServers(t *testing.T) {
	t.Parallel()
	store, clock := openStore(t), newClock()
	caller := usage.Caller{Company: "acme", User: "erp", KeyID: "k", CompanyQuota: limits(t, "10 calls/1d")}
	here, there := newQuotas(t, store, clock, true), newQuotas(t, store, clock, true)
	here.let(caller, 4, 4)
	there.let(caller, 3, 3)
	for _, q := range []*quotaTest{here, there} {
		if err := q.counter.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	clock.set(moment.Add(usage.FlushEvery))
	here.let(caller, 9, 3)
	if err := here.counter.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.set(moment.Add(2 * usage.FlushEvery))
	there.let(caller, 9, 0)
}

// unreadable is a store that cannot be read until it is mended.
type unreadable struct {
	usage.Store
	mended atomic.Bool
}

func (u *unreadable) ReadUsage(ctx context.Context, filter usage.Filter) ([]usage.Row, error) {
	if !u.mended.Load() {
		return nil, errors.New("it cannot be read")
	}
	return u.Store.ReadUsage(ctx, filter)
}

// TestQuotaWithoutStore: callers are let through while nobody can say what was used, and held to it afterwards.
func TestQuotaWithoutStore(t *testing.T) {
	t.Parallel()
	store, clock := &unreadable{Store: openStore(t)}, newClock()
	q := newQuotas(t, store, clock, false)
	caller := usage.Caller{Company: "acme", User: "erp", KeyID: "k", CompanyQuota: limits(t, "10 calls/1d")}
	q.let(caller, 7, 7)
	store.mended.Store(true)
	clock.set(moment.Add(2 * time.Second))
	q.let(caller, 9, 3)
}

func TestTakeWithoutQuotasDoesNotAllocate(t *testing.T) {
	q := newQuotas(t, openStore(t), newClock(), false)
	caller := usage.Caller{Company: "acme", User: "erp", KeyID: "k"}
	if allocated := testing.AllocsPerRun(1000, func() {
		place, _, _ := q.quotas.Take(t.Context(), caller)
		place.Done(false)
	}); allocated > 0 {
		t.Errorf("%v allocations for a call without quotas", allocated)
	}
}

func BenchmarkTake(b *testing.B) {
	counter := newCounter(openStore(b), newClock())
	quotas := usage.NewQuotas(counter, usage.QuotasOptions{Logger: slog.New(slog.DiscardHandler)})
	caller := usage.Caller{
		Company: "acme", User: "erp", KeyID: "k", CompanyQuota: []quota.Limit{{Count: 1e12, Unit: quota.Calls, Window: quota.Month}},
		KeyQuota: []quota.Limit{{Count: 1e12, Unit: quota.Calls, Window: quota.Hour}},
	}
	b.ReportAllocs()
	for b.Loop() {
		place, _, _ := quotas.Take(b.Context(), caller)
		place.Done(false)
	}
}
