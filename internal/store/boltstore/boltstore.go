// Package boltstore is the embedded store: one bbolt file that one process holds.
//
// Everything that writes goes through [Store.update], everything that reads through [Store.view]; both are for this
// package's own files, each of which keeps one kind of record and declares its buckets beside it with [bucket].
// Nothing may stream inside a transaction: a reader that stays in view stops a writer that has to grow the file.
package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

var (
	metaBucket   = bucket("meta")
	secretBucket = bucket("secrets")
	schemaKey    = []byte("schema")
)

// buckets lists every top-level bucket: Open makes those that are missing.
var buckets [][]byte

// bucket declares a top-level bucket, so that it exists in every open store. It is meant for package variables.
func bucket(name string) []byte {
	buckets = append(buckets, []byte(name))
	return []byte(name)
}

// Errors of the store as a whole, to be tested with errors.Is.
var (
	// ErrClosed says that the store has been closed; nothing was written.
	ErrClosed = errors.New("the store is closed")

	// ErrNotCommitted says that the disk refused a commit, for want of space for instance, and that reading back has
	// shown that nothing was written. Trying again later is safe.
	ErrNotCommitted = errors.New("the store could not write, and nothing was written")

	// ErrUnknown says that a commit failed and that the file could not be read back: what was written may be there or
	// not. The caller must not report success, must not report that it did not happen, and must be able to repeat the
	// write once the store works again.
	ErrUnknown = errors.New("the store failed while writing: whether it was written is unknown")

	// ErrUnavailable says that the file could not be opened again after a failed commit; nothing was done.
	// The store tries again by itself, at most once a second, when it is used.
	ErrUnavailable = errors.New("the store is unavailable")
)

// Options tune a store. The zero value holds the defaults.
type Options struct {
	// LockTimeout is how long Open waits for another process to let go of the file. Default 1 s.
	LockTimeout time.Duration

	// MmapSize is the address space, in bytes, that is reserved for the file at once, so that writers need not wait for
	// readers while the file grows up to it. It costs no memory and no disk. Default 1 GiB; none on Windows, where the
	// file itself would take that size, and on 32-bit systems.
	MmapSize int

	// MaxSize is the size in bytes that the file may grow to; writes beyond fail with ErrNotCommitted. Default 0: no limit.
	MaxSize int
}

// Store is an open file. It is safe for concurrent use.
type Store struct {
	path    string
	options bbolt.Options

	// mu is held for reading while db is used, and for writing while a failed file is opened again.
	mu        sync.RWMutex
	db        *bbolt.DB // nil while the file cannot be opened
	broken    error     // why db is nil
	nextProbe time.Time // when opening may be tried again
	closed    bool
	dirty     bool // the file's directory entry may not be on disk

	writes     queue
	committing turn                  // taken while a group is committed, and while the file is compacted
	commit     func(*bbolt.Tx) error // (*bbolt.Tx).Commit, but for tests of failing disks
}

// Open opens the store at path, and makes it, with its directories, when there is none: the file with mode 0600,
// directories with 0700. It blocks up to Options.LockTimeout while another process holds the file, and then fails with
// an error that says so. A file that a newer version of this program has written is refused.
//
// The caller owns the store and must Close it. Nothing is written to an existing file of the current layout.
func Open(path string, options Options) (*Store, error) {
	if path == "" {
		return nil, errors.New("the store needs the path of a file")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(absolute), 0o700); err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	if options.LockTimeout <= 0 {
		options.LockTimeout = time.Second
	}
	if options.MmapSize <= 0 && math.MaxInt > math.MaxInt32 && runtime.GOOS != "windows" {
		options.MmapSize = 1 << 30
	}
	s := &Store{
		path: absolute,
		options: bbolt.Options{
			Timeout:         options.LockTimeout,
			InitialMmapSize: options.MmapSize,
			MaxSize:         options.MaxSize,
			FreelistType:    bbolt.FreelistMapType,
			NoStatistics:    true,
		},
		committing: make(turn, 1),
		commit:     (*bbolt.Tx).Commit,
	}
	if s.db, err = s.open(); err != nil {
		return nil, err
	}
	s.writes.start(s.commitGroup)
	return s, nil
}

// open opens the file and brings its layout up to date.
func (s *Store) open() (*bbolt.DB, error) {
	_, statErr := os.Stat(s.path)
	db, err := bbolt.Open(s.path, 0o600, &s.options)
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("another process holds %s", s.path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrChecksum):
		return nil, fmt.Errorf("%s is not a store, or is damaged: %w", s.path, err)
	case err != nil:
		return nil, fmt.Errorf("open store %s: %w", s.path, err)
	}
	if err := prepare(db); err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", s.path, err), db.Close())
	}
	if errors.Is(statErr, os.ErrNotExist) || s.dirty {
		// A new file outlives a crash only once its directory entry is on disk too.
		if err := s.syncName(); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	// Whoever holds the file knows that no compaction runs: what is left of one came to nothing.
	if err := os.Remove(s.path + compactSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("store %s: %w", s.path, err), db.Close())
	}
	return db, nil
}

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

// Path is the absolute path of the file.
func (s *Store) Path() string { return s.path }

// Close finishes the writes that wait, and closes the file. It blocks until the reads and writes that run are done.
// What is called afterwards fails with ErrClosed. Calling Close again does nothing.
func (s *Store) Close() error {
	s.writes.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return err
}

// view runs read in a read transaction on the last committed state. Keys and values are valid only until read returns:
// copy what is kept. read must be short, must not write, and must not call view or update.
func (s *Store) view(read func(tx *bbolt.Tx) error) error {
	for {
		s.mu.RLock()
		if s.db != nil {
			defer s.mu.RUnlock()
			return s.db.View(read)
		}
		s.mu.RUnlock()
		if err := s.revive(); err != nil {
			return err
		}
	}
}

// Secret returns the secret of this name, which generate makes when there is none yet. Whoever calls first decides:
// all callers, in all runs of the program, get the same bytes, and they are on disk before Secret returns.
// An error of generate is returned unchanged and nothing is kept; an empty secret is an error. generate may be called
// more than once. The bytes are the caller's own.
func (s *Store) Secret(name string, generate func() ([]byte, error)) ([]byte, error) {
	secret, err := s.readSecret(name)
	if secret != nil || err != nil {
		return secret, err
	}
	err = s.update(context.Background(), func(tx *bbolt.Tx) error {
		kept := tx.Bucket(secretBucket).Get([]byte(name))
		if kept != nil {
			secret = bytes.Clone(kept)
			return nil
		}
		made, err := generate()
		if err != nil {
			return refuse(err)
		}
		if len(made) == 0 {
			return refuse(fmt.Errorf("the secret %q must not be empty", name))
		}
		secret = bytes.Clone(made)
		return tx.Bucket(secretBucket).Put([]byte(name), secret)
	})
	if err != nil {
		return nil, err
	}
	return secret, nil
}

func (s *Store) readSecret(name string) (secret []byte, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		secret = bytes.Clone(tx.Bucket(secretBucket).Get([]byte(name)))
		return nil
	})
	return secret, err
}
