package boltstore

import (
	"encoding/json"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// A file of schema 3, with its queue, is brought up to date: every job that waits is claimed, in its old order.
func TestQueueOfSchema3(t *testing.T) {
	path, now := storePath(t), time.Now()
	s := openStore(t, path, Options{})
	var want []job.ID
	err := s.update(t.Context(), func(tx *bbolt.Tx) error {
		want = nil
		old, err := tx.CreateBucketIfNotExists([]byte("jobs_queue"))
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucketIfNotExists([]byte("jobs_lines")); err != nil {
			return err
		}
		for n := range uint64(5) {
			j := job.Job{ID: job.NewID(now), Company: "acme", Status: job.Processing, CreatedAt: now.UTC()}
			value, err := json.Marshal(struct {
				job.Job
				Round uint64 `json:"round"`
			}{j, n + 7})
			if err != nil {
				return err
			}
			want = append(want, j.ID)
			if err := tx.Bucket(jobBucket).Put(j.ID[:], value); err != nil {
				return err
			}
			if err := old.Put(numberKey(n+7, j.ID), []byte("acme")); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(schemaKey, []byte("3"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path, Options{})
	claimed, _, err := s.Claim(t.Context(), "worker", now, now.Add(time.Minute), job.Room{Jobs: 10})
	if err != nil || len(claimed) != len(want) {
		t.Fatalf("claimed %d jobs, %v; want %d", len(claimed), err, len(want))
	}
	for i, j := range claimed {
		if j.ID != want[i] {
			t.Errorf("place %d: %s, want %s", i, j.ID, want[i])
		}
	}
}
