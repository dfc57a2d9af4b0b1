package boltstore

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
)

func TestJobsOfAnOlderFileAreListed(t *testing.T) {
	path := storePath(t)
	s := openStore(t, path, Options{})
	const count = 2*scanBatch + 7
	now := time.Now()
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() {
			at := now.Add(time.Duration(i))
			j := job.Job{ID: job.NewID(at), Company: "acme", Status: job.Processing, CreatedAt: at}
			if err := s.Accept(context.Background(), j, job.Quota{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	err := s.Update(t.Context(), func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket(companyBucket); err != nil {
			return err
		}
		return asOlder(tx, "1")
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path, Options{})
	listed, filter := 0, job.Filter{Limit: job.MaxList}
	for more := true; more; more = !filter.After.IsZero() {
		jobs, next, err := s.List(t.Context(), "acme", filter)
		if err != nil {
			t.Fatal(err)
		}
		listed += len(jobs)
		filter.After = next
	}
	if listed != count {
		t.Errorf("%d of %d jobs are listed", listed, count)
	}
}
