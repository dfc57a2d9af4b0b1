package postgres

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	firstRegrowth = 250 * time.Millisecond // after which one more connection is tried for
	maxRegrowth   = 10 * time.Second       // between two tries when none is granted
)

// size is how many connections the source works with: max_conns, or the fewer that can be had now. A slot that no
// connection is behind is withheld: it stays taken, so that callers line up for the connections that there are. One
// after another is given back in time, since the database may grant more by then. It is safe for concurrent use.
type size struct {
	slots  chan struct{} // the source's
	logger *slog.Logger
	told   func(capacity int) // of each change; may be nil

	mu       sync.Mutex
	open     int // connections of the pool, those that are being closed included
	withheld int
	leaving  int           // connections that were given up, and are being closed: each keeps its slot until then
	regrowth time.Duration // until the next slot is given back
	timer    *time.Timer   // runs while slots are withheld
	limited  bool          // logged, and not yet over
	closed   bool
}

// capacity is how many statements run at once now.
func (s *size) capacity() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.present()
}

// present is called with the lock held.
func (s *size) present() int { return max(1, cap(s.slots)-s.withheld-s.leaving) }

// leave notes a connection that is given up with its slot. What it returns is called when the connection is closed, and gives
// the slot back.
func (s *size) leave() (left func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving++
	s.tell()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.leaving--
		<-s.slots
		s.tell()
	}
}

// connections is how many the pool has.
func (s *size) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// opened notes a new connection of the pool. Where there is one more, there may be two.
func (s *size) opened() {
	s.mu.Lock()
	s.open++
	s.regrowth = firstRegrowth
	if s.timer != nil {
		s.timer.Reset(s.regrowth)
	}
	over := s.limited && s.open == cap(s.slots)
	if over {
		s.limited = false
	}
	s.mu.Unlock()
	if over {
		s.logger.Info("the database grants as many connections as max_conns again", "max_conns", cap(s.slots))
	}
}

// gone notes that a connection of the pool is closed.
func (s *size) gone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// refuse is told that the database grants no further connection.
func (s *size) refuse(err error) {
	s.mu.Lock()
	first, open := !s.limited, s.open
	s.limited = true
	s.mu.Unlock()
	if first {
		s.logger.Warn("the database grants fewer connections than max_conns: callers wait for those that there are; "+
			"raise its limit, or lower max_conns", "connections", open, "max_conns", cap(s.slots), "error", err)
	}
}

// withhold keeps the caller's slot taken when there are more slots than connections, and reports whether it did. The last
// slot is never withheld: its holder tries for a connection.
func (s *size) withhold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || cap(s.slots)-s.withheld <= max(1, s.open) {
		return false
	}
	s.withheld++
	if s.timer == nil {
		s.regrowth = max(s.regrowth, firstRegrowth)
		s.timer = time.AfterFunc(s.regrowth, s.regrow)
	}
	s.tell()
	return true
}

// regrow gives one slot back, and later the next. Tries that bring no connection come ever more seldom.
func (s *size) regrow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.withheld == 0 {
		s.timer = nil
		return
	}
	s.giveBack()
	s.regrowth = min(2*s.regrowth, maxRegrowth)
	s.timer.Reset(s.regrowth)
	s.tell()
}

// restore gives all slots back: the database was away, and is there again.
func (s *size) restore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.withheld == 0 || s.limited {
		return
	}
	for s.withheld > 0 {
		s.giveBack()
	}
	s.tell()
}

// giveBack takes one token out of the slots. There is one, since that of a slot that is withheld stays in.
func (s *size) giveBack() {
	<-s.slots
	s.withheld--
}

// onChange has every change of the capacity told from now on.
func (s *size) onChange(told func(capacity int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = told
}

func (s *size) tell() {
	if s.told != nil {
		s.told(s.present())
	}
}

func (s *size) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// connectionsExhausted is the SQLSTATE of a role, a database or a server that has as many connections as it may.
const connectionsExhausted = "53300"

// crowded reports whether the server is there and grants no further connection: of the role, the database, the server, or
// PgBouncer, which has no code of its own for it.
func crowded(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (answer.Code == connectionsExhausted ||
		answer.Code == protocolViolation && strings.HasPrefix(answer.Message, "no more connections allowed"))
}
