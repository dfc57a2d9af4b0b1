package signal

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// Settings say who a server is among those that share a store. All must be set.
type Settings struct {
	Node     string // names the server; no other one has or had this name
	Version  string // of its program, for operators; may be empty
	PollOnly bool   // no signals are heard: others are asked
	Logger   *slog.Logger

	FollowEvery, CatchUpWithin time.Duration
}

// Signals is one server's part in hearing of each other. It is safe for concurrent use.
type Signals struct {
	settings Settings
	db       *pgdb.DB

	opened     uint64          // the oldest transaction that was under way when the store was opened
	background context.Context //nolint:containedctx // an event: the store is closed
	end        context.CancelFunc
	heard      atomic.Pointer[time.Time] // all that others had changed by then is known
	others     atomic.Int64              // how many other servers are alive
	following  atomic.Bool               // somebody follows what others change
	looked     atomic.Pointer[look]      // the last look at what others have changed
	inbox      *inbox
	announced  announcer
	ear        atomic.Pointer[ear] // nil: no signals are heard
	hearing    atomic.Bool         // the last heartbeat was heard by the ear
	beatNow    chan struct{}       // holds a token when a heartbeat is not to wait
}

// New returns the part of a server that neither signals nor hears anything yet.
func New(db *pgdb.DB, settings Settings) *Signals {
	s := &Signals{settings: settings, db: db, inbox: newInbox(), beatNow: make(chan struct{}, 1)}
	s.background, s.end = context.WithCancel(context.Background())
	s.heard.Store(new(time.Now()))
	s.looked.Store(&look{next: make(chan struct{})})
	return s
}

// awayAfter is after how long a silence the database is known to be away, where somebody follows what others change.
const awayAfter = 3 * time.Second

// Away reports whether the database is known to be away.
func (s *Signals) Away() bool { return s.following.Load() && time.Since(*s.heard.Load()) > awayAfter }

// Close waits for what is being signalled, and signals nothing more.
func (s *Signals) Close() {
	s.end()
	s.announced.close()
}
