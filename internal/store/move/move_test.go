package move_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/store/move"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/store/transfer"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

var quiet = slog.New(slog.DiscardHandler)

func ignore(string, transfer.Kind, int64) {}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func openBolt(t *testing.T, path string) *boltstore.Store {
	t.Helper()
	opened, err := boltstore.Open(path, boltstore.Options{Logger: quiet})
	must(t, err)
	return opened
}

// filled is what a test knows of a store that it has filled.
type filled struct {
	now                       time.Time
	waiting, running, retried job.ID // jobs that are processing
	completed, failed         job.ID
	keyed                     job.Job // with an idempotency key, which an earlier job has had before
}

func chunk(n int) []byte { return bytes.Repeat([]byte{byte(n), 0, 255}, 1000) }

// fill puts something of everything into a store, in all the states that it may be in.
func fill(t *testing.T, s *boltstore.Store) (f filled) {
	t.Helper()
	ctx := t.Context()
	f.now = time.Now().UTC()
	for _, name := range []string{"api-secret-pepper", "result-cursor-key"} {
		_, err := s.Secret(name, func() ([]byte, error) { return []byte(strings.Repeat(name, 3)), nil })
		must(t, err)
	}
	for i := range 5 {
		key := identity.Key{ID: fmt.Sprintf("s42_%d", i), Company: "acme", User: "integration", Name: "Número " + fmt.Sprint(i), CreatedAt: f.now}
		key.SecretMAC[0] = byte(i + 1)
		if i == 1 {
			key.ExpiresAt = f.now.Add(time.Hour)
		}
		must(t, s.CreateKey(ctx, key))
	}
	_, err := s.RevokeKey(ctx, "s42_2", f.now)
	must(t, err, s.TouchKeys(ctx, map[string]time.Time{"s42_0": f.now}))
	next := identity.Key{ID: "s42_next", Company: "acme", User: "integration", CreatedAt: f.now}
	next.SecretMAC[0] = 9
	_, err = s.ReplaceKey(ctx, "s42_3", f.now.Add(time.Hour), next)
	must(t, err)
	_, err = s.UpdateTokenKeys(ctx, func([]token.KeyRecord) ([]token.KeyRecord, error) {
		first, err := token.NewKeyRecord(token.EdDSA, bytes.Repeat([]byte{1}, 32), f.now.Add(-time.Hour))
		second, err2 := token.NewKeyRecord(token.EdDSA, bytes.Repeat([]byte{2}, 32), f.now)
		first.SignsUntil, first.LongestToken = second.SignsFrom, time.Hour
		return []token.KeyRecord{first, second}, errors.Join(err, err2)
	})
	must(t, err)
	for i := range 3 {
		family := token.Family{
			ID: fmt.Sprintf("family%d", i), Subject: token.Subject{Company: "acme", User: "integration", KeyID: "s42_0"},
			Current:   token.Link{AccessID: "a", RefreshID: "r", IssuedAt: f.now},
			RotatedAt: f.now, CreatedAt: f.now, ExpiresAt: f.now.Add(time.Hour), AccessUntil: f.now.Add(time.Minute),
		}
		must(t, s.CreateFamily(ctx, family))
	}
	_, err = s.ChangeFamily(ctx, "family1", func(family *token.Family) bool {
		family.RevokedAt, family.Previous = f.now, "r0"
		return true
	})
	must(t, err)
	_, err = s.SigningKeys(ctx, "acme", "integration", f.now, func() ([]byte, error) { return bytes.Repeat([]byte{7}, 32), nil })
	must(t, err, s.AddSigningKey(ctx, "acme", "integration", bytes.Repeat([]byte{8}, 32), f.now, f.now.Add(time.Hour)))
	must(t, s.AddUsage(ctx, usage.Batch{Source: "node", Number: 3, At: f.now, Rows: []usage.Row{
		{Hour: f.now.Truncate(time.Hour), Key: usage.Key{Company: "acme", User: "integration", KeyID: "s42_0"}, Counts: usage.Counts{3, 2, 1}},
		{Hour: f.now.Truncate(time.Hour), Key: usage.Key{Company: "acme"}, Counts: usage.Counts{1}},
		{Hour: f.now.Add(-48 * time.Hour).Truncate(time.Hour), Key: usage.Key{Company: "globex"}, Counts: usage.Counts{5}},
	}}))
	for i, value := range []string{"SELECT 1", "SELECT 2", ""} {
		_, err = s.PutDocument(ctx, documents.Write{
			Kind: documents.Endpoint, Key: "acme/default/moved", Value: []byte(value), Delete: value == "", If: documents.Whatever, Keep: 2,
			Stamp: documents.Stamp{Author: "acme/ana", Action: "saved", Note: "número", At: f.now.Add(time.Duration(i) * time.Second)},
		})
		must(t, err)
	}
	_, err = s.PutDocument(ctx, documents.Write{Kind: documents.User, Key: "acme/bob", Value: []byte("{}"), Stamp: documents.Stamp{At: f.now}})
	must(t, err)
	for i := range 2 {
		must(t, s.CreateLink(ctx, link.Link{
			ID: fmt.Sprint("link", i), Company: "acme", User: "integration", KeyID: "s42_0", Namespace: "default", Slug: "report", Format: "csv",
			Parameters: []byte(`{"a":"<&>"}`), CreatedAt: f.now, ExpiresAt: f.now.Add(time.Hour), Uses: 3 * i,
		}, 10))
	}
	_, err = s.UseLink(ctx, "link1")
	must(t, err)
	f.fillJobs(t, s)
	return f
}

