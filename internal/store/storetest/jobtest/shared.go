package jobtest

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// RunShared runs the suite on a store that several values share, as several servers do: each call goes to another of them
// than the call before, and those of the random tests to any, so that what one has written, the others have to know. open opens a
// value on the same data as those before it, or on new data if there is none before.
func RunShared(t *testing.T, values int, open func(tb testing.TB, before []Stores) Stores) {
	sharing := func(next func(values []Stores) func() Stores) func(tb testing.TB) Stores {
		return func(tb testing.TB) Stores {
			tb.Helper()
			var opened []Stores
			for range values {
				opened = append(opened, open(tb, opened))
			}
			return share(opened, next)
		}
	}
	run(t, sharing(inTurns), sharing(atRandom))
}

// inTurns is for tests of who comes first, which is each server's own affair.
func inTurns(values []Stores) func() Stores {
	var calls atomic.Int64
	return func() Stores { return values[calls.Add(1)%int64(len(values))] }
}

// atRandom has no pattern: in turns, a test that makes two calls at a time would ask the same value for the same thing each time.
func atRandom(values []Stores) func() Stores {
	return func() Stores { return values[rand.IntN(len(values))] } //nolint:gosec // a test
}

// share makes one store of several values.
func share(values []Stores, next func([]Stores) func() Stores) Stores {
	s := &shared{next: next(values)}
	return Stores{
		Jobs: s, Callbacks: s,
		Size:          func(ctx context.Context) (int64, error) { return s.next().Size(ctx) },
		Ping:          func(ctx context.Context) error { return s.next().Ping(ctx) },
		DeliveriesDue: func(ctx context.Context, now time.Time) (int, error) { return s.next().DeliveriesDue(ctx, now) },
		// One value at a time comes back, while the others go on.
		Reopen: func(tb testing.TB) Stores {
			tb.Helper()
			again := append([]Stores{}, values[1:]...)
			return share(append(again, values[0].Reopen(tb)), next)
		},
	}
}

// shared spreads calls over values.
type shared struct{ next func() Stores }

func (s *shared) Accept(ctx context.Context, j job.Job, allowance job.Quota) error {
	return s.next().Jobs.Accept(ctx, j, allowance)
}

func (s *shared) Claim(
	ctx context.Context, owner string, now, until time.Time, room job.Capacity,
) ([]job.Job, time.Time, error) {
	return s.next().Jobs.Claim(ctx, owner, now, until, room)
}

func (s *shared) Extend(ctx context.Context, id job.ID, attempt int, until time.Time) error {
	return s.next().Jobs.Extend(ctx, id, attempt, until)
}

func (s *shared) Release(ctx context.Context, id job.ID, attempt int, notBefore time.Time, forgive bool) error {
	return s.next().Jobs.Release(ctx, id, attempt, notBefore, forgive)
}

func (s *shared) AppendChunks(ctx context.Context, id job.ID, attempt, first int, chunks [][]byte) error {
	return s.next().Jobs.AppendChunks(ctx, id, attempt, first, chunks)
}

func (s *shared) Finish(ctx context.Context, id job.ID, attempt int, outcome job.Outcome) (bool, error) {
	return s.next().Jobs.Finish(ctx, id, attempt, outcome)
}

func (s *shared) Get(ctx context.Context, id job.ID) (job.Job, error) {
	return s.next().Jobs.Get(ctx, id)
}

func (s *shared) List(ctx context.Context, company string, filter job.Filter) ([]job.Job, job.Cursor, error) {
	return s.next().Jobs.List(ctx, company, filter)
}

func (s *shared) ListAll(ctx context.Context, filter job.Filter) ([]job.Job, job.Cursor, error) {
	return s.next().Jobs.ListAll(ctx, filter)
}

func (s *shared) Unfinished(ctx context.Context) ([]job.Unfinished, error) {
	return s.next().Jobs.Unfinished(ctx)
}

func (s *shared) Counts(ctx context.Context) (job.Counts, error) { return s.next().Jobs.Counts(ctx) }

func (s *shared) ReadChunk(ctx context.Context, id job.ID, n int, buffer []byte) ([]byte, error) {
	return s.next().Jobs.ReadChunk(ctx, id, n, buffer)
}

func (s *shared) Sweep(ctx context.Context, now time.Time, limit int) (bool, error) {
	return s.next().Jobs.Sweep(ctx, now, limit)
}

func (s *shared) Recover(ctx context.Context, owner string) (int, error) {
	return s.next().Jobs.Recover(ctx, owner)
}

func (s *shared) ClaimDeliveries(
	ctx context.Context, now, until time.Time, room callback.Capacity,
) ([]callback.Delivery, time.Time, error) {
	return s.next().Callbacks.ClaimDeliveries(ctx, now, until, room)
}

func (s *shared) SettleDelivery(ctx context.Context, d callback.Delivery) error {
	return s.next().Callbacks.SettleDelivery(ctx, d)
}

func (s *shared) ReplayDelivery(ctx context.Context, id job.ID, now time.Time) (callback.Delivery, error) {
	return s.next().Callbacks.ReplayDelivery(ctx, id, now)
}

func (s *shared) ListDeliveries(ctx context.Context, state callback.State, after job.ID, limit int) ([]callback.Delivery, error) {
	return s.next().Callbacks.ListDeliveries(ctx, state, after, limit)
}

func (s *shared) SigningKeys(
	ctx context.Context, company, user string, now time.Time, generate func() ([]byte, error),
) ([]callback.SigningKey, error) {
	return s.next().Callbacks.SigningKeys(ctx, company, user, now, generate)
}

func (s *shared) ShowSigningKey(
	ctx context.Context, company, user string, now time.Time, generate func() ([]byte, error),
) (callback.SigningKey, error) {
	return s.next().Callbacks.ShowSigningKey(ctx, company, user, now, generate)
}

func (s *shared) AddSigningKey(ctx context.Context, company, user string, key []byte, now, notAfter time.Time) error {
	return s.next().Callbacks.AddSigningKey(ctx, company, user, key, now, notAfter)
}
