package server

import (
	"context"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

// deadLetters counts the callbacks that were given up. To count them all deliveries are read, so that is done in the
// background: when one was given up since, and every few minutes, since they are removed and replayed too.
type deadLetters struct {
	store callback.Store

	mu      sync.Mutex
	known   int // -1: not counted yet
	stale   bool
	counted time.Time
	busy    bool
}

func newDeadLetters(store callback.Store) *deadLetters { return &deadLetters{store: store, known: -1} }

const (
	recountAfter  = time.Minute     // when something was given up
	recountEvery  = 5 * time.Minute // in any case
	recountWithin = 30 * time.Second
	recountPage   = 500
)

func (d *deadLetters) tried(outcome observe.CallbackOutcome) {
	if outcome == observe.CallbackDead {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.stale = true
	}
}

// count returns how many there were when they were last counted, and has them counted again when it is time. It does not block.
func (d *deadLetters) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	age := time.Since(d.counted)
	if !d.busy && (d.known < 0 || age > recountEvery || d.stale && age > recountAfter) {
		d.busy, d.stale = true, false
		go d.recount()
	}
	return d.known
}

func (d *deadLetters) recount() {
	ctx, cancel := context.WithTimeout(context.Background(), recountWithin)
	defer cancel()
	found, last := 0, job.ID{}
	for {
		page, err := d.store.ListDeliveries(ctx, callback.Dead, last, recountPage)
		if err != nil {
			found = -1
			break
		}
		found += len(page)
		if len(page) < recountPage {
			break
		}
		last = page[len(page)-1].JobID
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy, d.counted = false, time.Now()
	if found >= 0 {
		d.known = found
	}
}
