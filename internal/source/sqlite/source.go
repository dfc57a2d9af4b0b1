package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says which database to serve.
type Config struct {
	// Path is the database file; a relative one is taken from the working directory of the moment of New. The file need
	// not exist yet. It may be a symbolic link, and may be replaced by renaming another file over it.
	Path string

	// MaxConns is how many statements may run at once. 0 is the number of CPUs that Go uses, and at least 8, so that
	// asynchronous jobs, 4 at once by default, leave some to callers who wait. Every connection takes about 1 MiB, and up
	// to 64 MiB for statements that need it.
	MaxConns int

	// Logger hears of a replaced file and of failures inside the driver; nil drops them.
	Logger *slog.Logger
}

const maxMaxConns = 10_000

// Validate reports settings that cannot be used.
func (c *Config) Validate() error {
	switch {
	case c.Path == "":
		return errors.New("path is missing: name the database's file")
	case strings.ContainsRune(c.Path, 0):
		return errors.New("the path of the database file holds the character NUL")
	case c.Path == ":memory:" || strings.HasPrefix(c.Path, "file:"):
		return fmt.Errorf("%q is not the path of a file; write a plain path such as data/demo.db", c.Path)
	case c.MaxConns < 0 || c.MaxConns > maxMaxConns:
		return fmt.Errorf("max_conns is %d: it must lie between 1 and %d", c.MaxConns, maxMaxConns)
	}
	return nil
}

// Source implements [source.Source] on one SQLite database file.
type Source struct {
	path   string
	logger *slog.Logger

	slots   chan struct{} // one token for each statement that runs
	closing chan struct{} // closed by Close, for those who wait
	closed  atomic.Bool   // set by Close, for those who run
	wait    time.Duration // how long to wait for a slot

	mu   sync.Mutex
	idle []*conn // the last used comes first, so that its memory is warm
}

// admissionWait is how long a run waits for a connection before it is refused as overload.
const admissionWait = 2 * time.Second

// New returns a source on the file. It does no I/O: the file is opened when it is first used, and a file that cannot be
// opened is dataapi.CodeSourceUnavailable then.
func New(config Config) (*Source, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	path, err := filepath.Abs(config.Path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	connections := config.MaxConns
	if connections == 0 {
		connections = max(8, runtime.GOMAXPROCS(0))
	}
	logger := config.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Source{
		path: path, logger: logger, wait: admissionWait,
		slots: make(chan struct{}, connections), closing: make(chan struct{}),
	}, nil
}

// Capacity implements [source.Bounded].
func (s *Source) Capacity() int { return cap(s.slots) }

// Close implements [source.Source]. Statements that run are interrupted, and fail with dataapi.CodeSourceUnavailable;
// Close blocks until each of them has returned, which one whose sink blocks does only when its sink returns.
func (s *Source) Close() error {
	s.closed.Store(true)
	close(s.closing)
	for range cap(s.slots) {
		s.slots <- struct{}{}
	}
	return closeAll(s.takeIdle())
}
