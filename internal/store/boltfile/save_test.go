package boltfile_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

func quiet(string, int64, int64) {}

func open(t *testing.T, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path, boltstore.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// fill makes a closed store with jobs, some of which have results, and returns their IDs.
func fill(t *testing.T, path string, jobs int) (ids []job.ID) {
	t.Helper()
	s := open(t, path)
	now := time.Now()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range jobs {
		j := job.Job{ID: job.NewID(now), Company: "acme", User: "u", Status: job.Processing, CreatedAt: now}
		check(s.Accept(t.Context(), j, job.Quota{}))
		ids = append(ids, j.ID)
		if i%2 > 0 {
			continue
		}
		claimed, _, err := s.Claim(t.Context(), "worker", now, now.Add(time.Minute), job.Capacity{Jobs: 1})
		check(err)
		check(s.AppendChunks(t.Context(), claimed[0].ID, 1, 0, [][]byte{bytes.Repeat([]byte{byte(i)}, 20_000)}))
		_, err = s.Finish(t.Context(), claimed[0].ID, 1, job.Outcome{
			Status: job.Completed, CompletedAt: now, ExpiresAt: now.Add(time.Hour), Result: job.Result{Chunks: 1},
		})
		check(err)
	}
	check(s.Close())
	return ids
}

// wantJobs opens a store and looks for jobs.
func wantJobs(t *testing.T, path string, ids []job.ID) {
	t.Helper()
	s := open(t, path)
	for _, id := range ids {
		if _, err := s.Get(t.Context(), id); err != nil {
			t.Errorf("%s in %s: %v", id, path, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// names are what a directory holds.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return strings.Join(all, " ")
}

// save copies a closed store.
func save(t *testing.T, from, to string, replace bool) (boltfile.Report, error) {
	t.Helper()
	content, size, err := boltfile.OpenCopy(from)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	return boltfile.Save(t.Context(), content, size, to, boltstore.Layout(), replace, quiet)
}

func wantError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}

func TestSaveAndRestore(t *testing.T) {
	dir := t.TempDir()
	store, backup := filepath.Join(dir, "store.db"), filepath.Join(dir, "backup.db")
	first := fill(t, store, 20)
	report, err := save(t, store, backup, false)
	if err != nil || report.Records["jobs"] != 20 || report.Path != backup {
		t.Fatalf("%+v, %v", report, err)
	}
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", info.Mode(), err)
	}
	_, err = save(t, store, backup, false)
	wantError(t, "a second time", err, backup+" exists: name another file, or replace it with --force")
	later := fill(t, store, 3)
	if report, err := save(t, store, backup, true); err != nil || report.Records["jobs"] != 23 {
		t.Fatalf("replaced: %+v, %v", report, err)
	}
	if got := names(t, dir); got != "backup.db store.db" {
		t.Errorf("the directory holds %s", got)
	}

	// Into a place where there is nothing yet.
	fresh := filepath.Join(dir, "new", "place", "store.db")
	restored, err := boltfile.Restore(t.Context(), backup, fresh, boltstore.Layout(), false, quiet)
	if err != nil || restored.Aside != "" || restored.Report.Path != fresh || restored.Report.Records["jobs"] != 23 {
		t.Fatalf("%+v, %v", restored, err)
	}
	wantJobs(t, fresh, append(first, later...))

	// In the place of another store, which is a link.
	link := filepath.Join(dir, "link.db")
	other := filepath.Join(dir, "other", "store.db")
	replaced := fill(t, other, 5)
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	_, err = boltfile.Restore(t.Context(), backup, link, boltstore.Layout(), false, quiet)
	wantError(t, "without force", err, "exists: --force keeps it aside")
	wantJobs(t, other, replaced)
	restored, err = boltfile.Restore(t.Context(), backup, link, boltstore.Layout(), true, quiet)
	if err != nil || !strings.HasPrefix(restored.Aside, other+".20") {
		t.Fatalf("%+v, %v", restored, err)
	}
	wantJobs(t, link, first)
	wantJobs(t, restored.Aside, replaced)
	if target, err := os.Readlink(link); err != nil || target != other {
		t.Errorf("the link leads to %q, %v", target, err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	store, backup := filepath.Join(dir, "store.db"), filepath.Join(dir, "backup.db")
	ids := fill(t, store, 4)
	fill(t, backup, 2)
	running := open(t, store)
	_, err := boltfile.Restore(t.Context(), backup, store, boltstore.Layout(), true, quiet)
	wantError(t, "while a server runs", err, "a server holds "+store+": stop it first")
	_, err = boltfile.Restore(t.Context(), store, filepath.Join(dir, "new.db"), boltstore.Layout(), false, quiet)
	wantError(t, "a store that runs, as a backup", err, "another process holds "+store)
	if err := running.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = boltfile.Restore(t.Context(), store, store, boltstore.Layout(), true, quiet)
	wantError(t, "itself", err, "are the same file")
	_, err = boltfile.Restore(t.Context(), backup, dir, boltstore.Layout(), true, quiet)
	wantError(t, "a directory", err, "is not a regular file")
	_, err = boltfile.Restore(t.Context(), filepath.Join(dir, "none"), store, boltstore.Layout(), true, quiet)
	wantError(t, "nothing", err, "no such file")
	nowhere := filepath.Join(dir, "nowhere")
	if err := os.Symlink(filepath.Join(dir, "unmounted"), nowhere); err != nil {
		t.Fatal(err)
	}
	_, err = boltfile.Restore(t.Context(), backup, nowhere, boltstore.Layout(), true, quiet)
	wantError(t, "a link to nowhere", err, "which is not there")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = boltfile.Restore(ctx, backup, store, boltstore.Layout(), true, quiet); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	wantJobs(t, store, ids)
	if got := names(t, dir); got != "backup.db nowhere store.db" {
		t.Errorf("the directory holds %s", got)
	}
}

func TestSaveLeavesNothingOfWhatFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "backup.db")
	_, err := boltfile.Save(t.Context(), strings.NewReader("short"), 100, path, boltstore.Layout(), false, quiet)
	wantError(t, "cut short", err, "5 of its 100 bytes are there")
	_, err = boltfile.Save(t.Context(), strings.NewReader(strings.Repeat("no store", 10_000)), 80_000, path, boltstore.Layout(), false, quiet)
	wantError(t, "no store", err, "is not a store")
	_, err = boltfile.Save(t.Context(), strings.NewReader(""), 0, dir, boltstore.Layout(), true, quiet)
	wantError(t, "a directory", err, "is not a regular file")
	if got := names(t, dir); got != "" {
		t.Errorf("the directory holds %s", got)
	}
}
