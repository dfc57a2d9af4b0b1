package boltfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// commitPatience is how long a write may take while a copy of the store is being read. One that takes longer may wait for the
// copy itself: bbolt cannot enlarge its mapping of the file while a transaction reads.
const commitPatience = 2 * time.Second

var (
	errBackupRuns     = errors.New("another backup of this store runs: wait until it is done")
	errBackupHindered = fmt.Errorf("a write waited for %s while the store was copied, so the copy was given up and the server goes on: "+
		"try again. Should it happen again, give the copy a lower rate when the disk is slow, and a higher one when the store grows fast", commitPatience)
	errBackupReopened = errors.New("the store's file was opened again while it was copied, so the copy was given up: try again")
)

// Backup returns the content of a store file that holds what this one holds now, and its size in bytes. The caller reads it
// and must close it. Reads and writes go on meanwhile, but the space of what they remove is not used again before the copy
// is closed, so that the file grows by what is written.
//
// The copy never holds up the store: when a write has to wait for it, or the file has to be opened again, reading it fails,
// and the error says to try again. So does reading after ctx has ended. Only one copy is made at a time; a second call fails.
func (s *File) Backup(ctx context.Context) (content io.ReadCloser, size int64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if err := s.committing.lock(ctx); err != nil { // so that the pages that say what is valid are those of the transaction
		return nil, 0, err
	}
	defer s.committing.unlock()
	if _, err := s.writable(); err != nil { // opens a file that could not be opened again
		return nil, 0, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return nil, 0, ErrUnavailable
	}
	if err := s.intact(); err != nil {
		return nil, 0, err
	}
	made := &snapshot{ctx: ctx, file: s.file}
	if !s.copying.CompareAndSwap(nil, &made.pin) {
		return nil, 0, errBackupRuns
	}
	made.pin.slot = &s.copying
	err = guarded(func() (err error) {
		if made.pin.tx, err = s.db.Begin(false); err != nil {
			return err
		}
		made.size = made.pin.tx.Size()
		made.head = make([]byte, 2*s.db.Info().PageSize)
		_, err = s.file.ReadAt(made.head, 0)
		return err
	})
	if err != nil {
		made.pin.release(err)
		return nil, 0, fmt.Errorf("copy store %s: %w", s.path, err)
	}
	return made, made.size, nil
}

// snapshot reads a file as it was when a transaction began. It reads the file itself: the mapping would end the process where
// the file cannot be read, and could not be read on while the transaction is ended by somebody else.
type snapshot struct {
	ctx  context.Context //nolint:containedctx // of the one who reads
	pin  pin
	file *os.File
	head []byte // the two pages that each commit writes over in turns
	size int64
	at   int64
}

// Read implements io.Reader.
func (s *snapshot) Read(p []byte) (n int, err error) {
	switch {
	case s.ctx.Err() != nil:
		return 0, context.Cause(s.ctx)
	case s.at == s.size:
		return 0, io.EOF
	case s.at < int64(len(s.head)):
		n = copy(p, s.head[s.at:])
	default:
		n, err = s.file.ReadAt(p[:min(int64(len(p)), s.size-s.at)], s.at)
	}
	if lost := s.pin.held(); lost != nil {
		return 0, lost // what was read may have been written over
	}
	s.at += int64(n)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %s was cut short", ErrDamaged, s.file.Name())
	}
	return n, err
}

// Close implements io.Closer.
func (s *snapshot) Close() error {
	s.pin.release(os.ErrClosed)
	return nil
}

// pin keeps the pages of a transaction from being written over, until it is released.
type pin struct {
	slot *atomic.Pointer[pin] // where the store has it

	mu   sync.Mutex
	tx   *bbolt.Tx
	lost error // why it was released
}

// release lets the pages be used again. Calling it again does nothing.
func (p *pin) release(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost != nil {
		return
	}
	p.lost = why
	if p.tx != nil {
		_ = guarded(p.tx.Rollback) // it only fails when it has ended
	}
	if p.slot != nil {
		p.slot.CompareAndSwap(p, nil)
	}
}

// held returns nil while the pages are as they were.
func (p *pin) held() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// unpin ends a copy that is being made. A transaction of a bbolt that a panic has left locked is left as it is.
func (s *File) unpin(why error) {
	p := s.copying.Load()
	switch {
	case p == nil:
	case s.stuck:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.lost = why
		s.copying.CompareAndSwap(p, nil)
	default:
		p.release(why)
	}
}

// watchCommit ends a copy that a commit may have to wait for. The function that it returns is called when the commit is done.
func (s *File) watchCommit() (done func()) {
	p := s.copying.Load()
	if p == nil {
		return func() {}
	}
	timer := time.AfterFunc(commitPatience, func() { p.release(errBackupHindered) })
	return func() { timer.Stop() }
}

// OpenCopy is [File.Backup] of a file that no server holds. It keeps others from writing to it until the content is closed,
// and changes nothing. While a server holds the file, it fails after a second. It does not look whether the file is sound.
func OpenCopy(path string) (content io.ReadCloser, size int64, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, 0, err
	}
	s := &File{path: path, options: bbolt.Options{Timeout: time.Second, ReadOnly: true}}
	if err := whole(path); err != nil {
		return nil, 0, err
	}
	var db *bbolt.DB
	err = guarded(func() (err error) {
		db, err = bbolt.Open(path, 0, &s.options)
		return err
	})
	if err != nil {
		return nil, 0, s.refusal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, errors.Join(err, guarded(db.Close))
	}
	err = guarded(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			size = tx.Size()
			return nil
		})
	})
	if err != nil {
		return nil, 0, errors.Join(s.refusal(err), file.Close(), guarded(db.Close))
	}
	return &heldFile{io.NewSectionReader(file, 0, size), file, db}, size, nil
}

// heldFile is a file that is read under a lock.
type heldFile struct {
	io.Reader
	file *os.File
	db   *bbolt.DB
}

// Close implements io.Closer.
func (h *heldFile) Close() error { return errors.Join(h.file.Close(), guarded(h.db.Close)) }

// errHeld says that a file is in use.
func errHeld(path string) error {
	return fmt.Errorf("a server holds %s: stop it first, and start it again afterwards", path)
}
