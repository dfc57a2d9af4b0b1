package store

import (
	"context"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// Store keeps API keys, token families, jobs, results, deliveries, usage, documents, links and secrets. It is open when it is handed over.
type Store interface {
	identity.KeyStore
	job.Store
	callback.Store
	token.KeyStore
	token.FamilyStore
	usage.Store
	documents.Store
	link.Store

	// Secret returns the named secret, and makes it durably by calling generate when there is none yet. Concurrent
	// calls for one name return the same bytes.
	Secret(name string, generate func() ([]byte, error)) ([]byte, error)

	// Size returns how many bytes of disk the store takes, what was removed and is not yet used again included. It is asked
	// every few seconds, and costs no look at what is stored.
	Size(ctx context.Context) (int64, error)

	// Ping reports whether the store can be written to. It is asked every few seconds, and can tell by a write that has just
	// succeeded. When ctx ends first, the error is ctx's.
	Ping(ctx context.Context) error

	// DeliveriesDue returns how many deliveries are to be tried at or before now, and are not being tried. A store with a clock of
	// its own goes by that. It is asked every few seconds, and what it costs depends on their number alone.
	DeliveriesDue(ctx context.Context, now time.Time) (int, error)

	// Close ends the use of the store; nothing is in use by then. It blocks until what was written is on disk.
	Close() error
}
