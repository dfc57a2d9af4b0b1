package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// createSuffix names a store that is being made, so that no half of one ever has the store's own name.
const createSuffix = ".new"

// diligence is how closely a file is looked at before it is opened.
type diligence int

const (
	quick    diligence = iota // it was looked at before
	thorough                  // every page but those of results
)

// create makes the file when there is none.
func (s *File) create() error {
	if _, err := os.Stat(s.path); !errors.Is(err, os.ErrNotExist) {
		return nil // also when it cannot be seen: opening it says why
	}
	if target, err := os.Readlink(s.path); err == nil {
		return fmt.Errorf("store %s: it is a link to %s, which is not there: mount what belongs there, or remove the link", s.path, target)
	}
	path := s.path + createSuffix
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("store %s: %w", s.path, err)
	}
	db, err := bbolt.Open(path, 0o600, &s.options)
	if err != nil {
		return fmt.Errorf("create store %s: %w", s.path, err)
	}
	_, err = s.layout.prepare(db, s.migrate, nil)
	if err := errors.Join(err, db.Close()); err != nil {
		return errors.Join(fmt.Errorf("create store %s: %w", s.path, err), os.Remove(path))
	}
	if err := os.Rename(path, s.path); err != nil {
		return fmt.Errorf("create store %s: %w", s.path, err)
	}
	return s.syncName()
}

// open opens the file, which exists, and brings its layout up to date. Nobody else uses s.db meanwhile.
func (s *File) open(care diligence) error {
	var damaged []string
	if err := s.sameFile(); err != nil {
		return err
	}
	if care == thorough {
		var err error
		if damaged, err = s.look(); err != nil {
			return err
		}
	}
	var file *os.File
	options := s.options
	if size, err := fileSize(s.path); err == nil && s.grows {
		options.InitialMmapSize = max(options.InitialMmapSize, int(2*size))
	}
	options.OpenFile = func(path string, flag int, mode fs.FileMode) (opened *os.File, err error) {
		opened, err = os.OpenFile(path, flag&^os.O_CREATE, mode)
		file = opened
		return opened, err
	}
	var db *bbolt.DB
	err := guarded(func() (err error) {
		db, err = bbolt.Open(s.path, 0o600, &options)
		return err
	})
	if err != nil {
		if errors.Is(err, ErrDamaged) && file != nil {
			_ = release(file) // bbolt has not come to it
		}
		return s.refusal(err)
	}
	if err := s.adopt(db, file, damaged); err != nil {
		return errors.Join(fmt.Errorf("store %s: %w", s.path, err), s.letGo())
	}
	if s.dirty {
		if err := s.syncName(); err != nil {
			return errors.Join(err, s.letGo())
		}
	}
	// No compaction runs while the file is locked: what is left of one came to nothing.
	if err := os.Remove(s.path + compactSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("store %s: %w", s.path, err), s.letGo())
	}
	return nil
}

// adopt makes an open file the store's, and brings its layout up to date.
func (s *File) adopt(db *bbolt.DB, file *os.File, damaged []string) error {
	s.db, s.file = db, file
	if s.growBy > 0 {
		db.AllocSize = s.growBy
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	s.info = info
	return guarded(func() error {
		migrated, err := s.layout.prepare(db, s.migrate, damaged)
		if migrated && err == nil {
			s.damages.log.Info("the store was brought up to date; an older version of this program cannot open it any more",
				slog.String("file", s.path), slog.Int("schema", schema))
		}
		if err != nil {
			return err
		}
		return db.View(func(tx *bbolt.Tx) error {
			s.used.Store(tx.Size())
			return nil
		})
	})
}

// refusal words why a file is not opened.
func (s *File) refusal(err error) error {
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("another process holds %s: stop it, or configure another store", s.path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrChecksum):
		return fmt.Errorf("%s is not a store, or is damaged: %w: %s", s.path, err, adviceDamaged)
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("%s: %w: %s", s.path, err, adviceDamaged)
	}
	return fmt.Errorf("open store %s: %w", s.path, err)
}

// letGo closes the file. No transaction is open, but for one that a panic has left.
func (s *File) letGo() error {
	s.unpin(errBackupReopened) // bbolt waits for every transaction before it closes the file
	db, file := s.db, s.file
	s.db, s.file = nil, nil
	if db == nil {
		return nil
	}
	if s.stuck {
		// A panic has left bbolt with its locks taken: Close would wait for ever. What stays is the mapped address space.
		s.stuck = false
		return release(file)
	}
	return guarded(db.Close)
}

// syncDir makes the names in a directory durable. It blocks until they are.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there, and need not be
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// syncName makes the file's directory entry durable.
func (s *File) syncName() error {
	if err := syncDir(filepath.Dir(s.path)); err != nil {
		return fmt.Errorf("store %s: %w", s.path, err)
	}
	s.dirty = false
	return nil
}
