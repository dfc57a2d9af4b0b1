package store

import (
	"context"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// Store keeps API keys, token families, jobs, results, deliveries, usage and secrets. It is open when it is handed over.
type Store interface {
	identity.KeyStore
	job.Store
	callback.Store
	token.KeyStore
	token.FamilyStore
	usage.Store

	// Secret returns the named secret, and makes it durably by calling generate when there is none yet. Concurrent
	// calls for one name return the same bytes.
	Secret(name string, generate func() ([]byte, error)) ([]byte, error)

	// Size returns how many bytes of disk the store takes, what was removed and is not yet used again included. It is asked
	// every few seconds, and costs no look at what is stored.
	Size(ctx context.Context) (int64, error)

	// Close ends the use of the store; nothing is in use by then. It blocks until what was written is on disk.
	Close() error
}