func (f *filled) newJob(created time.Time) job.Job {
	return job.Job{
		ID: job.NewID(created), Company: "acme", User: "integration", KeyID: "s42_0", Source: "main", Revision: "abc", Params: []byte(`{"a":"<&>"}`),
		Address: dataapi.Address{Company: "acme", Namespace: "default", Slug: "report"}, Status: job.Processing, CreatedAt: created,
	}
}

func (f *filled) fillJobs(t *testing.T, s *boltstore.Store) {
	t.Helper()
	ctx := t.Context()
	claim := func(want job.ID) {
		t.Helper()
		jobs, _, err := s.Claim(ctx, "owner", f.now, f.now.Add(time.Hour), job.Capacity{Jobs: 1})
		if must(t, err); len(jobs) != 1 || jobs[0].ID != want {
			t.Fatalf("claimed %v, want %s", jobs, want)
		}
	}
	end := func(id job.ID, attempt int, outcome job.Outcome) {
		t.Helper()
		outcome.CompletedAt, outcome.ExpiresAt = f.now, f.now.Add(24*time.Hour)
		_, err := s.Finish(ctx, id, attempt, outcome)
		must(t, err)
	}
	accept := func(j job.Job) job.ID {
		t.Helper()
		must(t, s.Accept(ctx, j, job.Quota{}))
		return j.ID
	}
	for i := range 3 { // on three days, with callbacks: delivered, dead, pending
		j := f.newJob(f.now.Add(-time.Duration(i) * 24 * time.Hour))
		j.CallbackURL = "https://example.com/hook"
		f.completed = accept(j)
		claim(j.ID)
		must(t, s.AppendChunks(ctx, j.ID, 1, 0, [][]byte{chunk(i), chunk(i + 1)}))
		end(j.ID, 1, job.Outcome{Status: job.Completed, RunTraceparent: "t", Result: job.Result{RowCount: 3, Size: 6000, Chunks: 2, BlockSize: job.BlockSize, ExecutedAt: f.now}})
		due, _, err := s.ClaimDeliveries(ctx, f.now, f.now.Add(time.Minute), callback.Capacity{Deliveries: 1})
		if must(t, err); len(due) != 1 {
			t.Fatal("no delivery is due")
		}
		d := due[0]
		d.Log = []callback.Try{{At: f.now, Took: time.Second, Status: 500, Error: "it answered 500"}}
		switch d.NextAttempt = f.now.Add(time.Hour); i {
		case 0:
			d.State, d.EndedAt, d.NextAttempt = callback.Delivered, f.now, time.Time{}
		case 1:
			d.State, d.EndedAt, d.NextAttempt = callback.Dead, f.now, time.Time{}
		}
		must(t, s.SettleDelivery(ctx, d))
	}
	f.failed = accept(f.newJob(f.now))
	claim(f.failed)
	must(t, s.AppendChunks(ctx, f.failed, 1, 0, [][]byte{chunk(9)}))
	end(f.failed, 1, job.Outcome{Status: job.Failed, Error: &job.Error{Code: dataapi.CodeInternal, Detail: "no"}})
	cancelled := accept(f.newJob(f.now))
	end(cancelled, 0, job.Outcome{Status: job.Cancelled})

	earlier := f.newJob(f.now.Add(-2 * time.Hour))
	earlier.Idempotency = &job.Idempotency{Key: "once", Until: f.now.Add(-time.Hour)}
	end(accept(earlier), 0, job.Outcome{Status: job.Cancelled})
	f.keyed = f.newJob(f.now)
	f.keyed.Idempotency = &job.Idempotency{Key: "once", Until: f.now.Add(time.Hour)}
	end(accept(f.keyed), 0, job.Outcome{Status: job.Cancelled})

	f.retried = accept(f.newJob(f.now))
	claim(f.retried)
	must(t, s.AppendChunks(ctx, f.retried, 1, 0, [][]byte{chunk(9)}), s.Release(ctx, f.retried, 1, f.now.Add(time.Hour), true))
	f.running = accept(f.newJob(f.now))
	claim(f.running)
	f.waiting = accept(f.newJob(f.now))
}

