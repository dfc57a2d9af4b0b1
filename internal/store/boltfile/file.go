package boltfile

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// Errors of the store as a whole, to be tested with errors.Is.
var (
	// ErrClosed says that the store has been closed; nothing was written.
	ErrClosed = errors.New("the store is closed")

	// ErrNotCommitted says that the disk refused a commit, as one that is full does, and that reading back has
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
	// readers while the file grows up to it. It costs no memory and no disk. Default 1 GiB, or twice the size of the file
	// when that is more; none on Windows, where the file itself would take that size, and on 32-bit systems.
	MmapSize int

	// GrowBy is by how many bytes the file grows at a time. Default 16 MiB.
	GrowBy int

	// Logger is told of damage, and when the file is moved away or is open to others. Nil: slog.Default.
	Logger *slog.Logger

	// MaxSize is the size in bytes that the file may grow to; writes beyond fail with ErrNotCommitted. Default 0: no limit.
	MaxSize int

	// Committed is told of each commit: how long it took, and whether it failed. It must not block. Nil: nobody is told.
	Committed func(took time.Duration, err error)
}

// File is an open file of a store. It is safe for concurrent use.
type File struct {
	layout  *Layout
	migrate Migration
	path    string
	options bbolt.Options
	grows   bool // what is mapped grows with the file
	growBy  int  // bytes; 0: as bbolt has it

	// mu is held for reading while db is used, and for writing while a failed file is opened again.
	mu        sync.RWMutex
	db        *bbolt.DB   // nil while the file cannot be opened
	file      *os.File    // what db has open; nil with it
	info      os.FileInfo // which file that is; it stays when the file is closed
	stuck     bool        // a panic has left db's locks taken
	broken    error       // why db is nil
	nextProbe time.Time   // when opening may be tried again
	closed    bool
	dirty     bool // the file's directory entry may not be on disk

	used     atomic.Int64          // bytes of the file that are in use, as far as is known: see intact
	away     atomic.Pointer[error] // why nothing may be written: another file, or none, is at the path
	damages  damageLog
	watching watcher
	copying  atomic.Pointer[pin] // the copy that is being made; nil: none

	writes     queue
	committing mutex                 // taken while a group is committed, and while the file is compacted
	commit     func(*bbolt.Tx) error // (*bbolt.Tx).Commit, but for tests of failing disks
	committed  func(took time.Duration, err error)
	wrote      atomic.Int64 // when a commit succeeded, in nanoseconds since 1970; 0: the last one failed
}

// Open opens the store at path, and makes it, with its directories, when there is none: the file with mode 0600,
// directories with 0700. It blocks up to Options.LockTimeout while another process holds the file, and then fails with
// an error that says so. A file that a newer version of this program has written is refused, and so is one that is empty,
// cut short, or damaged where one record is found from another: the error says what to do. Records that are damaged
// themselves are logged; reading one is an error that is an [ErrDamaged]. What follows from other records, such as
// the order of the queue, is made again when it is damaged. Open reads every page of the file but those of results, which
// takes about a second for a million jobs that are in memory.
//
// A file that others may read or write is closed to them, with a warning: its readers can act as the server.
//
// The caller owns the store and must Close it. Nothing is written to an existing file that is sound and of the current
// layout.
func Open(path string, layout *Layout, migration Migration, options Options) (*File, error) {
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
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.Committed == nil {
		options.Committed = func(time.Duration, error) {}
	}
	grows := options.MmapSize <= 0 && math.MaxInt > math.MaxInt32 && runtime.GOOS != "windows"
	if grows {
		options.MmapSize = 1 << 30
	}
	s := &File{
		layout: layout, migrate: migration,
		path: absolute, grows: grows, growBy: options.GrowBy,
		options: bbolt.Options{
			Timeout:         options.LockTimeout,
			InitialMmapSize: options.MmapSize,
			MaxSize:         options.MaxSize,
			FreelistType:    bbolt.FreelistMapType,
			NoStatistics:    true,
		},
		damages:    damageLog{log: options.Logger},
		committing: make(mutex, 1),
		commit:     (*bbolt.Tx).Commit,
		committed:  options.Committed,
	}
	if err := s.create(); err != nil {
		return nil, err
	}
	if err := s.open(thorough); err != nil {
		return nil, err
	}
	s.writes.start(s.commitGroup)
	s.watching.start(s.watch)
	return s, nil
}

// Close finishes the writes that wait, and closes the file. It blocks until the reads and writes that run are done.
// What is called afterwards fails with ErrClosed. Calling Close again does nothing.
func (s *File) Close() error {
	s.writes.stop()
	s.watching.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.letGo()
}

// View runs read in a read transaction on the last committed state. Keys and values are valid only until read returns:
// copy what is stored. read must be short, must not write, and must not call View or Update.
func (s *File) View(read func(tx *bbolt.Tx) error) error {
	for {
		s.mu.RLock()
		if s.db != nil {
			defer s.mu.RUnlock()
			return s.readIn(read)
		}
		s.mu.RUnlock()
		if err := s.revive(); err != nil {
			return err
		}
	}
}

// readIn is View with s.mu held and the file open.
func (s *File) readIn(read func(tx *bbolt.Tx) error) error {
	if err := s.intact(); err != nil {
		return err
	}
	err := guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			s.used.Store(max(s.used.Load(), tx.Size()))
			return read(tx)
		})
	})
	if errors.Is(err, ErrDamaged) {
		s.ReportDamage(err)
	}
	return err
}

// intactNow is intact for those who do not hold s.mu.
func (s *File) intactNow() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return nil // opening it says more
	}
	return s.intact()
}

// intact reports whether the file is as long as it has to be. A page that is missing cannot be read, and bbolt would not
// let go of its locks.
func (s *File) intact() error {
	var last [1]byte
	if _, err := s.file.ReadAt(last[:], s.used.Load()-1); err != nil {
		err = fmt.Errorf("%w: %w: %s was cut short or cannot be read (%w): stop the server and restore a backup",
			ErrUnavailable, ErrDamaged, s.path, err)
		s.ReportDamage(err)
		return err
	}
	return nil
}
