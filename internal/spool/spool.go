package spool

import (
	"bufio"
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"sync"
	"time"
)

// ErrNoRoom says that what was to be kept is larger than the room that there is, or that no file could be written. Nothing is kept
// of it. The reason is in the error's text.
var ErrNoRoom = errors.New("it cannot be spooled")

// idle is how long a file is kept that nobody reads.
const idle = 10 * time.Minute

// maxLarge is of how many files it is known that they are too large. Each is a name.
const maxLarge = 1000

// Spool keeps files by key. It is safe for concurrent use.
type Spool struct {
	mu     sync.Mutex
	limit  int64
	used   int64
	files  map[string]*entry
	unread list.List        // of *entry, the one that was read last in front
	large  map[string]int64 // how many bytes a file has at least that was larger than the whole spool
}

// entry is a file, or one that is being made.
type entry struct {
	key  string
	made chan struct{} // closed when file or err is set

	file *os.File
	size int64
	sum  [sha256.Size]byte
	err  error

	readers int           // guarded by the spool's lock, as what follows
	waiting *list.Element // in unread
	timer   *time.Timer   // that ends it
	gone    bool
}

// New returns an empty spool, which takes so many bytes of disk at most.
func New(limit int64) *Spool {
	return &Spool{limit: limit, files: make(map[string]*entry), large: make(map[string]int64)}
}

// Resize changes how many bytes of disk the spool takes. What is read stays until it is not.
func (s *Spool) Resize(limit int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
	s.makeRoom(0)
}

// Close ends the use of the spool: files that are being read go when they are closed.
func (s *Spool) Close() {
	s.Resize(0)
}

// File is what is kept under a key, for one reader. It must be closed.
type File struct {
	*io.SectionReader
	Sum [sha256.Size]byte // SHA-256 of the content

	close func()
}

// Close ends the reading.
func (f *File) Close() error {
	f.close()
	return nil
}

// Get returns what is kept under a key, which names one content for ever. Where nothing is, write makes it; others who ask for it
// meanwhile wait. An error of write is everybody's who waits, but for one that says its caller has gone: then another makes it.
// ErrNoRoom: it cannot be kept. What has turned out to be larger than the whole spool is not made again for that answer, until the
// spool is larger.
func (s *Spool) Get(ctx context.Context, key string, write func(w io.Writer) error) (*File, error) {
	for {
		s.mu.Lock()
		if s.large[key] > s.limit {
			s.mu.Unlock()
			return nil, ErrNoRoom
		}
		kept := s.files[key]
		if kept == nil {
			kept = &entry{key: key, made: make(chan struct{}), readers: 1}
			s.files[key] = kept
			s.mu.Unlock()
			return s.fill(kept, write)
		}
		s.mu.Unlock()
		select {
		case <-kept.made:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		switch file := s.open(kept); {
		case file != nil:
			return file, nil
		case kept.err != nil && !errors.Is(kept.err, context.Canceled):
			return nil, kept.err
		}
	}
}

// open returns a file for one more reader; nil: there is none any more.
func (s *Spool) open(kept *entry) *File {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept.err != nil || kept.gone {
		return nil
	}
	if kept.waiting != nil {
		s.unread.Remove(kept.waiting)
		kept.waiting = nil
		kept.timer.Stop()
	}
	kept.readers++
	return s.reader(kept)
}

func (s *Spool) reader(kept *entry) *File {
	return &File{io.NewSectionReader(kept.file, 0, kept.size), kept.sum, sync.OnceFunc(func() { s.leave(kept) })}
}

// leave is called when a reader is done.
func (s *Spool) leave(kept *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept.readers--; kept.readers > 0 {
		return
	}
	kept.waiting = s.unread.PushFront(kept)
	kept.timer = time.AfterFunc(idle, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if kept.waiting != nil {
			s.remove(kept)
		}
	})
	s.makeRoom(0) // it may have been made smaller meanwhile
}

// makeRoom ends files that nobody reads, those that were read longest ago first, until so many bytes more fit, and reports whether
// they do.
func (s *Spool) makeRoom(more int64) bool {
	for s.used+more > s.limit {
		last := s.unread.Back()
		if last == nil {
			return false
		}
		s.remove(last.Value.(*entry))
	}
	return true
}

// remove ends a file that nobody reads.
func (s *Spool) remove(kept *entry) {
	s.unread.Remove(kept.waiting)
	kept.waiting, kept.gone = nil, true
	kept.timer.Stop()
	delete(s.files, kept.key)
	s.used -= kept.size
	_ = kept.file.Close() // with which it is gone: it has no name
}

// fill makes a file, for its first reader.
func (s *Spool) fill(kept *entry, write func(w io.Writer) error) (*File, error) {
	err := errAbandoned // should write panic: those who wait must not wait for ever
	defer func() {
		if err != nil {
			s.fail(kept, err)
		}
	}()
	if err = s.write(kept, write); err != nil {
		return nil, err
	}
	close(kept.made)
	return s.reader(kept), nil
}

var errAbandoned = errors.New("it was not made to its end")

// fail ends a file that was not made.
func (s *Spool) fail(kept *entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept.err = err
	delete(s.files, kept.key)
	s.used -= kept.size
	if kept.file != nil {
		_ = kept.file.Close()
	}
	close(kept.made)
}

func (s *Spool) write(kept *entry, write func(w io.Writer) error) (err error) {
	if kept.file, err = unnamed(); err != nil {
		return errors.Join(ErrNoRoom, err)
	}
	to := &writer{spool: s, kept: kept, digest: sha256.New()}
	buffered := bufio.NewWriterSize(to, 64<<10)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	to.digest.Sum(kept.sum[:0])
	return nil
}

// noteLarge remembers a file that has so many bytes at least, where no room could ever be made for it. It forgets another one, whichever,
// when there are many.
func (s *Spool) noteLarge(key string, size int64) {
	if size <= s.limit {
		return // others are being read, and will not be for ever
	}
	if len(s.large) >= maxLarge {
		for other := range s.large {
			delete(s.large, other)
			break
		}
	}
	s.large[key] = size
}

// unnamed makes a file that goes with the process, whatever becomes of that.
func unnamed() (*os.File, error) {
	file, err := os.CreateTemp("", "data-api-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// writer writes a file, and takes the room for it.
type writer struct {
	spool  *Spool
	kept   *entry
	digest hash.Hash
}

func (w *writer) Write(p []byte) (int, error) {
	w.spool.mu.Lock()
	ok := w.spool.makeRoom(int64(len(p)))
	if ok {
		w.spool.used += int64(len(p))
		w.kept.size += int64(len(p))
	} else {
		w.spool.noteLarge(w.kept.key, w.kept.size+int64(len(p)))
	}
	w.spool.mu.Unlock()
	if !ok {
		return 0, ErrNoRoom
	}
	_, _ = w.digest.Write(p) // it never fails
	n, err := w.kept.file.Write(p)
	if err != nil {
		err = errors.Join(ErrNoRoom, err)
	}
	return n, err
}
