// Package store names what one store must keep for the product to run on it. Each part is declared by the package that
// uses it; the implementations stand in subpackages.
package store

import (
	"context"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// Store keeps API keys, token families, jobs, results, deliveries and secrets. It is open when it is handed over.
type Store interface {
	identity.KeyStore
	job.Store
	callback.Store
	token.KeyStore
	token.FamilyStore

	// Secret returns the named secret, and makes it durably by calling generate when there is none yet. Concurrent
	// calls for one name return the same bytes.
	Secret(name string, generate func() ([]byte, error)) ([]byte, error)

	// Close ends the use of the store; nothing is in use by then. It blocks until what was written is on disk.
	Close() error
}

// Compacter is a store whose files keep the size of their busiest day until they are compacted.
type Compacter interface {
	// Compact gives back the space of what was removed, while the store is in use, and returns the sizes in bytes. Writes
	// may have to wait for it. When it fails, or the process is killed, the store stays as it was.
	Compact(ctx context.Context) (before, after int64, err error)
}
