package jobtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// Stores is one empty store, seen through its interfaces.
type Stores struct {
	Jobs      job.Store
	Callbacks callback.Store

	// Size is that of store.Store.
	Size func(context.Context) (int64, error)
	// Ping and DeliveriesDue are those of store.Store.
	Ping          func(context.Context) error
	DeliveriesDue func(context.Context, time.Time) (int, error)

	// Reopen ends the use of the store and opens what it has kept, as a restart of the program does. The fields above are
	// not used any more then.
	Reopen func(t testing.TB) Stores

	// Exclusive says that only one process can hold the store, so that Recover takes jobs from every other owner.
	Exclusive bool
}

// Run runs the suite. Each test gets a store of its own from open, which registers the store's end with t.Cleanup.
func Run(t *testing.T, open func(tb testing.TB) Stores) { run(t, open, open) }

// run runs the tests that draw what they do on another store than the others.
func run(t *testing.T, open, drawing func(tb testing.TB) Stores) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Stores){
		"Accept":                        testAccept,
		"AcceptLimit":                   testAcceptLimit,
		"Idempotency":                   testIdempotency,
		"IdempotencyConcurrently":       testIdempotencyConcurrently,
		"List":                          testList,
		"ListAll":                       testListAll,
		"Unfinished":                    testUnfinished,
		"Counts":                        testCounts,
		"Size":                          testSize,
		"DeliveriesDue":                 testDeliveriesDue,
		"Claim":                         testClaim,
		"ClaimOrder":                    testClaimOrder,
		"ClaimRoom":                     testClaimRoom,
		"Quota":                         testQuota,
		"ClaimConcurrently":             testClaimConcurrently,
		"Lease":                         testLease,
		"Release":                       testRelease,
		"Fencing":                       testFencing,
		"Finish":                        testFinish,
		"FinishOnce":                    testFinishOnce,
		"FinishTellsWhoChanged":         testFinishTellsWhoChanged,
		"FreedKey":                      testFreedKey,
		"ClaimBySource":                 testClaimBySource,
		"Held":                          testHeld,
		"Recover":                       testRecover,
		"Chunks":                        testChunks,
		"ChunksOfAttempts":              testChunksOfAttempts,
		"Sweep":                         testSweep,
		"SweepInSteps":                  testSweepInSteps,
		"SweepDeliveries":               testSweepDeliveries,
		"Durability":                    testDurability,
		"CancelledContext":              testCancelledContext,
		"DeliveryOutbox":                testDeliveryOutbox,
		"DeliveryClaim":                 testDeliveryClaim,
		"DeliveriesClaimedConcurrently": testDeliveryClaimConcurrently,
		"DeliveryOrder":                 testDeliveryOrder,
		"DeliveryHeld":                  testDeliveryHeld,
		"DeliverySettle":                testDeliverySettle,
		"DeliveryList":                  testDeliveryList,
		"DeliveryReplay":                testDeliveryReplay,
		"SigningKeys":                   testSigningKeys,
		"SigningKeyIsShownOnce":         testSigningKeyIsShownOnce,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
	t.Run("Model", func(t *testing.T) { testModel(t, drawing) })
	t.Run("Interleaved", func(t *testing.T) { testInterleaved(t, drawing) })
}

// start is the time at which every test begins. It has nanoseconds and a zone, both of which a store has to cope with.
var start = time.Date(2026, 4, 11, 10, 30, 0, 123456789, time.FixedZone("BRT", -3*60*60))

const lease = 30 * time.Second

var counter atomic.Uint64

// newJob makes a job that no other test has.
func newJob(company string) job.Job {
	id := job.NewID(start)
	n := counter.Add(1)
	for i := range 8 {
		id[11-i] = byte(n >> (8 * i))
	}
	return job.Job{
		ID: id, Company: company, User: "integration", KeyID: "s42_key",
		Address:     dataapi.Address{Company: "acme", Namespace: "default", Slug: "relatorio"},
		Revision:    "r1",
		Params:      json.RawMessage(`{"mes":"2026-03","n":12345678901234567890}`),
		PollingPath: "/jobs/" + id.String(),
		Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		Status:      job.Processing, CreatedAt: start,
	}
}

func accept(tb testing.TB, s Stores, company string) job.Job {
	tb.Helper()
	j := newJob(company)
	acceptJob(tb, s, j)
	return j
}

func acceptJob(tb testing.TB, s Stores, j job.Job) {
	tb.Helper()
	if err := s.Jobs.Accept(tb.Context(), j, job.Quota{}); err != nil {
		tb.Fatal(err)
	}
}

