package boltfile

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// TestPingWrites: a disk that refuses to write is noticed, told of, and forgotten when it writes again.
func TestPingWrites(t *testing.T) {
	var good, bad atomic.Int32
	s, err := openAt(filepath.Join(t.TempDir(), "store.db"), Options{Committed: func(took time.Duration, err error) {
		switch {
		case took <= 0:
			t.Errorf("a commit took %s", took)
		case err != nil:
			bad.Add(1)
		default:
			good.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Ping(t.Context()); err != nil || good.Load() != 1 {
		t.Fatalf("%v after %d commits", err, good.Load())
	}
	if err := s.Ping(t.Context()); err != nil || good.Load() != 1 {
		t.Errorf("%v: asked again at once, it wrote %d times", err, good.Load())
	}
	var failing atomic.Bool
	failing.Store(true)
	s.commit = func(tx *bbolt.Tx) error { // nothing is written meanwhile
		if failing.Load() {
			return errors.Join(errors.New("no space left"), tx.Rollback())
		}
		return tx.Commit()
	}
	if err := s.Update(t.Context(), put("another", "x")); !errors.Is(err, ErrNotCommitted) || bad.Load() != 1 {
		t.Fatalf("a write: %v, %d failures", err, bad.Load())
	}
	if err := s.Ping(t.Context()); !errors.Is(err, ErrNotCommitted) {
		t.Errorf("a disk that refuses to write: %v", err)
	}
	failing.Store(false)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("a disk that writes again: %v", err)
	}
}
