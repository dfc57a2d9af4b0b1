package identity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// MinPepper is the least length of the server's pepper in bytes: the output of SHA-256 (RFC 2104, 3).
const MinPepper = 32

// Keys is the set of API keys of one store, held in memory so that a check on a request's way reads one map and asks
// no disk. There is one Keys for a store, shared by every configuration that uses the store: a key that is revoked
// through one of them is revoked for requests in flight under all of them. It is safe for concurrent use.
type Keys struct {
	store   KeyStore
	pepper  []byte
	now     func() time.Time
	hearing *hearing // nil: nobody else changes the store

	writing sync.Mutex                            // one change at a time, from the store to the index
	index   atomic.Pointer[map[string]*cachedKey] // by ID; neither the map nor the Key of an entry ever changes
	changed atomic.Pointer[chan struct{}]         // closed when the index is replaced
}

// cachedKey is a key in memory.
type cachedKey struct {
	Key
	*usage // passes from an entry to the one that replaces it
}

// usage is when a key was last used, in minutes since 1970.
type usage struct {
	used  atomic.Int64
	saved atomic.Int64 // as the store knows it
}

// use notes that a key is in use. A minute is written once, so that requests on many processors do not fight for it.
func (u *usage) use(now time.Time) {
	if minute := now.Unix() / 60; u.used.Load() < minute {
		u.used.Store(minute)
	}
}

// lastUsed is LastUsedAt as memory knows it.
func (u *usage) lastUsed() time.Time { return ofMinute(u.used.Load()) }

func ofMinute(minute int64) time.Time {
	if minute == 0 {
		return time.Time{}
	}
	return time.Unix(minute*60, 0).UTC()
}

func newCachedKey(key Key) *cachedKey {
	cached := &cachedKey{Key: key, usage: new(usage)}
	if !key.LastUsedAt.IsZero() {
		cached.used.Store(key.LastUsedAt.Unix() / 60)
		cached.saved.Store(cached.used.Load())
	}
	return cached
}

// OpenKeys reads all keys of a store. The pepper is at least [MinPepper] random bytes that stay the same as long as the
// store does: under another pepper no secret verifies. It blocks for as long as the store takes.
func OpenKeys(ctx context.Context, store KeyStore, pepper []byte) (*Keys, error) {
	if len(pepper) < MinPepper {
		return nil, fmt.Errorf("the pepper of API secrets has %d bytes; at least %d are needed", len(pepper), MinPepper)
	}
	keys := &Keys{store: store, pepper: slices.Clone(pepper), now: time.Now}
	keys.index.Store(&map[string]*cachedKey{})
	keys.changed.Store(new(make(chan struct{})))
	if err := keys.Refresh(ctx); err != nil {
		return nil, err
	}
	return keys, nil
}

// Refresh reads all keys of the store again, for a store that other processes write to. A key that this process has
// seen revoked stays revoked, whatever the store says.
func (k *Keys) Refresh(ctx context.Context) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	records, err := k.store.ListKeys(ctx, "")
	if err != nil {
		return fmt.Errorf("reading the API keys: %w", err)
	}
	current := *k.index.Load()
	index := make(map[string]*cachedKey, len(records))
	for _, record := range records {
		known := current[record.ID]
		if known != nil && record.RevokedAt.IsZero() {
			record.RevokedAt = known.RevokedAt
		}
		cached := newCachedKey(record)
		if known != nil {
			cached.usage = known.usage
		}
		index[record.ID] = cached
	}
	k.publish(index)
	return nil
}

// List returns the keys of a company, or of every company when company is empty, oldest first.
func (k *Keys) List(ctx context.Context, company string) ([]Key, error) {
	records, err := k.store.ListKeys(ctx, company)
	if err != nil {
		return nil, fmt.Errorf("listing the API keys: %w", err)
	}
	index := *k.index.Load()
	for i := range records {
		if cached := index[records[i].ID]; cached != nil {
			records[i].LastUsedAt = cached.lastUsed()
		}
	}
	return records, nil
}

