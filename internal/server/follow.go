package server

import (
	"context"
	"errors"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/store"
)

// shareWith has the backend take its part of what servers count together, and mind how long it has not heard of the others.
func (b *Backend) shareWith(shared store.Shared) {
	servers := func() int { return shared.Standing().Nodes }
	b.throttle.ShareAmong(servers)
	b.rates.ShareAmong(servers)
	catchUp := func() error { return shared.CatchUp(context.Background()) }
	b.Keys.SharedWith(func() time.Duration { return shared.Standing().Silence }, shared.StaleAfter(), catchUp)
	b.ring.SharedWith(catchUp)
}

// Standing says what the server knows of the others that share its store; nil: it shares none.
func (b *Backend) Standing() *admin.Standing {
	shared, ok := b.Store.(store.Shared)
	if !ok {
		return nil
	}
	standing, limit := shared.Standing(), shared.StaleAfter()
	return &admin.Standing{
		Servers: standing.Nodes, Signals: standing.Signals, Silence: standing.Silence, SilenceSeconds: standing.Silence.Seconds(),
		Stale: standing.Silence > limit, StaleAfterSeconds: limit.Seconds(),
	}
}

// follow lets the backend hear of what other servers change in a store that they share. The function that it returns ends
// that, and must be called before the store is closed.
func (b *Backend) follow() (end func()) {
	shared, ok := b.Store.(store.Shared)
	if !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		shared.Follow(ctx, b.hear)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// hear takes in what has changed. What it fails on, it is told again.
func (b *Backend) hear(ctx context.Context, changes []store.Change) error {
	var keys, families, ring bool
	for _, change := range changes {
		switch change.Kind {
		case store.APIKeys:
			keys = true
		case store.TokenKeys:
			ring = true
		case store.Families:
			b.families.Refuse(change.Key)
		case store.Cache:
			b.purge(change.Key)
		case store.Documents:
			b.Documents.Changed(store.DocumentOf(change.Key))
		default: // everything, or a kind that a newer version tells of
			keys, families, ring = true, true, true
			b.purge("")
			for _, kind := range documents.Kinds() {
				b.Documents.Changed(kind, "")
			}
		}
	}
	var faults []error
	if keys {
		faults = append(faults, b.Keys.Refresh(ctx))
	}
	if ring {
		faults = append(faults, b.ring.Refresh(ctx))
	}
	if families {
		faults = append(faults, b.families.Refresh(ctx))
	}
	return errors.Join(faults...)
}

// purge forgets results of the configuration in force.
func (b *Backend) purge(scope string) {
	if results := b.results.Load(); results != nil {
		results.Purge(cache.Within(scope))
	}
}

// TellPurge lets the other servers forget results, if there are any: see [store.Cache] for the scope.
func (b *Backend) TellPurge(ctx context.Context, scope string) error {
	shared, ok := b.Store.(store.Shared)
	if !ok {
		return nil
	}
	return shared.Tell(ctx, store.Change{Kind: store.Cache, Key: scope})
}
