package pgstore

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// LookAfterPartitions does so at once.
func (s *Store) LookAfterPartitions(ctx context.Context, now time.Time) error {
	return s.partitions.LookAfter(ctx, s.clock(now))
}

// CallersClock returns options with which the instants that callers hand in are the store's time, and all stores count as
// one server: the conformance suite says itself what runs elsewhere.
func CallersClock(options Options) Options {
	options.callersClock, options.node = true, "test"
	return options
}

// SignalsOnly returns options with which nobody asks for what others have changed, so that signals alone tell of it.
func SignalsOnly(options Options) Options {
	options.followEvery = time.Hour
	return options
}

// Patient returns options with which a look at what others have changed is waited for however busy the machine is.
func Patient(options Options) Options {
	options.catchUpWithin = time.Hour
	return options
}

// Announce signals that jobs have ended.
func (s *Store) Announce(ended ...job.ID) { s.signals.Announce(false, ended...) }

// Empty removes all that is kept.
func (s *Store) Empty(ctx context.Context) error {
	return s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		for _, table := range []string{
			"secrets", "api_keys", "token_keys", "token_families", "signing_keys", "jobs", "queue", "tallies", "idempotency_keys",
			"usage", "usage_sources", "chunks", "discards", "deliveries", "changes", "nodes", "documents", "document_revisions",
			"links",
		} {
			if _, err := tx.Exec(ctx, s.db.SQL("DELETE FROM data_api."+table)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Hold locks a job that waits, as a claim does, until released is closed: a server that hangs in the middle of a transaction.
func (s *Store) Hold(ctx context.Context, held chan<- struct{}, released <-chan struct{}) error {
	tell := sync.OnceFunc(func() { close(held) })
	return s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, s.db.SQL(`SELECT id FROM data_api.queue WHERE state = 0 LIMIT 1 FOR UPDATE`)); err != nil {
			return err
		}
		tell()
		<-released
		return nil
	})
}
