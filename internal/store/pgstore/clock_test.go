package pgstore_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest/jobtest"
)

// patience is how long a test waits for what takes a moment: long enough for a machine that is busy with other things.
const patience = time.Minute

// openReal opens a store as a server does: time is the database's.
func openReal(tb testing.TB, dsn string, options pgstore.Options) *pgstore.Store {
	tb.Helper()
	options.Logger = slog.New(slog.DiscardHandler)
	opened, err := pgstore.Open(tb.Context(), dsn, options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = opened.Close() })
	return opened
}

func makeJob(now time.Time) job.Job {
	return job.Job{
		ID: job.NewID(now), Company: "acme", User: "integration", KeyID: "s42_key", Source: "main",
		Address: dataapi.Address{Company: "acme", Namespace: "default", Slug: "report"},
		Status:  job.Processing, CreatedAt: now,
	}
}

func claimAt(tb testing.TB, s *pgstore.Store, owner string, now time.Time, lease time.Duration) (jobs []job.Job, next time.Time) {
	tb.Helper()
	jobs, next, err := s.Claim(tb.Context(), owner, now, now.Add(lease), job.Capacity{Jobs: 10})
	if err != nil {
		tb.Fatal(err)
	}
	return jobs, next
}

// A server whose clock is years ahead or behind takes no lease from another, keeps its own as long as it should, waits as
// long as it means to, and removes nothing that has not expired.
func TestWrongClocks(t *testing.T) {
	for name, skew := range map[string]time.Duration{"ahead": 1000 * 24 * time.Hour, "behind": -1000 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.New(t).AdminDSN
			right, wrong := openReal(t, dsn, pgstore.Options{}), openReal(t, dsn, pgstore.Options{})
			off := func() time.Time { return time.Now().Add(skew) }
			const lease = 5 * time.Minute

			kept := makeJob(time.Now())
			if err := right.Accept(t.Context(), kept, job.Quota{}); err != nil {
				t.Fatal(err)
			}
			if jobs, _ := claimAt(t, right, "right", time.Now(), lease); len(jobs) != 1 {
				t.Fatalf("claimed %d jobs", len(jobs))
			}
			now := off()
			jobs, next := claimAt(t, wrong, "wrong", now, lease)
			if len(jobs) != 0 {
				t.Fatal("the lease was taken by a server with another clock")
			}
			if wait := next.Sub(now); wait <= lease/2 || wait > lease {
				t.Errorf("the lease ends in %v by that server's clock", wait)
			}

			// Its own lease and delay last as long as they should.
			own := makeJob(off())
			own.CallbackURL = "https://hooks.example.com/"
			if err := wrong.Accept(t.Context(), own, job.Quota{}); err != nil {
				t.Fatal(err)
			}
			if jobs, _ := claimAt(t, wrong, "wrong", off(), lease); len(jobs) != 1 || jobs[0].ID != own.ID {
				t.Fatalf("claimed %v", jobs)
			}
			if err := wrong.Extend(t.Context(), own.ID, 1, off().Add(lease)); err != nil {
				t.Fatal(err)
			}
			if jobs, next := claimAt(t, right, "right", time.Now(), lease); len(jobs) != 0 || time.Until(next) > lease {
				t.Fatalf("claimed %v, next in %v", jobs, time.Until(next))
			}
			if err := wrong.Release(t.Context(), own.ID, 1, off().Add(2*time.Minute), false); err != nil {
				t.Fatal(err)
			}
			jobs, next = claimAt(t, right, "right", time.Now(), lease)
			if wait := time.Until(next); len(jobs) != 0 || wait > 2*time.Minute || wait < time.Minute {
				t.Fatalf("claimed %v, next in %v; want in two minutes", jobs, wait)
			}

			// What has ended by that clock is kept as long as it should be, and announced at once.
			ended := job.Outcome{Status: job.Cancelled, CompletedAt: off(), ExpiresAt: off().Add(time.Hour)}
			if _, err := wrong.Finish(t.Context(), own.ID, 1, ended); err != nil {
				t.Fatal(err)
			}
			for _, s := range []struct {
				*pgstore.Store
				now time.Time
			}{{wrong, off()}, {right, time.Now()}, {wrong, off().Add(30 * time.Minute)}} {
				if _, err := s.Sweep(t.Context(), s.now, 10); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := right.Get(t.Context(), own.ID); err != nil {
				t.Errorf("a job was removed before it expired: %v", err)
			}
			due, _, err := right.ClaimDeliveries(t.Context(), time.Now(), time.Now().Add(lease), callback.Capacity{Deliveries: 1})
			if err != nil || len(due) != 1 || due[0].JobID != own.ID {
				t.Errorf("claimed the deliveries %v, %v", due, err)
			}
			if due, _, err := wrong.ClaimDeliveries(t.Context(), off(), off().Add(lease), callback.Capacity{Deliveries: 1}); err != nil || len(due) != 0 {
				t.Errorf("a delivery was taken from the server that makes it: %v, %v", due, err)
			}
		})
	}
}

