package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store"
)

var (
	_ store.Shared    = (*Store)(nil)
	_ job.SharedStore = (*Store)(nil)
)

// Follow implements store.Shared.
func (s *Store) Follow(ctx context.Context, heard func(ctx context.Context, changes []store.Change) error) {
	s.signals.Follow(ctx, heard)
}

// CatchUp implements store.Shared.
func (s *Store) CatchUp(ctx context.Context) error { return s.signals.CatchUp(ctx) }

// Tell implements store.Shared.
func (s *Store) Tell(ctx context.Context, change store.Change) error {
	return s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error { return s.signals.Tell(ctx, tx, change.Kind, change.Key) })
}

// Standing implements store.Shared.
func (s *Store) Standing() store.Standing { return s.signals.Standing() }

// StaleAfter implements store.Shared.
func (s *Store) StaleAfter() time.Duration { return s.options.Stale }

// Hear implements job.SharedStore.
func (s *Store) Hear(ctx context.Context, ended func(ids []job.ID), freed func()) {
	s.signals.Hear(ctx, ended, freed)
}
