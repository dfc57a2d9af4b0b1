package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

const (
	// maintenanceEvery is how often what has expired is forgotten, and how often the use of keys is stored.
	maintenanceEvery = time.Minute

	// maintenanceTimeout bounds how long the last use of keys may take to be stored when a configuration ends.
	maintenanceTimeout = 2 * time.Second

	// recheckRetry is when a store is asked again that could not say which jobs there are.
	recheckRetry = time.Second

	// usageSweep is how many records of usage are removed at once, so that others need not wait long for the store.
	usageSweep = 1000

	// documentSweep is that of documents, which may be large.
	documentSweep = 50
)

// startMaintenance does, as long as a configuration is attached, what no request does: it ends the work of those who have lost
// their key, their user or their company, and keeps the records of keys and token families short and fresh.
func (s *Services) startMaintenance() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	loops.Go(func() { s.recheckLoop(ctx) })
	loops.Go(func() { s.maintenanceLoop(ctx) })
	loops.Go(func() { s.server.watchSources(ctx) })
	loops.Go(func() { s.watchSecrets(ctx) })
	return func() {
		cancel()
		loops.Wait()
	}
}

// recheckLoop looks at all running work whenever a key or the catalog has changed, and when a key expires.
func (s *Services) recheckLoop(ctx context.Context) {
	for ctx.Err() == nil {
		changed := s.Keys.Changed() // before looking, so that a change during it is not missed
		wait := time.Duration(1<<63 - 1)
		if next := s.Keys.NextExpiry(time.Now()); !next.IsZero() {
			wait = time.Until(next)
		}
		if err := s.engine.EndRefused(ctx, s.runtime.CheckCaller); err != nil && ctx.Err() == nil {
			s.server.settings.Log.Error("jobs of those who have lost their access could not all be ended", slog.Any("error", err))
			wait = min(wait, recheckRetry)
		}
		s.Dispatcher.Recheck(ctx)
		timer := time.NewTimer(max(wait, time.Millisecond))
		select {
		case <-ctx.Done():
		case <-changed:
		case <-s.catalogChanged:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// tellCatalogChange wakes recheckLoop. It never blocks.
func (s *Services) tellCatalogChange() {
	select {
	case s.catalogChanged <- struct{}{}:
	default:
	}
}

func (s *Services) maintenanceLoop(ctx context.Context) {
	ticker := time.NewTicker(maintenanceEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), maintenanceTimeout)
			defer cancel()
			if err := s.Keys.SaveUse(saving); err != nil {
				s.server.settings.Log.Warn("when API keys were last used is kept later", slog.Any("error", err))
			}
			_ = s.Usage.Flush(saving) // it logs why it cannot, and goes on under the next configuration
			return
		case <-ticker.C:
		}
		err := errors.Join(s.Keys.SaveUse(ctx), s.families.Prune(ctx), s.links.Prune(ctx), s.sweepUsage(ctx), s.sweepDocuments(ctx))
		if err != nil && ctx.Err() == nil {
			s.server.settings.Log.Error("the maintenance of keys, token families, links, usage and documents is tried again", slog.Any("error", err))
		}
	}
}

// sweepUsage forgets usage that is older than it is kept.
func (s *Services) sweepUsage(ctx context.Context) error {
	before := time.Now().Add(-cmp.Or(s.server.settings.UsageRetention, usage.DefaultRetention))
	for {
		more, err := s.Store.SweepUsage(ctx, before, usageSweep)
		if err != nil || !more {
			return err
		}
	}
}

// sweepDocuments forgets documents that were deleted longer ago than they can be brought back.
func (s *Services) sweepDocuments(ctx context.Context) error {
	before := time.Now().Add(-documents.KeepDeleted)
	for {
		more, err := s.Documents.SweepDocuments(ctx, before, documentSweep)
		if err != nil || !more {
			return err
		}
	}
}
