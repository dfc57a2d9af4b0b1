package pgstore_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

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

// BenchmarkAccept compares accepted jobs with the same records inserted by pgbench, in one run. The records are those of
// PostgreSQL's own yardstick: an ID that rises, and a text, in a table with one index.
func BenchmarkAccept(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			db := durable(b)
			s := openBench(b, db.AdminDSN)
			quota := job.Quota{Waiting: 1 << 30, Kept: 1 << 50}
			b.ResetTimer()
			own := spread(b, clients, func(int) error { return s.Accept(context.Background(), makeJob(time.Now()), quota) })
			b.StopTimer()
			accepted, bare := float64(b.N)/own.Seconds(), pgbench(b, db, clients)
			b.ReportMetric(accepted, "jobs/s")
			b.ReportMetric(bare, "inserts/s")
			b.ReportMetric(accepted/bare, "ratio")
		})
	}
}

// pgbench has so many clients insert b.N records of jobs, and returns how many they have a second.
func pgbench(b *testing.B, db *pgtest.DB, clients int) float64 {
	b.Helper()
	program, err := pgtest.FindProgram("pgbench")
	if err != nil {
		b.Fatal(err)
	}
	record, err := json.Marshal(makeJob(time.Now()))
	if err != nil {
		b.Fatal(err)
	}
	db.Exec("CREATE SEQUENCE numbers; CREATE TABLE bare (id bytea PRIMARY KEY, record text NOT NULL)")
	script := filepath.Join(b.TempDir(), "insert.sql")
	statement := fmt.Sprintf("INSERT INTO bare VALUES (int8send(nextval('numbers')) || '\\x0102030405060708', '%s');\n", record)
	// pgbench takes a colon and a name for a variable: a string of its own is no such thing, but it looks into strings, too.
	if err := os.WriteFile(script, []byte(statement), 0o600); err != nil {
		b.Fatal(err)
	}
	config, err := pgconn.ParseConfig(db.AdminDSN)
	if err != nil {
		b.Fatal(err)
	}
	run := exec.Command(program, "--no-vacuum", "--protocol=prepared", "--jobs=2", fmt.Sprint("--client=", clients),
		fmt.Sprint("--transactions=", max(1, b.N/clients)), "--file="+script, "--host="+config.Host, fmt.Sprint("--port=", config.Port),
		"--username="+config.User, config.Database)
	run.Env = append(os.Environ(), "PGPASSWORD="+config.Password)
	output, err := run.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, output)
	}
	_, after, _ := strings.Cut(string(output), "tps = ")
	number, _, _ := strings.Cut(after, " ")
	tps, err := strconv.ParseFloat(number, 64)
	if err != nil {
		b.Fatalf("%v: %s", err, output)
	}
	return tps
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

// BenchmarkResults stores blocks of large results, of four jobs at the same time.
func BenchmarkResults(b *testing.B) {
	const jobs = 4
	s := openBench(b, durable(b).AdminDSN)
	for range jobs {
		if err := s.Accept(context.Background(), makeJob(time.Now()), job.Quota{}); err != nil {
			b.Fatal(err)
		}
	}
	running, _ := claimAt(b, s, "server", time.Now(), time.Hour)
	block := make([]byte, job.BlockSize)
	_, _ = rand.Read(block) // as results are: compressed
	b.SetBytes(job.BlockSize)
	b.ResetTimer()
	next := make([]int, jobs)
	spread(b, jobs, func(client int) error {
		next[client]++
		return s.AppendChunks(context.Background(), running[client].ID, running[client].Attempt, next[client]-1, [][]byte{block})
	})
}