// A store is moved whole, in one go or in many: what is there is the same, and what was under way goes on.
func TestCopy(t *testing.T) {
	t.Parallel()
	path, dsn := filepath.Join(t.TempDir(), "store.db"), pgtest.New(t).AdminDSN
	source := openBolt(t, path)
	f := fill(t, source)
	stores := move.Stores{From: "bbolt:" + path, To: "postgres:" + dsn, Schema: "moved"}
	if _, err := move.Copy(t.Context(), stores, ignore); err == nil || !strings.Contains(err.Error(), "another process holds") {
		t.Errorf("the file of a running server: %v", err)
	}
	must(t, source.Close())
	sums, err := move.Copy(t.Context(), stores, ignore)
	must(t, err)
	for _, sum := range sums {
		if sum.Records == 0 {
			t.Errorf("%s: nothing was moved", sum.Kind)
		}
	}
	if _, err := move.Copy(t.Context(), stores, ignore); err == nil || !strings.Contains(err.Error(), "is not empty") || !strings.Contains(err.Error(), "--schema") {
		t.Errorf("a schema that holds something: %v", err)
	}
	check(t, dsn, "moved", f)
}

// check looks at a moved store as a server does.
func check(t *testing.T, dsn, schema string, f filled) {
	t.Helper()
	ctx := t.Context()
	s, err := pgstore.Open(ctx, dsn, pgstore.Options{Schema: schema, Logger: quiet})
	must(t, err)
	defer s.Close()
	data, err := s.ReadChunk(ctx, f.completed, 1, nil)
	if must(t, err); !bytes.Equal(data, chunk(3)) {
		t.Errorf("a chunk has %d bytes", len(data))
	}
	if _, err := s.ReadChunk(ctx, f.failed, 0, nil); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("a chunk of a failed job: %v", err)
	}
	again := f.keyed
	again.ID = job.NewID(f.now)
	var repeated *job.RepeatedError
	if err := s.Accept(ctx, again, job.Quota{}); !errors.As(err, &repeated) || repeated.Job.ID != f.keyed.ID {
		t.Errorf("a repeated request: %v", err)
	}
	if err := s.Accept(ctx, f.newJob(f.now), job.Quota{Waiting: 3}); !errors.Is(err, job.ErrQueueFull) {
		t.Errorf("three jobs wait: %v", err)
	}
	if err := s.Accept(ctx, f.newJob(f.now), job.Quota{Kept: 3 * 6000}); !errors.Is(err, job.ErrQuotaExceeded) {
		t.Errorf("the quota is used up: %v", err)
	}
	jobs, _, err := s.Claim(ctx, "new", f.now, f.now.Add(time.Minute), job.Capacity{Jobs: 10})
	must(t, err)
	attempts := make(map[job.ID]int)
	for _, j := range jobs {
		attempts[j.ID] = j.Attempt
	}
	if len(jobs) != 3 || attempts[f.waiting] != 1 || attempts[f.running] != 2 || attempts[f.retried] != 2 {
		t.Errorf("claimed %v", attempts)
	}
	dead, err := s.ListDeliveries(ctx, callback.Dead, job.ID{}, 10)
	if must(t, err); len(dead) != 1 || len(dead[0].Log) != 1 {
		t.Errorf("dead letters: %+v", dead)
	}
	if _, err := s.ReplayDelivery(ctx, dead[0].JobID, f.now); err != nil {
		t.Error(err)
	}
	due, _, err := s.ClaimDeliveries(ctx, f.now.Add(2*time.Hour), f.now.Add(3*time.Hour), callback.Capacity{Deliveries: 10})
	if must(t, err); len(due) != 1 { // the other is due in an hour by the database's clock
		t.Errorf("%d deliveries are due", len(due))
	}
	if more, err := s.Sweep(ctx, f.now, 100); err != nil || more {
		t.Errorf("sweeping: %v, %v", more, err)
	}
	kept, err := s.DocumentRevisions(ctx, documents.Endpoint, "acme/default/moved", 0, 10)
	if must(t, err); len(kept) != 2 || !kept[0].Deleted || kept[1].Revision != 2 || kept[1].Author != "acme/ana" {
		t.Errorf("revisions of a document: %+v", kept)
	}
	before, err := s.DocumentRevision(ctx, documents.Endpoint, "acme/default/moved", 2)
	if must(t, err); string(before.Value) != "SELECT 2" {
		t.Errorf("the revision before is %q", before.Value)
	}
	if user, err := s.GetDocument(ctx, documents.User, "acme/bob"); err != nil || string(user.Value) != "{}" || user.Revision != 1 {
		t.Errorf("a user is %+v, %v", user, err)
	}
}