// Revoke ends a key for good and returns its record. When it returns, no request authenticates by the key or by a token
// that was made with it. It is idempotent, and reports whether this call has ended the key. An unknown key is
// dataapi.CodeNotFound. When the store fails, the key is refused all the same until this process ends, and the error says
// that a restart may bring it back.
func (k *Keys) Revoke(ctx context.Context, id string) (key Key, changed bool, err error) {
	k.writing.Lock()
	defer k.writing.Unlock()
	at := dataapi.StoredTime(k.now())
	record, err := k.store.RevokeKey(ctx, id, at)
	switch {
	case errors.Is(err, ErrKeyNotFound):
		return Key{}, false, noSuchKey(id)
	case err == nil:
		k.put(record)
		return record, record.RevokedAt.Equal(at), nil // one that was revoked before keeps its first time
	}
	if known, ok := (*k.index.Load())[id]; ok && known.RevokedAt.IsZero() {
		refused := known.Key
		refused.RevokedAt = at
		k.put(refused)
	}
	return Key{}, false, fmt.Errorf("the key is refused from now on, but storing its revocation failed, "+
		"so that a restart may bring it back; revoke it again: %w", err)
}

// create stores a key durably, then lets it authenticate.
func (k *Keys) create(ctx context.Context, key Key) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	if err := k.store.CreateKey(ctx, key); err != nil {
		return fmt.Errorf("storing the API key: %w", err)
	}
	k.put(key)
	return nil
}

// put publishes an index that holds key. The caller holds writing.
func (k *Keys) put(key Key) {
	index := maps.Clone(*k.index.Load())
	cached := newCachedKey(key)
	if known := index[key.ID]; known != nil {
		cached.usage = known.usage
	}
	index[key.ID] = cached
	k.publish(index)
}

// publish makes an index the current one, and says so. The caller holds writing.
func (k *Keys) publish(index map[string]*cachedKey) {
	k.index.Store(&index)
	close(*k.changed.Swap(new(make(chan struct{}))))
}

// find returns the key with this ID, or nil.
func (k *Keys) find(id string) *cachedKey { return (*k.index.Load())[id] }

// Changed returns a channel that is closed when a key is made, revoked or otherwise changed after this call.
func (k *Keys) Changed() <-chan struct{} { return *k.changed.Load() }

// NextExpiry returns when the next key expires after a time; zero: none does.
func (k *Keys) NextExpiry(after time.Time) (next time.Time) {
	for _, cached := range *k.index.Load() {
		if at := cached.ExpiresAt; cached.RevokedAt.IsZero() && at.After(after) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// NextExpiries returns when the next key of each company expires after a time. Companies none of whose keys expires are not in it.
// It looks at every key.
func (k *Keys) NextExpiries(after time.Time) map[string]time.Time {
	next := make(map[string]time.Time)
	for _, cached := range *k.index.Load() {
		at := cached.ExpiresAt
		if !cached.RevokedAt.IsZero() || !at.After(after) {
			continue
		}
		if known, ok := next[cached.Company]; !ok || at.Before(known) {
			next[cached.Company] = at
		}
	}
	return next
}

// SaveUse stores when keys were last used. It is to be called now and then, such as once a minute.
func (k *Keys) SaveUse(ctx context.Context) error {
	index := *k.index.Load()
	used := make(map[string]time.Time)
	for id, cached := range index {
		if minute := cached.used.Load(); minute > cached.saved.Load() {
			used[id] = ofMinute(minute)
		}
	}
	if len(used) == 0 {
		return nil
	}
	if err := k.store.TouchKeys(ctx, used); err != nil {
		return fmt.Errorf("storing when API keys were used: %w", err)
	}
	for id, at := range used {
		index[id].saved.Store(at.Unix() / 60)
	}
	return nil
}
