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

// Source implements [source.Source] on one SQLite database file, which it only reads.
//
// # Parameters
//
// A statement names its parameters as @name; SQLite's other styles (?, ?1, :name, $name) are refused when the
// statement is compiled. They are bound, never spliced into the text:
//
//	string           TEXT
//	integer          INTEGER
//	decimal          REAL, so that @d / 2 never divides integers; a whole number beyond 2^53 that fits 64 bits is
//	                 INTEGER, since REAL would lose digits. SQLite has no decimal type: other decimals of more than
//	                 15 significant digits may differ from what was sent in their last digits.
//	boolean          INTEGER 0 or 1
//	date, uuid       TEXT, as YYYY-MM-DD and as lower-case UUID
//	timestamp        TEXT as RFC 3339 in UTC, such as 2026-01-31T10:00:00Z; write datetime(@t) to compare it with
//	                 SQLite's own form, 2026-01-31 10:00:00
//	array            TEXT holding a JSON array, for json_each:
//	                 WHERE regiao IN (SELECT value FROM json_each(@regioes))
//	omitted or null  NULL
//
// # Column types
//
// SQLite types values, not columns. A column's type is, in this order: what the endpoint declares of it; what the
// table's declaration says, where the column is a table's; the storage class of the first row's value, which is
// varchar for NULL and for an empty result. [source.Query]'s Check runs nothing and leaves the Type of the last
// sort of column empty. Declare the columns that are expressions, as SUM(x) AS total is: the first row of a window
// function such as LAG is NULL, which makes the column varchar.
//
//	declaration in the table                  type
//	CHAR, VARCHAR(n), TEXT, CLOB, ...         varchar
//	INTEGER, INT, SMALLINT, BIGINT, ...       bigint: SQLite's integers have 64 bits whatever they are called
//	DECIMAL(p,s), NUMERIC(p,s), NUMBER(p,s)   decimal, with scale s
//	REAL, FLOAT, DOUBLE, DOUBLE PRECISION     double
//	BOOLEAN, BOOL                             boolean
//	DATE, TIME                                date, time
//	DATETIME, TIMESTAMP                       timestamp
//	TIMESTAMPTZ, TIMESTAMP WITH TIME ZONE     timestamptz
//	UUID, JSON, JSONB                         uuid, json
//	BLOB, BINARY, VARBINARY, BYTEA            varbinary
//	anything else                             as if it were not declared
//
// # Values
//
// A value that does not fit its column's type ends the run, since leaving it out or changing it would be worse:
//
//	varchar             TEXT; INTEGER and REAL as SQLite writes them
//	bigint, integer, smallint
//	                    INTEGER, or REAL without a fraction, within the type's range
//	decimal             INTEGER and REAL, rounded to the declared scale if there is one; TEXT that is a plain number, digit for
//	                    digit
//	double, real        REAL, infinities included; INTEGER that a double holds exactly
//	boolean             INTEGER 0 and 1
//	date                TEXT YYYY-MM-DD
//	time                TEXT HH:MM, HH:MM:SS, HH:MM:SS.SSS
//	timestamp           TEXT of a date, or a date and a time parted by T or a space; no zone
//	timestamptz         the same with Z or an offset such as +02:00; without one it is UTC, as SQLite's functions take it
//	uuid                TEXT of 36 characters, or BLOB of 16 bytes
//	json                TEXT of valid JSON, INTEGER, finite REAL
//	array<...>          TEXT of a JSON array, as json_group_array makes it, of items that fit as cells do: 0 and 1, and false and true, of
//	                    booleans; bytes as \x and hexadecimal digits
//	interval            TEXT
//	varbinary           BLOB
//
// TEXT must be UTF-8. Times are kept to the microsecond; further digits are cut off.
//
// # What keeps the database safe
//
// The file is opened with mode=ro, so that it is neither written nor created; a database in WAL mode needs its -wal and
// -shm files beside it, which SQLite makes when they are missing. Every connection has an authorizer that allows
// nothing but reading, no attached databases, limits on the size of statements (256 KiB), values and rows (4 MiB), and
// of patterns of LIKE and GLOB (100 bytes), and at most 64 MiB of memory of its own. A statement that needs more memory
// fails; sorting spills into unnamed temporary files instead. The driver is SQLite translated to Go, whose memory is
// walled off per connection; it is built without load_extension. Full-text search (FTS5) can be read; R-trees cannot,
// since they prepare to write when they are opened.
type Source struct {
	path   string
	logger *slog.Logger

	slots   chan struct{} // one token for each statement that runs
	closing chan struct{} // closed by Close, for those who wait
	closed  atomic.Bool   // set by Close, for those who run
	wait    time.Duration // how long to wait for a slot

	mu   sync.Mutex
	idle []*conn // the last used comes first, so that its memory is warm
	away away    // the file, when it could not be opened
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

// SystemName implements [source.Named].
func (*Source) SystemName() string { return "sqlite" }

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
