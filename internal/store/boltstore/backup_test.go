package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// save reads a copy to its end, calls during between its parts, and returns the path that it was written to.
func save(t *testing.T, content io.ReadCloser, size int64, during func()) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	part := max(size/16, 1)
	for written := int64(0); written < size; {
		n, err := io.CopyN(file, content, min(part, size-written))
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", written+n, size, err)
		}
		written += n
		during()
	}
	if n, err := content.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("behind its end: %d bytes, %v", n, err)
	}
	if err := errors.Join(content.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBackupUnderLoad copies a store in which jobs begin, end and are removed all the while, so that pages are used again.
// Every job that was accepted before is in the copy, and the copy is sound from end to end.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	s := openStore(t, storePath(t), Options{})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var accepted sync.Map // of jobs that stay
	var churned atomic.Int64
	var load sync.WaitGroup
	for range 3 {
		load.Go(func() {
			for ctx.Err() == nil {
				kept, gone := plainJob("acme", ""), plainJob("globex", "")
				gone.Params = fmt.Appendf(nil, "%q", strings.Repeat("x", 5000))
				if err := errors.Join(s.Accept(t.Context(), kept, job.Quota{}), s.Accept(t.Context(), gone, job.Quota{})); err != nil {
					t.Error(err)
					return
				}
				accepted.Store(kept.ID, true)
				outcome := job.Outcome{Status: job.Failed, CompletedAt: someTime, ExpiresAt: someTime, Error: &job.Error{}}
				_, err := s.Finish(t.Context(), gone.ID, 0, outcome)
				if err == nil {
					_, err = s.Sweep(t.Context(), someTime.Add(time.Hour), 10)
				}
				if err != nil {
					t.Error(err)
					return
				}
				churned.Add(1)
			}
		})
	}
	wait := func(rounds int64) {
		for before := churned.Load(); churned.Load() < before+rounds && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	for range 3 {
		wait(20)
		var before []job.ID
		accepted.Range(func(id, _ any) bool {
			before = append(before, id.(job.ID))
			return true
		})
		content, size, err := s.Backup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		path := save(t, content, size, func() { wait(2) })
		if report, err := Check(path, nil); err != nil || len(report.Faults) > 0 || report.Lost > 0 {
			t.Fatalf("the copy: %+v, %v", report, err)
		}
		copied := openStore(t, path, Options{})
		for _, id := range before {
			if _, err := copied.Get(t.Context(), id); err != nil {
				t.Fatalf("of %d jobs that were accepted before the copy began: %s: %v", len(before), id, err)
			}
		}
	}
	stop()
	load.Wait()
}

// A copy never holds up the store: what would have to wait for it ends it.
func TestBackupGivesWay(t *testing.T) {
	for name, c := range map[string]struct {
		disturb func(t *testing.T, s *Store)
		want    error
	}{
		"a compaction": {func(t *testing.T, s *Store) {
			if _, _, err := s.Compact(t.Context()); err != nil {
				t.Error(err)
			}
		}, errBackupReopened},
		"an opening": {func(t *testing.T, s *Store) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if err := s.reopen(quick); err != nil {
				t.Error(err)
			}
		}, errBackupReopened},
		"the store's end": {func(t *testing.T, s *Store) {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}, errBackupReopened},
		"a mapping that grows": {func(t *testing.T, s *Store) {
			for i := range 8 { // the mapping is doubled twice at least
				if err := s.update(t.Context(), put(fmt.Sprint("large", i), strings.Repeat("x", 256<<10))); err != nil {
					t.Error(err)
				}
			}
		}, errBackupHindered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, storePath(t), Options{MmapSize: 1 << 19})
			if err := s.update(t.Context(), put("some", strings.Repeat("x", 100_000))); err != nil {
				t.Fatal(err)
			}
			content, _, err := s.Backup(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer content.Close()
			if _, err := io.CopyN(io.Discard, content, 20_000); err != nil {
				t.Fatal(err)
			}
			c.disturb(t, s)
			if _, err := io.Copy(io.Discard, content); !errors.Is(err, c.want) {
				t.Errorf("reading on: %v, want %v", err, c.want)
			}
		})
	}
}

func TestBackupIsOneAtATime(t *testing.T) {
	s := openStore(t, storePath(t), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	first, _, err := s.Backup(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Backup(t.Context()); !errors.Is(err, errBackupRuns) {
		t.Errorf("a second one beside it: %v", err)
	}
	cancel()
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context has ended: %v", err)
	}
	if _, _, err := s.Backup(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("under a context that has ended: %v", err)
	}
	for range 2 {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
	second, size, err := s.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	save(t, second, size, func() {})
}

// A file that no server holds is copied without one, and one that a server holds is not.
func TestOpenCopy(t *testing.T) {
	path := closedStore(t)
	content, size, err := OpenCopy(path)
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, save(t, content, size, func() {}), Options{})
	if got := s.value(t, "key7"); got != strings.Repeat("x", 300) {
		t.Errorf("the copy holds %q", got)
	}
	if _, _, err := OpenCopy(s.Path()); err == nil || !strings.Contains(err.Error(), "another process holds") {
		t.Errorf("a file that is in use: %v", err)
	}
	if _, _, err := OpenCopy(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory: %v", err)
	}
}
