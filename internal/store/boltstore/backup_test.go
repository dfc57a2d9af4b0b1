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
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
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
		if report, err := boltfile.Check(path, layout, nil); err != nil || len(report.Faults) > 0 || report.Lost > 0 {
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