// The jobs of a server that has died are given to another when their leases have ended.
func TestLeaseEndsByItself(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t).AdminDSN
	dead, alive := openReal(t, dsn, pgstore.Options{}), openReal(t, dsn, pgstore.Options{})
	j := makeJob(time.Now())
	if err := dead.Accept(t.Context(), j, job.Quota{}); err != nil {
		t.Fatal(err)
	}
	claimAt(t, dead, "dead", time.Now(), 200*time.Millisecond)
	_ = dead.Close()
	deadline := time.Now().Add(patience)
	for {
		jobs, _ := claimAt(t, alive, "alive", time.Now(), time.Minute)
		if len(jobs) == 1 && jobs[0].ID == j.ID && jobs[0].Attempt == 2 && jobs[0].LeaseOwner == "alive" {
			return
		}
		if len(jobs) != 0 || time.Now().After(deadline) {
			t.Fatalf("claimed %v", jobs)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Company and host limits are one for all servers.
func TestLimitsAreOneForAllServers(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t).AdminDSN
	one, two := openReal(t, dsn, pgstore.Options{}), openReal(t, dsn, pgstore.Options{})
	for range 10 {
		j := makeJob(time.Now())
		j.CallbackURL = "https://hooks.example.com/"
		if err := one.Accept(t.Context(), j, job.Quota{}); err != nil {
			t.Fatal(err)
		}
	}
	var claimed []job.Job
	for _, s := range []struct {
		*pgstore.Store
		owner string
		want  int
	}{{one, "one", 3}, {two, "two", 0}} {
		now := time.Now()
		jobs, _, err := s.Claim(t.Context(), s.owner, now, now.Add(time.Hour), job.Capacity{Jobs: 10, PerCompany: 3})
		if err != nil || len(jobs) != s.want {
			t.Fatalf("%s claimed %d jobs, %v; want %d", s.owner, len(jobs), err, s.want)
		}
		claimed = append(claimed, jobs...)
	}
	for _, j := range claimed {
		if _, err := one.Finish(t.Context(), j.ID, j.Attempt, job.Outcome{Status: job.Cancelled, CompletedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for _, s := range []struct {
		*pgstore.Store
		want int
	}{{one, 2}, {two, 0}} {
		due, _, err := s.ClaimDeliveries(t.Context(), now, now.Add(time.Hour), callback.Capacity{Deliveries: 10, PerHost: 2})
		if err != nil || len(due) != s.want {
			t.Fatalf("claimed %d deliveries, %v; want %d", len(due), err, s.want)
		}
		for _, d := range due {
			if _, err := jobtest.FindDelivery(t.Context(), two, d.JobID); err != nil {
				t.Error(err)
			}
		}
	}
}

// A limit holds also while many servers claim at once.
func TestCompanyLimitHoldsUnderConcurrency(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t).AdminDSN
	const stores, most, jobs = 4, 3, 60
	var opened []*pgstore.Store
	for range stores {
		opened = append(opened, openReal(t, dsn, pgstore.Options{MaxConns: 4}))
	}
	for range jobs {
		if err := opened[0].Accept(t.Context(), makeJob(time.Now()), job.Quota{}); err != nil {
			t.Fatal(err)
		}
	}
	var running, ended atomic.Int64
	var group sync.WaitGroup
	for i, s := range opened {
		group.Go(func() {
			for ended.Load() < jobs && !t.Failed() {
				now := time.Now()
				claimed, _, err := s.Claim(t.Context(), fmt.Sprint("owner ", i), now, now.Add(time.Hour), job.Capacity{Jobs: 2, PerCompany: most})
				if err != nil {
					t.Error(err)
					return
				}
				if n := running.Add(int64(len(claimed))); n > most {
					t.Errorf("%d jobs of a company ran at once, and %d may", n, most)
				}
				for _, j := range claimed {
					running.Add(-1) // before it ends, so that the next claim cannot come in between
					if _, err := s.Finish(t.Context(), j.ID, j.Attempt, job.Outcome{Status: job.Cancelled, CompletedAt: now, ExpiresAt: now.Add(time.Hour)}); err != nil {
						t.Error(err)
					}
					ended.Add(1)
				}
			}
		})
	}
	group.Wait()
	if ended.Load() != jobs {
		t.Errorf("%d of %d jobs ended", ended.Load(), jobs)
	}
}

// Open says what is wrong with a database, and shows no password.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	admin := func(db *pgtest.DB) string { return db.AdminDSN }
	reader := func(db *pgtest.DB) string { return db.ReaderDSN }
	literal := func(dsn string) func(*pgtest.DB) string { return func(*pgtest.DB) string { return dsn } }
	for name, test := range map[string]struct {
		prepare string // with %s for the database
		dsn     func(*pgtest.DB) string
		want    string
	}{
		"asynchronous commits": {"ALTER DATABASE %s SET synchronous_commit = off", admin, "does not wait for its disk"},
		"read only":            {"ALTER DATABASE %s SET default_transaction_read_only = on", admin, "only reads"},
		"no right":             {"REVOKE CREATE ON DATABASE %s FROM public", reader, "CREATE SCHEMA data_api AUTHORIZATION"},
		"another's schema":     {"CREATE SCHEMA data_api -- of %s", reader, "connect as its owner postgres, or run ALTER SCHEMA data_api OWNER TO data_api_reader"},
		"nobody there":         {"", literal("host=/nowhere password=geheim"), "unavailable"},
		"unreadable":           {"", literal("postgres://u:geheim@["), "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.New(t)
			if test.prepare != "" {
				db.Exec(fmt.Sprintf(test.prepare, db.Name))
			}
			_, err := pgstore.Open(t.Context(), test.dsn(db), pgstore.Options{})
			if err == nil || !contains(err, test.want) || contains(err, "geheim") {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
}

// TestARoleThatMayOnlyRead: it does not begin to serve what it could not write.
func TestARoleThatMayOnlyRead(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	openReal(t, db.AdminDSN, pgstore.Options{})
	for _, rights := range []string{"USAGE ON SCHEMA data_api", "SELECT ON ALL TABLES IN SCHEMA data_api", "ALL ON ALL TABLES IN SCHEMA data_api", "CREATE ON SCHEMA data_api"} {
		db.Exec("GRANT " + rights + " TO " + pgtest.ReaderRole)
		_, err := pgstore.Open(t.Context(), db.ReaderDSN, pgstore.Options{})
		if err == nil || !contains(err, "the role "+pgtest.ReaderRole) || !contains(err, "connect as") {
			t.Errorf("with %s: got %v", rights, err)
		}
	}
}

// A store that is gone says so, and comes back by itself.
func TestOutage(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	s := openReal(t, db.AdminDSN, pgstore.Options{})
	kept := makeJob(time.Now())
	if err := s.Accept(t.Context(), kept, job.Quota{}); err != nil {
		t.Fatal(err)
	}
	cluster.Stop(t)
	for range 3 {
		err := s.Accept(t.Context(), makeJob(time.Now()), job.Quota{})
		if !errors.Is(err, pgstore.ErrUnavailable) && !errors.Is(err, pgstore.ErrUnknown) {
			t.Fatalf("got %v", err)
		}
		if _, err := s.Get(t.Context(), kept.ID); !errors.Is(err, pgstore.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	cluster.Start(t)
	deadline := time.Now().Add(patience)
	for {
		got, err := s.Get(t.Context(), kept.ID)
		if err == nil && got.ID == kept.ID {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := s.Accept(t.Context(), makeJob(time.Now()), job.Quota{}); err != nil {
		t.Error(err)
	}
	_ = s.Close()
	if _, err := s.Get(t.Context(), kept.ID); !errors.Is(err, pgstore.ErrClosed) {
		t.Errorf("after its end: %v", err)
	}
}

func contains(err error, text string) bool { return strings.Contains(err.Error(), text) }
