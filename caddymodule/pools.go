package caddymodule

import (
	"maps"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/jwks"
	"github.com/solucao42/caddy-data-api/internal/lease"
	"github.com/solucao42/caddy-data-api/internal/logging"
	"github.com/solucao42/caddy-data-api/internal/server"
)

// What configurations share: see package lease.
var (
	backends = lease.NewPool[*pooledBackend]()
	sources  = lease.NewPool[*pooledSource]()
	keySets  = lease.NewPool[*pooledKeySet]()
)

// What outlives a configuration, but logs where that in force does.
var (
	sharedLog      = logging.NewShared()
	sharedAuditLog = new(logging.SharedAuditLog)
)

// pooledBackend is a store, and what lives as long as it does, in the pool.
type pooledBackend struct {
	*server.Shared
	options map[string]string // that the store is opened with
}

// changed lists the options of the store that another configuration has otherwise.
func (p *pooledBackend) changed(options map[string]string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if options[name] != p.options[name] {
			names = append(names, name)
		}
	}
	return names
}

// Destruct closes the store when its last holder has let go.
func (p *pooledBackend) Destruct() error {
	p.Drain(drainTimeout)
	return p.Close()
}

// pooledSource is a source in the pool.
type pooledSource struct{ *server.Source }

// Destruct closes the source when its last holder has let go.
func (p *pooledSource) Destruct() error { return p.Close() }

// pooledKeySet is the keys of another issuer in the pool: a reload keeps them, so that it refuses no token.
type pooledKeySet struct{ *jwks.Source }

// Destruct ends the fetches when the last holder has let go.
func (p *pooledKeySet) Destruct() error { return p.Close() }
