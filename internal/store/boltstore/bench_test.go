package boltstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

// BenchmarkAccept compares accepted jobs/s with the same record written by bbolt's own Batch, in one run. A job also
// takes two index entries, which the bare record does not.
func BenchmarkAccept(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			store, err := boltstore.Open(filepath.Join(b.TempDir(), "store.db"), boltstore.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			raw, err := bbolt.Open(filepath.Join(b.TempDir(), "raw.db"), 0o600, &bbolt.Options{
				FreelistType: bbolt.FreelistMapType, InitialMmapSize: 1 << 30,
			})
			if err != nil {
				b.Fatal(err)
			}
			defer raw.Close()
			name := []byte("jobs")
			if err := raw.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(name); return err }); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			begun := time.Now()
			spread(b, clients, func() error { return store.Accept(context.Background(), benchJob(), job.Quota{}) })
			own := time.Since(begun)
			begun = time.Now()
			spread(b, clients, func() error {
				j := benchJob()
				value, err := json.Marshal(j)
				if err != nil {
					return err
				}
				return raw.Batch(func(tx *bbolt.Tx) error { return tx.Bucket(name).Put(j.ID[:], value) })
			})
			batch := time.Since(begun)
			b.ReportMetric(float64(b.N)/own.Seconds(), "jobs/s")
			b.ReportMetric(float64(b.N)/batch.Seconds(), "batch/s")
			b.ReportMetric(batch.Seconds()/own.Seconds(), "ratio")
		})
	}
}

func benchJob() job.Job {
	now := time.Now().UTC()
	id := job.NewID(now)
	return job.Job{
		ID: id, Company: "acme", User: "integration", KeyID: "s42_key",
		Address:  dataapi.Address{Company: "acme", Namespace: "default", Slug: "relatorio-mensal"},
		Revision: "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c", Params: json.RawMessage(`{"mes":"2026-03"}`),
		PollingPath: "/api/v1/data-api/default/relatorio-mensal/jobs/" + id.String(), Status: job.Processing, CreatedAt: now,
	}
}

// spread does the work b.N times, with so many clients at the same time.
func spread(b *testing.B, clients int, work func() error) {
	b.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := work(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
}
