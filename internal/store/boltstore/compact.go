package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

const (
	compactSuffix = ".compact"
	compactBatch  = 1 << 20 // bytes that one transaction copies
)

// Compact makes the file as small as what it holds. bbolt reuses the space of what was removed and never gives it back,
// so that a file keeps the size of its busiest day.
//
// It copies the file to a new one beside it, which takes the disk space of both meanwhile, and puts the new one in its
// place. Writes wait until it is done, some seconds for each GB; reads go on. When it fails, or the process is killed,
// the store stays as it was: the new file takes the name of the old one only when it is complete and on disk. Only one
// compaction runs at a time. It returns the sizes in bytes. Windows does not let an open file be replaced: there it fails.
func (s *Store) Compact(ctx context.Context) (before, after int64, err error) {
	if err := s.committing.lock(ctx); err != nil {
		return 0, 0, err
	}
	defer s.committing.unlock()
	old, err := s.writable()
	if err != nil {
		return 0, 0, err
	}
	if before, err = fileSize(s.path); err != nil {
		return 0, 0, err
	}
	copied, err := s.copyTo(s.path+compactSuffix, old)
	if err != nil {
		return 0, 0, err
	}
	if err := s.replace(old, copied); err != nil {
		return 0, 0, err
	}
	after, err = fileSize(s.path)
	return before, after, err
}

// copyTo makes a complete copy, which is on disk when it returns, and open.
func (s *Store) copyTo(path string, old *bbolt.DB) (copied *bbolt.DB, err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove what an earlier compaction left: %w", err)
	}
	options := s.options
	options.NoSync = true // the copy counts only as a whole
	copied, err = bbolt.Open(path, 0o600, &options)
	if err != nil {
		return nil, fmt.Errorf("compact %s: %w", s.path, err)
	}
	copied.AllocSize = compactBatch // it grows in steps of this size
	if err = bbolt.Compact(copied, old, compactBatch); err == nil {
		copied.NoSync, copied.AllocSize = false, old.AllocSize
		err = copied.Sync()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("compact %s: %w", s.path, err), copied.Close(), os.Remove(path))
	}
	return copied, nil
}

// replace puts the copy in the place of the file. Both are open all the while, so that no other process can take hold
// of either.
func (s *Store) replace(old, copied *bbolt.DB) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.Join(ErrClosed, copied.Close(), os.Remove(s.path+compactSuffix))
	}
	if err := os.Rename(s.path+compactSuffix, s.path); err != nil {
		return errors.Join(fmt.Errorf("compact: %w", err), copied.Close(), os.Remove(s.path+compactSuffix))
	}
	s.db = copied
	err := old.Close()
	s.dirty = true
	if syncErr := s.syncName(); syncErr != nil {
		// After a loss of power the old file could be back, without what is written from now on: nothing is, until the
		// directory is on disk.
		s.broken = syncErr
		s.db = nil
		return errors.Join(syncErr, copied.Close(), err)
	}
	return err
}

// syncName makes the file's directory entry durable.
func (s *Store) syncName() error {
	if err := syncDir(filepath.Dir(s.path)); err != nil {
		return fmt.Errorf("store %s: %w", s.path, err)
	}
	s.dirty = false
	return nil
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// turn is a lock that can be waited for with a context.
type turn chan struct{}

func (t turn) lock(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) unlock() { <-t }
