package boltfile

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// readBack finds out what became of a failed commit, and returns what its writers are told: nil when it is on disk.
//
// bbolt writes and syncs the data before it writes and syncs the page that makes them valid. After a failure its memory
// and the file may differ, hence the file is opened again. If the transaction cannot be seen there, that page was never
// written, and nothing was committed. If it can be seen, the data are on disk and only that page may not be: the next
// commit that succeeds writes a newer one, which makes both durable. (What one fsync failed to write the next one does
// not report again, so that the same commit must not just be synced again.)
func (s *File) readBack(id int, cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	care := quick
	if errors.Is(cause, ErrDamaged) {
		care = thorough
	}
	if err := s.reopen(care); err != nil {
		return fmt.Errorf("%w: %w; %w", ErrUnknown, cause, err)
	}
	var seen int
	err := guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			seen = tx.ID()
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("%w: %w; %w", ErrUnknown, cause, err)
	}
	if seen < id {
		return fmt.Errorf("%w: %w", ErrNotCommitted, cause)
	}
	err = guarded(func() error {
		tx, err := s.db.Begin(true)
		if err == nil {
			err = s.commit(tx)
			_ = tx.Rollback() // closes what a failed commit may have left open
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("%w: %w; %w", ErrUnknown, cause, err)
		_ = s.reopen(quick) // its own error is in s.broken, for those who come next
		return err
	}
	return nil
}

// reopen closes the file and opens it again. s.mu is held for writing, and no transaction is open.
func (s *File) reopen(care diligence) error {
	_ = s.letGo() // the file is unusable already: what counts is whether it opens again
	s.broken = s.open(care)
	s.nextProbe = time.Now().Add(probeInterval)
	return s.broken
}

// abandon gives an open file up after a panic that has left it unusable. It is opened again as one that failed.
func (s *File) abandon(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck = true
	_ = s.letGo()
	s.broken, s.nextProbe = cause, time.Now().Add(probeInterval)
}

// revive tries to open a file that could not be opened again, at most once in probeInterval.
func (s *File) revive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.db != nil:
		return nil
	case time.Now().Before(s.nextProbe):
		return fmt.Errorf("%w: %w", ErrUnavailable, s.broken)
	}
	if err := s.reopen(thorough); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}
