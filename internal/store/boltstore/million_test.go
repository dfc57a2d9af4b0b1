package boltstore

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// BenchmarkMillionJobs compares a store of a million jobs with one of a hundred, in one run: from opening the file to the
// first job that is read, and the 99th percentile of polling a random job, its document included.
func BenchmarkMillionJobs(b *testing.B) {
	few, fewIDs := filledStore(b, 100)
	many, manyIDs := filledStore(b, 1_000_000)
	var startFew, startMany, pollFew, pollMany time.Duration
	for b.Loop() {
		started, polled := startAndPoll(b, few, fewIDs)
		startFew, pollFew = startFew+started, pollFew+polled
		started, polled = startAndPoll(b, many, manyIDs)
		startMany, pollMany = startMany+started, pollMany+polled
	}
	n := float64(b.N)
	b.ReportMetric(1000*(startMany-startFew).Seconds()/n, "more-ms-to-start")
	b.ReportMetric(float64(pollFew.Microseconds())/n, "p99-us-of-100")
	b.ReportMetric(float64(pollMany.Microseconds())/n, "p99-us-of-1M")
	b.ReportMetric(pollMany.Seconds()/pollFew.Seconds(), "p99-ratio")
}

// filledStore makes a file of jobs of which one in a hundred waits, and returns its path and the jobs.
func filledStore(b *testing.B, count int) (path string, ids []job.ID) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "store.db")
	s, err := Open(path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now().UTC()
	ids = make([]job.ID, count)
	for first := 0; first < count; first += 20_000 {
		err := s.Update(context.Background(), func(tx *bbolt.Tx) error {
			for i := first; i < min(first+20_000, count); i++ {
				at := now.Add(time.Duration(i-count) * 10 * time.Millisecond)
				rec := &record{Job: job.Job{
					ID: job.NewID(at), Company: fmt.Sprint("company-", i%100), User: "integration", KeyID: "s42_key",
					Address:  dataapi.Address{Company: "acme", Namespace: "default", Slug: "relatorio-mensal"},
					Revision: "b5bb9d8014a0f9b1", Params: json.RawMessage(`{"mes":"2026-03"}`), Status: job.Processing, CreatedAt: at,
				}}
				if i%100 != 0 {
					rec.Status, rec.Attempt, rec.StartedAt, rec.CompletedAt = job.Failed, 1, at, at
					rec.ExpiresAt = now.Add(24 * time.Hour)
					rec.Error = &job.Error{Code: dataapi.CodeInternal, Detail: "It failed."}
				}
				ids[i] = rec.ID
				if err := putCompanyEntry(tx, &rec.Job); err != nil {
					return err
				}
				if err := putRecord(tx, rec); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return path, ids
}

func startAndPoll(b *testing.B, path string, ids []job.ID) (started, p99 time.Duration) {
	b.Helper()
	poll := func(engine *job.Engine, id job.ID) {
		j, err := engine.Get(context.Background(), id)
		if err == nil {
			err = job.WriteDocument(io.Discard, j, nil)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	begun := time.Now()
	s, err := Open(path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	engine := job.NewEngine(s, job.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := engine.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	poll(engine, ids[rand.IntN(len(ids))])
	started = time.Since(begun)

	const polls = 50_000
	took := make([]time.Duration, polls)
	for i := range took {
		begun := time.Now()
		poll(engine, ids[rand.IntN(len(ids))])
		took[i] = time.Since(begun)
	}
	slices.Sort(took)
	if err := engine.Stop(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return started, took[polls*99/100]
}

// TestFileStopsGrowing runs the life of jobs for several times as long as they are kept.
func TestFileStopsGrowing(t *testing.T) {
	s := openStore(t, storePath(t), Options{GrowBy: 1 << 16}) // show what is needed, not the steps in which bbolt grows a file
	ctx, now := t.Context(), time.Now().UTC()
	const (
		perRound  = 16
		rounds    = 90
		retention = 10 // rounds
	)
	chunk := make([]byte, 50<<10)
	random := rand.New(rand.NewPCG(1, 2)) // the same each time: how far the file grows depends on what is large when
	var sizes []int64
	for round := range rounds {
		now = now.Add(time.Minute)
		for n := range perRound {
			j := job.Job{
				ID: job.NewID(now), Company: "acme", Status: job.Processing, CreatedAt: now, CallbackURL: "https://hooks.example.com/",
				Idempotency: &job.Idempotency{Key: fmt.Sprint(round, "/", n), Until: now.Add(time.Minute)},
			}
			if err := s.Accept(ctx, j, job.Quota{}); err != nil {
				t.Fatal(err)
			}
		}
		claimed, _, err := s.Claim(ctx, "worker", now, now.Add(time.Minute), job.Capacity{Jobs: perRound})
		if err != nil || len(claimed) != perRound {
			t.Fatalf("claimed %d, %v", len(claimed), err)
		}
		var group sync.WaitGroup
		work := func(j job.Job, chunks [][]byte) {
			if err := s.AppendChunks(ctx, j.ID, j.Attempt, 0, chunks); err != nil {
				t.Error(err)
			}
			if _, err := s.Finish(ctx, j.ID, j.Attempt, job.Outcome{
				Status: job.Completed, CompletedAt: now, ExpiresAt: now.Add(retention * time.Minute),
				Result: job.Result{Chunks: len(chunks), BlockSize: job.BlockSize},
			}); err != nil {
				t.Error(err)
			}
		}
		for _, j := range claimed {
			chunks := make([][]byte, 1+random.IntN(8))
			for i := range chunks {
				chunks[i] = chunk[:1+random.IntN(len(chunk))]
			}
			group.Go(func() { work(j, chunks) })
		}
		group.Wait()
		due, _, err := s.ClaimDeliveries(ctx, now, now.Add(time.Minute), callback.Capacity{Deliveries: perRound})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range due {
			d.State, d.EndedAt, d.NextAttempt = "delivered", now, time.Time{}
			if err := s.SettleDelivery(ctx, d); err != nil {
				t.Fatal(err)
			}
		}
		for more := true; more; {
			if more, err = s.Sweep(ctx, now, 50); err != nil {
				t.Fatal(err)
			}
		}
		if round%retention == retention-1 {
			size, err := s.Size(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, size>>10)
		}
	}
	t.Logf("KiB after each %d rounds of %d jobs, which are kept for as many: %d", retention, perRound, sizes)
	if early, last := sizes[2], sizes[len(sizes)-1]; last > early*5/4 {
		t.Errorf("the file grows: from %d KiB to %d KiB", early, last)
	}
}