// interrupted is a target that ends with the n-th record.
type interrupted struct {
	*pgstore.Store
	left int
}

var errKilled = errors.New("killed")

func (i *interrupted) Put(ctx context.Context, kind transfer.Kind, records []transfer.Record, progress transfer.Progress) error {
	if i.left--; i.left < 0 {
		return errKilled
	}
	return i.Store.Put(ctx, kind, records, progress)
}

// small is a source that hands out one record at a time.
type small struct{ transfer.Source }

func (s small) Records(ctx context.Context, kind transfer.Kind, after []byte, _ int) ([]transfer.Record, error) {
	return s.Source.Records(ctx, kind, after, 1)
}

// An interrupted move goes on where it ended. Until it is done no server opens the store; when the source was changed meanwhile,
// it has to begin again.
func TestCopyGoesOn(t *testing.T) {
	t.Parallel()
	path, dsn := filepath.Join(t.TempDir(), "store.db"), pgtest.New(t).AdminDSN
	source := openBolt(t, path)
	f := fill(t, source)
	options := pgstore.Options{Schema: "moved", Logger: quiet}
	runs := 0
	for err := errKilled; errors.Is(err, errKilled); runs++ {
		target, opened := pgstore.OpenForMove(t.Context(), dsn, options)
		must(t, opened)
		_, err = transfer.Copy(t.Context(), small{source}, &interrupted{target, 7}, ignore)
		if must(t, target.Close()); err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		if err == nil {
			break
		}
		if _, err := pgstore.Open(t.Context(), dsn, options); err == nil || !strings.Contains(err.Error(), "being moved") {
			t.Fatalf("a server opens half a store: %v", err)
		}
	}
	if runs < 3 {
		t.Errorf("it was done in %d runs", runs)
	}
	check(t, dsn, "moved", f)

	options.Schema = "changed"
	target, err := pgstore.OpenForMove(t.Context(), dsn, options)
	must(t, err)
	defer target.Close()
	if _, err := transfer.Copy(t.Context(), source, &interrupted{target, 3}, ignore); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	must(t, source.TouchKeys(t.Context(), map[string]time.Time{"s42_1": f.now}))
	if _, err := transfer.Copy(t.Context(), source, target, ignore); err == nil || !strings.Contains(err.Error(), "DROP SCHEMA changed") {
		t.Errorf("a source that was changed: %v", err)
	}
	must(t, source.Close())
}

// tampered is a target that has lost a record.
type tampered struct{ *pgstore.Store }

func (s tampered) Put(ctx context.Context, kind transfer.Kind, records []transfer.Record, progress transfer.Progress) error {
	if kind == transfer.Chunks {
		records = slices.Clone(records)
		records[0].Value = append(bytes.Clone(records[0].Value), 'x')
	}
	return s.Store.Put(ctx, kind, records, progress)
}

// What differs is found, and the store stays closed.
func TestCopyIsVerified(t *testing.T) {
	t.Parallel()
	path, dsn := filepath.Join(t.TempDir(), "store.db"), pgtest.New(t).AdminDSN
	source := openBolt(t, path)
	defer source.Close()
	fill(t, source)
	target, err := pgstore.OpenForMove(t.Context(), dsn, pgstore.Options{Logger: quiet})
	must(t, err)
	defer target.Close()
	if _, err := transfer.Copy(t.Context(), source, tampered{target}, ignore); !errors.Is(err, transfer.ErrDiffers) || !strings.Contains(err.Error(), "job_chunks") {
		t.Errorf("a chunk that was changed on the way: %v", err)
	}
	if _, err := pgstore.Open(t.Context(), dsn, pgstore.Options{Logger: quiet}); err == nil {
		t.Error("a server opens what differs")
	}
}

// Nothing is moved to where a server runs, and from what is not there.
func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	path, dsn := filepath.Join(t.TempDir(), "store.db"), db.AdminDSN
	must(t, openBolt(t, path).Close())
	running, err := pgstore.Open(t.Context(), dsn, pgstore.Options{Logger: quiet})
	must(t, err)
	defer running.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	following.Go(func() { running.Follow(ctx, nil) })
	for conn, nodes := db.Conn(), 0; nodes == 0; time.Sleep(10 * time.Millisecond) {
		must(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM data_api.nodes`).Scan(&nodes))
	}
	for from, to := range map[string]string{
		"bbolt:" + path:              "postgres:" + dsn,
		"bbolt:" + path + ".missing": "postgres:" + dsn,
		"postgres:" + dsn:            "bbolt:" + path,
		"bbolt: " + path:             "bbolt:" + path,
	} {
		if _, err := move.Copy(t.Context(), move.Stores{From: from, To: to}, ignore); err == nil {
			t.Errorf("%s was moved to %s", from, to)
		} else {
			t.Logf("%v", err)
		}
	}
}
