package boltstore

import (
	"context"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// TestNothingIsLeftOver looks below the interface: chunks of dropped attempts and index entries cannot be seen through
// it, but would fill the disk.
func TestNothingIsLeftOver(t *testing.T) {
	s := openStore(t, storePath(t), Options{})
	ctx, now := context.Background(), time.Now()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	finish := func(id job.ID, attempt int, outcome job.Outcome) error {
		_, err := s.Finish(ctx, id, attempt, outcome)
		return err
	}
	for i := range 12 {
		j := job.Job{ID: job.NewID(now), Company: "acme", Status: job.Processing, CreatedAt: now}
		check(s.Accept(ctx, j, job.Quota{}))
		for attempt := 1; attempt <= 3; attempt++ {
			claimed, _, err := s.Claim(ctx, "worker", now, now.Add(time.Second), job.Capacity{Jobs: 1})
			check(err)
			if len(claimed) != 1 {
				t.Fatalf("claimed %d", len(claimed))
			}
			check(s.AppendChunks(ctx, j.ID, attempt, 0, [][]byte{{1}, {2}, {3}}))
			switch {
			case attempt == 3 && i%3 == 0:
				check(finish(j.ID, attempt, job.Outcome{
					Status: job.Completed, CompletedAt: now, ExpiresAt: now, Result: job.Result{Chunks: 3},
				}))
			case attempt == 3 && i%3 == 1:
				check(finish(j.ID, attempt, job.Outcome{Status: job.Failed, CompletedAt: now, ExpiresAt: now}))
			case i%2 == 0:
				check(s.Release(ctx, j.ID, attempt, time.Time{}, false))
			default:
				now = now.Add(time.Second) // the lease ends
			}
		}
		if i%3 == 2 {
			check(finish(j.ID, 3, job.Outcome{Status: job.Cancelled, CompletedAt: now, ExpiresAt: now}))
		}
	}
	for more := true; more; {
		var err error
		more, err = s.Sweep(ctx, now, 7)
		check(err)
	}
	check(s.View(func(tx *bbolt.Tx) error {
		for _, name := range layout.Buckets() {
			if n := tx.Bucket(name).Stats().KeyN; n != 0 {
				t.Errorf("%d entries are left in %s", n, name)
			}
		}
		return nil
	}))
}
