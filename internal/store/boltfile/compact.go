package boltfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

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
func (s *File) Compact(ctx context.Context) (before, after int64, err error) {
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
	if err := s.inPlace(); err != nil { // or another's file would be replaced
		return 0, 0, err
	}
	if err := s.intactNow(); err != nil {
		return 0, 0, err
	}
	copied, file, err := s.copyTo(s.path+compactSuffix, old)
	if err != nil {
		return 0, 0, err
	}
	if err := s.replace(copied, file); err != nil {
		return 0, 0, err
	}
	after, err = fileSize(s.path)
	return before, after, err
}

// copyTo makes a complete copy, which is on disk when it returns, and open.
func (s *File) copyTo(path string, old *bbolt.DB) (copied *bbolt.DB, file *os.File, err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("remove what an earlier compaction left: %w", err)
	}
	options := s.options
	options.NoSync = true // the copy counts only as a whole
	options.OpenFile = func(path string, flag int, mode fs.FileMode) (opened *os.File, err error) {
		opened, err = os.OpenFile(path, flag, mode)
		file = opened
		return opened, err
	}
	copied, err = bbolt.Open(path, 0o600, &options)
	if err != nil {
		return nil, nil, fmt.Errorf("compact %s: %w", s.path, err)
	}
	copied.AllocSize = compactBatch // it grows in steps of this size
	err = guarded(func() error {
		if err := bbolt.Compact(copied, old, compactBatch); err != nil {
			return err
		}
		copied.NoSync, copied.AllocSize = false, old.AllocSize
		return copied.Sync()
	})
	if errors.Is(err, ErrDamaged) {
		s.ReportDamage(err)
		return nil, nil, errors.Join(fmt.Errorf("compact %s: %w", s.path, err), file.Close(), os.Remove(path))
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("compact %s: %w", s.path, err), copied.Close(), os.Remove(path))
	}
	return copied, file, nil
}

// replace puts the copy in the place of the file. Both are open all the while, so that no other process can take hold
// of either.
func (s *File) replace(copied *bbolt.DB, file *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(err error) error { return errors.Join(err, copied.Close(), os.Remove(s.path+compactSuffix)) }
	info, err := file.Stat()
	switch {
	case err != nil:
		return refuse(fmt.Errorf("compact: %w", err))
	case s.closed:
		return refuse(ErrClosed)
	}
	if err := s.sameFile(); err != nil {
		return refuse(fmt.Errorf("%w: %w", ErrUnavailable, err))
	}
	if err := os.Rename(s.path+compactSuffix, s.path); err != nil {
		return refuse(fmt.Errorf("compact: %w", err))
	}
	err = s.letGo()
	s.db, s.file, s.info = copied, file, info
	s.used.Store(2 * int64(os.Getpagesize())) // the first who reads knows more
	s.dirty = true
	if syncErr := s.syncName(); syncErr != nil {
		// After a loss of power the old file could be back, without what is written from now on: nothing is, until the
		// directory is on disk.
		s.broken = syncErr
		return errors.Join(syncErr, s.letGo(), err)
	}
	return err
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// mutex is a lock that can be waited for with a context.
type mutex chan struct{}

func (t mutex) lock(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t mutex) unlock() { <-t }
