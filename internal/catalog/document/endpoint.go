package document

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/source"
)

// Mode says how callers get a result.
type Mode string

// The modes.
const (
	Sync  Mode = "sync"  // in the answer
	Async Mode = "async" // from a job
)

// OnTimeout says what becomes of a sync execution that takes longer than its limit.
type OnTimeout string

// The ways on.
const (
	Fail     OnTimeout = "fail"     // the query is cancelled; the default
	Continue OnTimeout = "continue" // the query goes on as a job
)

// Limits bound one execution.
type Limits struct {
	// Timeout is the query's; sync: default and most 60 s; async: default 30 min, most 24 h. Where a sync endpoint
	// continues as a job, it is how long the caller waits for the result.
	Timeout time.Duration
	// JobTimeout is the query's when it runs as a job. It is Timeout, except for a sync endpoint that continues: there
	// the default is 30 min, the most 24 h.
	JobTimeout time.Duration
	MaxRows    int // that a caller is given; default 10,000, from 1 to 10,000,000

	// Cache is for how long a result of a sync endpoint may be given again; 0: each call runs the query. At most 24 h.
	Cache time.Duration
	// StaleWhileRevalidate is for how long after that a result may be given while a new one is fetched; at most 24 h.
	StaleWhileRevalidate time.Duration
}

// The bounds of [Limits].
const (
	MaxSyncTimeout      = 60 * time.Second
	DefaultAsyncTimeout = 30 * time.Minute
	MaxAsyncTimeout     = 24 * time.Hour
	DefaultMaxRows      = 10_000
	MaxMaxRows          = 10_000_000
	MaxCache            = 24 * time.Hour
)

// Origin says where an endpoint is written.
type Origin string

// The origins.
const (
	OfFile    Origin = "file"    // in the catalog's directory
	OfConsole Origin = "console" // in the store, by users of the company
)

// Endpoint is one endpoint file. It is immutable; a reload keeps the pointer of an endpoint whose file did not change.
type Endpoint struct {
	dataapi.Address
	Title       string
	Description string
	Mode        Mode
	OnTimeout   OnTimeout // Fail for an async endpoint
	Source      string    // the name of the source that it runs on
	Active      bool      // an inactive endpoint is not found by callers
	Contract    *params.Contract
	Statement   source.Statement
	Limits      Limits
	Rate        ratelimit.Limit                // of executions with one key
	Columns     map[string]ColumnNote          // what callers are told of columns beyond their types; those without are not in it
	Chart       *Chart                         // nil: the author asks for none
	Deprecated  time.Time                      // from when callers are asked to leave; zero: they are not
	Sunset      time.Time                      // when the endpoint is expected to go; zero: not known; not before Deprecated
	Shares      map[string]params.ShareContext // by the company that it is shared with
	Revision    string                         // the first 16 hexadecimal digits of the file's SHA-256
	File        string                         // the root as it was given, and the path below it; of the console: see StoredName
	Origin      Origin

	Digest      [32]byte       // SHA-256 of the file
	Places      EndpointPlaces // in the file
	SwitchedOff bool           // it is the last good revision of a file that is at fault and says active: false
}

// WithoutAccess is the endpoint as callers do not find it.
func (e *Endpoint) WithoutAccess() *Endpoint {
	if !e.Active {
		return e
	}
	off := *e
	off.Active, off.SwitchedOff = false, true
	return &off
}

// Within is the endpoint with tighter limits: at most so many rows, and so much time. It is a copy, and never wider.
func (e *Endpoint) Within(rows int, timeout time.Duration) *Endpoint {
	tighter := *e
	tighter.Limits.MaxRows, tighter.Limits.Timeout = min(e.Limits.MaxRows, rows), min(e.Limits.Timeout, timeout)
	tighter.Limits.JobTimeout = tighter.Limits.Timeout
	tighter.Statement.MaxRows = tighter.Limits.MaxRows
	return &tighter
}

// ColumnNote is what an author says of a column to callers. It changes nothing of what they get.
type ColumnNote struct {
	Description string
	NotNull     bool // the author promises that it is never null
}

// EndpointPlaces is where things are in the file, for diagnostics that are found after it was read.
type EndpointPlaces struct {
	Source    Place
	Statement Place
	Columns   Places
	Shares    map[string]SharePlaces
	Share     Place  // of the key share; zero: it is left out
	Params    Places // of every parameter that the file declares
	Askable   bool   // the source can be asked about the statement, whatever else is wrong with the file
}

// Position maps the offset of a byte in Statement.SQL to its line and column in the file, both from 1, the column in
// characters. An offset outside the statement gives the statement's beginning.
func (e *Endpoint) Position(offset int) (line, column int) {
	line, column = e.Places.Statement.Line, e.Places.Statement.Column
	if offset < 0 || offset > len(e.Statement.SQL) {
		return line, column
	}
	before := e.Statement.SQL[:offset]
	if last := strings.LastIndexByte(before, '\n'); last >= 0 {
		line += strings.Count(before, "\n")
		column = 1
		before = before[last+1:]
	}
	return line, column + utf8.RuneCountInString(before)
}