// claimOne claims the only job that is expected to be claimable.
func claimOne(tb testing.TB, s Stores, now time.Time) job.Job {
	tb.Helper()
	jobs, _, err := s.Jobs.Claim(tb.Context(), "worker", now, now.Add(lease), job.Capacity{Jobs: 10})
	if err != nil {
		tb.Fatal(err)
	}
	if len(jobs) != 1 {
		tb.Fatalf("claimed %d jobs, want 1", len(jobs))
	}
	return jobs[0]
}

// expectNone checks that nothing can be claimed, and when that may change.
func expectNone(tb testing.TB, s Stores, now, wantNext time.Time) {
	tb.Helper()
	jobs, next, err := s.Jobs.Claim(tb.Context(), "worker", now, now.Add(lease), job.Capacity{Jobs: 10})
	if err != nil || len(jobs) != 0 || !next.Equal(wantNext) {
		tb.Fatalf("claimed %d jobs, next %v, %v; want none, next %v", len(jobs), next, err, wantNext)
	}
}

func get(tb testing.TB, s Stores, id job.ID) job.Job {
	tb.Helper()
	j, err := s.Jobs.Get(tb.Context(), id)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// FindDelivery returns the delivery of a job, or callback.ErrNotFound.
func FindDelivery(ctx context.Context, store callback.Store, id job.ID) (callback.Delivery, error) {
	before := id
	for i := len(before) - 1; i >= 0; i-- { // id - 1
		before[i]--
		if before[i] != 0xff {
			break
		}
	}
	found, err := store.ListDeliveries(ctx, "", before, 1)
	if err == nil && (len(found) == 0 || found[0].JobID != id) {
		err = callback.ErrNotFound
	}
	if err != nil {
		return callback.Delivery{}, err
	}
	return found[0], nil
}

func delivery(tb testing.TB, s Stores, id job.ID) callback.Delivery {
	tb.Helper()
	d, err := FindDelivery(tb.Context(), s.Callbacks, id)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func completed(at time.Time, chunks int) job.Outcome {
	return job.Outcome{
		Status: job.Completed, CompletedAt: at, ExpiresAt: at.Add(time.Hour),
		Result:         job.Result{RowCount: 7, Truncated: true, Size: int64(chunks), Chunks: chunks, BlockSize: 1},
		RunTraceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
}

func failed(at time.Time) job.Outcome {
	return job.Outcome{
		Status: job.Failed, CompletedAt: at, ExpiresAt: at.Add(time.Hour),
		Error: &job.Error{Code: dataapi.CodeInternal, Detail: "It failed."},
	}
}

// tryFinish ends a job and returns only why that fails.
func tryFinish(s Stores, id job.ID, attempt int, outcome job.Outcome) error {
	_, err := s.Jobs.Finish(context.Background(), id, attempt, outcome)
	return err
}

func finish(tb testing.TB, s Stores, j job.Job, outcome job.Outcome) {
	tb.Helper()
	if err := tryFinish(s, j.ID, j.Attempt, outcome); err != nil {
		tb.Fatal(err)
	}
}

// appendChunks stores the first chunks of a result.
func appendChunks(tb testing.TB, s Stores, j job.Job, chunks ...string) {
	tb.Helper()
	if err := s.Jobs.AppendChunks(tb.Context(), j.ID, j.Attempt, 0, bytesOf(chunks...)); err != nil {
		tb.Fatal(err)
	}
}

func bytesOf(texts ...string) [][]byte {
	var all [][]byte
	for _, text := range texts {
		all = append(all, []byte(text))
	}
	return all
}

func wantErr(tb testing.TB, what string, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// wantJob compares records, and times by their instant.
func wantJob(tb testing.TB, got, want job.Job) {
	tb.Helper()
	for _, at := range []*time.Time{&want.CreatedAt, &want.StartedAt, &want.CompletedAt, &want.ExpiresAt, &want.NotBefore, &want.LeaseUntil} {
		*at = at.UTC()
	}
	if !reflect.DeepEqual(got, want) {
		tb.Errorf("got  %s\nwant %s", show(got), show(want))
	}
}

func show(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%+v", value)
	}
	return string(text)
}

// sweep removes what has expired, and returns how many steps it took.
func sweep(tb testing.TB, s Stores, now time.Time, limit int) (steps int) {
	tb.Helper()
	for more := true; more; steps++ {
		var err error
		if more, err = s.Jobs.Sweep(context.Background(), now, limit); err != nil {
			tb.Fatal(err)
		}
		if steps > 10_000 {
			tb.Fatal("sweeping does not end")
		}
	}
	return steps
}
