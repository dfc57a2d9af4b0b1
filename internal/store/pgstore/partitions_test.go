package pgstore_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

// Retention drops whole partitions, and nothing that is needed goes with them.
func TestPartitions(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	conn := db.Conn()
	_ = openReal(t, db.AdminDSN, pgstore.Options{}).Close()
	s := openStore(t, db.AdminDSN, pgstore.DefaultSchema)
	tables := func(pattern string) (n int) {
		t.Helper()
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE nspname = 'data_api' AND relkind = 'r' AND relname ~ $1`, pattern).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	rows := func(table string) (n int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM data_api.`+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := tables("_p[0-9a-f]{8}$"); got != 9 {
		t.Fatalf("a new store has %d partitions, want today's and two more of three tables", got)
	}
	day := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(after time.Duration) time.Time { return day.Add(after) }
	look := func(now time.Time) {
		t.Helper()
		if err := s.LookAfterPartitions(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	look(day) // which drops the empty ones of before
	if got := tables("_p[0-9a-f]{8}$"); got != 9 {
		t.Fatalf("there are %d partitions", got)
	}

	// Two jobs of the first day, one of which ends later, and one of the second. Each has a result.
	complete := func(made, ended, expires time.Time) job.Job {
		t.Helper()
		j := makeJob(made)
		j.CallbackURL = ""
		if err := s.Accept(t.Context(), j, job.Quota{}); err != nil {
			t.Fatal(err)
		}
		if jobs, _ := claimAt(t, s, "one", made, time.Hour); len(jobs) != 1 {
			t.Fatalf("claimed %d", len(jobs))
		}
		if err := s.AppendChunks(t.Context(), j.ID, 1, 0, [][]byte{[]byte("a"), []byte("b")}); err != nil {
			t.Fatal(err)
		}
		outcome := job.Outcome{Status: job.Completed, CompletedAt: ended, ExpiresAt: expires, Result: job.Result{Chunks: 2, Size: 2}}
		if _, err := s.Finish(t.Context(), j.ID, 1, outcome); err != nil {
			t.Fatal(err)
		}
		return j
	}
	first := complete(at(0), at(0), at(24*time.Hour))
	later := complete(at(time.Hour), at(time.Hour), at(40*time.Hour))
	look(at(24 * time.Hour))
	next := complete(at(24*time.Hour), at(24*time.Hour), at(48*time.Hour))
	if rows("jobs_rest") != 0 || rows("chunks_rest") != 0 {
		t.Error("jobs with a partition lie in the rest")
	}
	sweep := func(now time.Time) {
		t.Helper()
		for more := true; more; {
			var err error
			if more, err = s.Sweep(t.Context(), now, 10); err != nil {
				t.Fatal(err)
			}
		}
	}
	sweep(at(25 * time.Hour))
	if _, err := s.Get(t.Context(), first.ID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("an expired job: %v", err)
	}
	if n := rows("chunks"); n != 6 {
		t.Errorf("%d chunks are left: those of a partition that is dropped soon need not be removed", n)
	}
	look(at(25 * time.Hour))
	if chunk, err := s.ReadChunk(t.Context(), later.ID, 1, nil); err != nil || !bytes.Equal(chunk, []byte("b")) {
		t.Errorf("a result that has not expired: %q, %v", chunk, err)
	}
	sweep(at(41 * time.Hour))
	look(at(41 * time.Hour))
	if n := rows("chunks"); n != 2 {
		t.Errorf("%d chunks are left, want those of one job", n)
	}
	if chunk, err := s.ReadChunk(t.Context(), next.ID, 0, nil); err != nil || !bytes.Equal(chunk, []byte("a")) {
		t.Errorf("a result of the next day: %q, %v", chunk, err)
	}
	sweep(at(72 * time.Hour))
	look(at(72 * time.Hour))
	if got := tables("_p[0-9a-f]{8}$"); got != 9 {
		t.Errorf("%d partitions are left, want 9", got)
	}
	if rows("jobs") != 0 || rows("chunks") != 0 || rows("queue") != 0 || rows("discards") != 0 {
		t.Error("something is left of jobs that have expired")
	}

	// A job whose ID has no partition is kept all the same, and its result removed one by one.
	strange := complete(at(-1000*24*time.Hour), at(72*time.Hour), at(73*time.Hour))
	look(at(72 * time.Hour))
	if chunk, err := s.ReadChunk(t.Context(), strange.ID, 0, nil); err != nil || !bytes.Equal(chunk, []byte("a")) {
		t.Errorf("a job from another time: %q, %v", chunk, err)
	}
	sweep(at(74 * time.Hour))
	if rows("jobs") != 0 || rows("chunks") != 0 {
		t.Error("a job from another time was not removed")
	}
}
