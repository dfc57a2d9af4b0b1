package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

// writers fill the store at once, so that many records share a commit.
const writers = 256

// fill puts keys and jobs into the store of a server that does not run.
func (s *subject) fill(ctx context.Context) error {
	if s.size.keys <= 1 && s.size.jobs == 0 {
		return nil
	}
	store, err := boltstore.Open(s.server.Path("data-api.db"), boltstore.Options{})
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	err = atOnce(s.size.keys-1, func(i int) error {
		return store.CreateKey(ctx, identity.Key{
			ID: fmt.Sprintf("s42_scale%08d", i), Company: company(0), User: "erp", Name: fmt.Sprint("key ", i), CreatedAt: now,
		})
	})
	if err == nil {
		err = atOnce(s.size.jobs, func(i int) error { return addJob(ctx, store, now, i) })
	}
	return errors.Join(err, store.Close())
}

// addJob makes a job that has ended.
func addJob(ctx context.Context, store *boltstore.Store, now time.Time, i int) error {
	at := now.Add(-time.Duration(i) * time.Millisecond)
	j := job.Job{
		ID: job.NewID(at), Company: company(0), User: "erp", KeyID: "s42_scale00000000",
		Address:  dataapi.Address{Company: company(0), Namespace: "area-000", Slug: "point"},
		Revision: "b5bb9d8014a0f9b1", Params: json.RawMessage(`{"id":51}`), Status: job.Processing, CreatedAt: at,
	}
	if err := store.Accept(ctx, j, job.Quota{Waiting: math.MaxInt, Kept: math.MaxInt64}); err != nil {
		return err
	}
	_, err := store.Finish(ctx, j.ID, 0, job.Outcome{Status: job.Cancelled, CompletedAt: at, ExpiresAt: now.Add(24 * time.Hour)})
	return err
}

// atOnce does count pieces of work, some of them at once, and returns what went wrong.
func atOnce(count int, work func(i int) error) error {
	failures := make([]error, writers)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := w; i < count && failures[w] == nil; i += writers {
				failures[w] = work(i)
			}
		})
	}
	all.Wait()
	return errors.Join(failures...)
}
