package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// A storm of clients who leave in the middle of a result opens no more connections than the pool may have.
func TestDisconnectStormKeepsConnectionsBounded(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	const limit = 5
	counter, dsn := pgtest.CountConnections(t, db)
	s := open(t, db, func(c *postgres.Config) { c.DSN, c.MaxConns, c.MaxWait = dsn, limit, patience })
	query := compile(t, s, "SELECT i, repeat('x', 1000) AS t, CASE WHEN i % 1000 = 0 THEN pg_sleep(0.01)::text END AS s FROM generate_series(1, 1000000) AS i")
	gone := errors.New("the client went away")
	var clients sync.WaitGroup
	for client := range 60 {
		clients.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			sink := &count{each: func(row int) error {
				if row == client*20+1 {
					if client%2 == 0 {
						return gone
					}
					cancel()
				}
				return nil
			}}
			if err := query.Run(ctx, source.Call{}, sink); !errors.Is(err, gone) && !errors.Is(err, context.Canceled) {
				t.Errorf("client %d: %v", client, err)
			}
		})
	}
	clients.Wait()
	left := time.Now()
	if most := counter.Most(); most > limit || most < limit/2 {
		t.Errorf("at most %d connections at once, for a limit of %d", most, limit)
	}
	awaitIdle(t, db, left, time.Second)
}
