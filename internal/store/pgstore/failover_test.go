package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

// A commit that waits for the standby, and is told to wait no longer, as by an operator's pg_cancel_backend, succeeds with no more
// than a warning. It is not acknowledged: it would be lost with the primary.
func TestACommitWithoutItsStandbyIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	primary := pgtest.NewCluster(t)
	standby := primary.NewStandby(t)
	primary.Synchronize(t)
	db := primary.New(t)
	s := openReal(t, db.AdminDSN, pgstore.Options{})
	kept := makeJob(time.Now())
	if err := s.Accept(t.Context(), kept, job.Quota{}); err != nil {
		t.Fatal(err)
	}
	standby.Stop(t)
	operator := db.Conn()
	var cancelling sync.WaitGroup
	cancelled := make(chan struct{})
	cancelling.Go(func() {
		for {
			if _, err := operator.Exec(context.Background(), `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`); err != nil {
				t.Error(err)
			}
			select {
			case <-cancelled:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	plain, keyed := makeJob(time.Now()), makeJob(time.Now())
	keyed.Idempotency = &job.Idempotency{Key: "one", Until: time.Now().Add(time.Hour)}
	for _, j := range []job.Job{plain, keyed} { // one statement, and a transaction of several
		if err := s.Accept(t.Context(), j, job.Quota{}); !errors.Is(err, pgstore.ErrUnknown) {
			t.Errorf("a job that the standby has not got was accepted with %v", err)
		}
	}
	// Nor is it acknowledged to a caller that asks again, though it can be seen.
	again := makeJob(time.Now())
	again.Idempotency = keyed.Idempotency
	if err := s.Accept(t.Context(), again, job.Quota{}); !errors.Is(err, pgstore.ErrUnknown) {
		t.Errorf("a job that the standby has not got was accepted again with %v", err)
	}
	for range 2 {
		ended := job.Outcome{Status: job.Cancelled, CompletedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
		if _, err := s.Finish(t.Context(), plain.ID, 0, ended); !errors.Is(err, pgstore.ErrUnknown) {
			t.Errorf("an end that the standby has not got was taken with %v", err)
		}
	}
	close(cancelled)
	cancelling.Wait()

	primary.Kill(t)
	standby.Start(t)
	standby.Promote(t)
	both := fmt.Sprintf("host=%s,%s port=5432,5432 user=postgres dbname=%s sslmode=disable target_session_attrs=read-write",
		primary.Host(), standby.Host(), db.Name)
	after := openReal(t, both, pgstore.Options{})
	if _, err := after.Get(t.Context(), kept.ID); err != nil {
		t.Errorf("a job that was accepted is lost: %v", err)
	}
	if _, err := after.Get(t.Context(), plain.ID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("the standby has a job that it had not got: %v", err)
	}
}
