package signal

import (
	"context"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// Signals are NOTIFYs on a channel that is named as the schema. They spare time and decide nothing: a server that gets one asks the
// store, which is asked twice a second in any case. So one that is lost, or that somebody else has sent, does no harm.
//
// What is rare is signalled by the transaction that changes it. What is frequent, the ends of jobs, is gathered and signalled
// beside it: PostgreSQL lets only one transaction at a time commit that has signalled something.
const (
	signalChanges = "changes" // there is something new in changes
	signalFreed   = "freed"   // jobs were given back, and can be claimed
	signalEnded   = "ended"   // these jobs have ended; none: any may have
)

const (
	// announceEvery is how often a server signals what it has gathered, at most.
	announceEvery = 100 * time.Millisecond

	// maxAnnounced is how many jobs one signal names: a payload has less than 8,000 bytes.
	maxAnnounced = 200

	announceTimeout = 2 * time.Second
)

// notify is the call that signals something, with two parameters. Nothing needs the signal on a disk.
const notify = `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`

// announcer gathers what other servers are to be signalled soon.
type announcer struct {
	mu      sync.Mutex
	ended   []job.ID
	freed   bool
	sending bool
	closed  bool
	sends   sync.WaitGroup
}

// mostSignalling is how many servers signal each other what is frequent. Each server's signals wake all others, so that their price
// is the square of their number: of a hundred servers they would take more of the database than its questions and a third of its jobs.
const mostSignalling = 32

// Announce signals soon that jobs have ended, or were given back. It does not block. A server that is alone signals nothing, and nor
// does one of very many: they ask twice a second.
func (s *Signals) Announce(freed bool, ended ...job.ID) {
	if nodes := s.Standing().Nodes; nodes < 2 || nodes > mostSignalling {
		return
	}
	a := &s.announced
	a.mu.Lock()
	defer a.mu.Unlock()
	a.freed = a.freed || freed
	if len(a.ended) <= maxAnnounced { // one more than is named says that not all are
		a.ended = append(a.ended, ended...)
	}
	if !a.sending && !a.closed {
		a.sending = true
		a.sends.Go(s.sendAnnounced)
	}
}

// sendAnnounced signals until there is nothing more to signal.
func (s *Signals) sendAnnounced() {
	for {
		payloads := s.announced.take()
		if payloads == nil {
			return
		}
		for _, payload := range payloads {
			ctx, cancel := context.WithTimeout(s.background, announceTimeout)
			_, err := s.db.Pool.Exec(ctx, notify, s.db.Schema, payload)
			cancel()
			if err != nil {
				s.settings.Logger.Debug("a signal was not sent: other servers find out by asking", slog.Any("error", err))
			}
		}
		select {
		case <-time.After(announceEvery):
		case <-s.background.Done():
		}
	}
}

func (a *announcer) take() (payloads []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.freed {
		payloads = append(payloads, signalFreed)
	}
	switch n := len(a.ended); {
	case n > maxAnnounced:
		payloads = append(payloads, signalEnded)
	case n > 0:
		payloads = append(payloads, signalEnded+" "+idsToText(a.ended))
	}
	a.ended, a.freed, a.sending = nil, false, payloads != nil && !a.closed
	if !a.sending {
		return nil
	}
	return payloads
}

// close waits for what is being sent, and sends nothing more.
func (a *announcer) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.sends.Wait()
}

func idsToText(ids []job.ID) string {
	var text strings.Builder
	for _, id := range ids {
		text.WriteString(hex.EncodeToString(id[:]))
	}
	return text.String()
}

// idsOf reads what idsToText has written. What it cannot read may be any job.
func idsOf(text string) (ids []job.ID) {
	var id job.ID
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw)%len(id) != 0 {
		return nil
	}
	for ; len(raw) > 0; raw = raw[len(id):] {
		ids = append(ids, job.ID(raw[:len(id)]))
	}
	return ids
}

// inbox holds what was signalled until somebody has time for it.
type inbox struct {
	changes chan struct{} // holds a token when there may be changes
	jobs    chan struct{} // holds a token when the rest says something

	mu    sync.Mutex
	freed bool
	any   bool // any job may have ended
	ended []job.ID
}

func newInbox() *inbox { return &inbox{changes: make(chan struct{}, 1), jobs: make(chan struct{}, 1)} }

// put takes in a signal. One that is not known is a newer version's.
func (i *inbox) put(payload string) {
	kind, rest, _ := strings.Cut(payload, " ")
	if kind == signalChanges {
		wake(i.changes)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch kind {
	case signalFreed:
		i.freed = true
	case signalEnded:
		ids := idsOf(rest)
		i.any = i.any || ids == nil || len(i.ended) > maxEndedKept
		if i.ended = append(i.ended, ids...); i.any {
			i.ended = nil
		}
	default:
		return
	}
	wake(i.jobs)
}

// maxEndedKept bounds what waits in an inbox.
const maxEndedKept = 10_000

// putAll takes in that anything may have happened.
func (i *inbox) putAll() {
	i.put(signalChanges)
	i.put(signalFreed)
	i.put(signalEnded)
}

// wake leaves a token where there is none.
func wake(tokens chan struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}

// Hear implements job.SharedStore.
func (s *Signals) Hear(ctx context.Context, ended func(ids []job.ID), freed func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.inbox.jobs:
		}
		i := s.inbox
		i.mu.Lock()
		ids, anyEnded, anyFreed := i.ended, i.any, i.freed
		i.ended, i.any, i.freed = nil, false, false
		i.mu.Unlock()
		if anyFreed {
			freed()
		}
		switch {
		case anyEnded:
			ended(nil)
		case ids != nil:
			ended(ids)
		}
	}
}
