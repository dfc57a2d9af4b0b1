package pgstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

// durable is a cluster that waits for its disk, as one in production does.
func durable(b *testing.B) *pgtest.DB {
	b.Helper()
	return pgtest.NewCluster(b, "-c", "fsync=on", "-c", "full_page_writes=on").New(b)
}

func openBench(b *testing.B, dsn string) *pgstore.Store {
	b.Helper()
	s, err := pgstore.Open(b.Context(), dsn, pgstore.Options{MaxConns: 32, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// spread does the work b.N times, with so many clients at the same time.
func spread(b *testing.B, clients int, work func(client int) error) time.Duration {
	b.Helper()
	begun := time.Now()
	var next atomic.Int64
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := work(client); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return time.Since(begun)
}

// BenchmarkAccept compares accepted jobs with the same record inserted by a bare INSERT, in one run.
func BenchmarkAccept(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			db := durable(b)
			s := openBench(b, db.AdminDSN)
			db.Exec("CREATE TABLE bare (id bytea PRIMARY KEY, record text NOT NULL)")
			pool, err := pgxpool.New(b.Context(), db.AdminDSN+" pool_max_conns=32")
			if err != nil {
				b.Fatal(err)
			}
			defer pool.Close()
			quota := job.Quota{Waiting: 1 << 30, Kept: 1 << 50}
			b.ResetTimer()
			own := spread(b, clients, func(int) error { return s.Accept(context.Background(), makeJob(time.Now()), quota) })
			bare := spread(b, clients, func(int) error {
				j := makeJob(time.Now())
				record, err := json.Marshal(j)
				if err != nil {
					return err
				}
				_, err = pool.Exec(context.Background(), `INSERT INTO bare VALUES ($1, $2)`, j.ID[:], string(record))
				return err
			})
			b.ReportMetric(float64(b.N)/own.Seconds(), "jobs/s")
			b.ReportMetric(float64(b.N)/bare.Seconds(), "inserts/s")
			b.ReportMetric(bare.Seconds()/own.Seconds(), "ratio")
		})
	}
}

// BenchmarkClaimAndFinish claims jobs, four at a time, and ends them, on one server and on several.
func BenchmarkClaimAndFinish(b *testing.B) {
	for _, servers := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("servers=%d", servers), func(b *testing.B) {
			db := durable(b)
			var stores []*pgstore.Store
			for range servers {
				stores = append(stores, openBench(b, db.AdminDSN))
			}
			companies := []string{"acme", "globex", "initech", "umbrella"}
			n := atomic.Int64{}
			spread(b, 32, func(int) error {
				j := makeJob(time.Now())
				j.Company = companies[n.Add(1)%4]
				return stores[0].Accept(context.Background(), j, job.Quota{})
			})
			b.ResetTimer()
			var ended atomic.Int64
			var group sync.WaitGroup
			begun := time.Now()
			for i, s := range stores {
				group.Go(func() {
					for ended.Load() < int64(b.N) {
						now := time.Now()
						jobs, _, err := s.Claim(context.Background(), fmt.Sprint(i), now, now.Add(time.Minute), job.Capacity{Jobs: 4})
						if err != nil {
							b.Error(err)
							return
						}
						var finishing sync.WaitGroup
						for _, j := range jobs {
							finishing.Go(func() {
								outcome := job.Outcome{Status: job.Completed, CompletedAt: now, ExpiresAt: now.Add(time.Hour)}
								if _, err := s.Finish(context.Background(), j.ID, j.Attempt, outcome); err != nil {
									b.Error(err)
								}
							})
						}
						finishing.Wait()
						ended.Add(int64(len(jobs)))
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "jobs/s")
		})
	}
}
