package boltfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// A copy never holds up the store: what would have to wait for it ends it.
func TestBackupGivesWay(t *testing.T) {
	for name, c := range map[string]struct {
		disturb func(t *testing.T, s *File)
		want    error
	}{
		"a compaction": {func(t *testing.T, s *File) {
			if _, _, err := s.Compact(t.Context()); err != nil {
				t.Error(err)
			}
		}, errBackupReopened},
		"an opening": {func(t *testing.T, s *File) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if err := s.reopen(quick); err != nil {
				t.Error(err)
			}
		}, errBackupReopened},
		"the store's end": {func(t *testing.T, s *File) {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}, errBackupReopened},
		"a mapping that grows": {func(t *testing.T, s *File) {
			for i := range 8 { // the mapping is doubled twice at least
				if err := s.Update(t.Context(), put(fmt.Sprint("large", i), strings.Repeat("x", 256<<10))); err != nil {
					t.Error(err)
				}
			}
		}, errBackupHindered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openFile(t, storePath(t), Options{MmapSize: 1 << 19})
			if err := s.Update(t.Context(), put("some", strings.Repeat("x", 100_000))); err != nil {
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
	s := openFile(t, storePath(t), Options{})
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
	defer second.Close()
	copied := filepath.Join(t.TempDir(), "copy.db")
	if _, err := Save(t.Context(), second, size, copied, testLayout, false, func(string, int64, int64) {}); err != nil {
		t.Error(err)
	}
}

// A file that no server holds is copied without one, and one that a server holds is not.
func TestOpenCopy(t *testing.T) {
	path := closedStore(t)
	content, size, err := OpenCopy(path)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	copied := filepath.Join(t.TempDir(), "copy.db")
	if _, err := Save(t.Context(), content, size, copied, testLayout, false, func(string, int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	s := openFile(t, copied, Options{})
	if got := s.value(t, "key7"); got != strings.Repeat("x", 300) {
		t.Errorf("the copy holds %q", got)
	}
	if _, _, err := OpenCopy(s.path); err == nil || !strings.Contains(err.Error(), "another process holds") {
		t.Errorf("a file that is in use: %v", err)
	}
	if _, _, err := OpenCopy(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory: %v", err)
	}
}
