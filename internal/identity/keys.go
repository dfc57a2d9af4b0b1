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
	store  KeyStore
	pepper []byte
	now    func() time.Time

	writing sync.Mutex                      // one change at a time, from the store to the index
	index   atomic.Pointer[map[string]*Key] // by ID; neither the map nor a key in it ever changes
}

// OpenKeys reads all keys of a store. The pepper is at least [MinPepper] random bytes that stay the same as long as the
// store does: under another pepper no secret verifies. It blocks for as long as the store takes.
func OpenKeys(ctx context.Context, store KeyStore, pepper []byte) (*Keys, error) {
	if len(pepper) < MinPepper {
		return nil, fmt.Errorf("the pepper of API secrets has %d bytes; at least %d are needed", len(pepper), MinPepper)
	}
	keys := &Keys{store: store, pepper: slices.Clone(pepper), now: time.Now}
	keys.index.Store(&map[string]*Key{})
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
	index := make(map[string]*Key, len(records))
	for _, record := range records {
		if known := current[record.ID]; known != nil && record.RevokedAt.IsZero() {
			record.RevokedAt = known.RevokedAt
		}
		index[record.ID] = &record
	}
	k.index.Store(&index)
	return nil
}

// List returns the keys of a company, or of every company when company is empty, oldest first.
func (k *Keys) List(ctx context.Context, company string) ([]Key, error) {
	records, err := k.store.ListKeys(ctx, company)
	if err != nil {
		return nil, fmt.Errorf("listing the API keys: %w", err)
	}
	return records, nil
}

// Revoke ends a key for good and returns its record. When it returns, no request authenticates by the key or by a token
// that the key vouched for. It is idempotent. An unknown key is dataapi.CodeNotFound. When the store fails, the key is
// refused all the same until this process ends, and the error says that a restart may bring it back.
func (k *Keys) Revoke(ctx context.Context, id string) (Key, error) {
	k.writing.Lock()
	defer k.writing.Unlock()
	at := k.now().UTC().Truncate(time.Microsecond)
	record, err := k.store.RevokeKey(ctx, id, at)
	switch {
	case errors.Is(err, ErrKeyNotFound):
		return Key{}, dataapi.Errorf(dataapi.CodeNotFound, "There is no API key %q.", id)
	case err == nil:
		k.put(record)
		return record, nil
	}
	if known, ok := (*k.index.Load())[id]; ok && known.RevokedAt.IsZero() {
		refused := *known
		refused.RevokedAt = at
		k.put(refused)
	}
	return Key{}, fmt.Errorf("the key is refused from now on, but keeping its revocation failed, "+
		"so that a restart may bring it back; revoke it again: %w", err)
}

// create keeps a key durably, then lets it authenticate.
func (k *Keys) create(ctx context.Context, key Key) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	if err := k.store.CreateKey(ctx, key); err != nil {
		return fmt.Errorf("keeping the API key: %w", err)
	}
	k.put(key)
	return nil
}

// put publishes an index in which key stands. The caller holds writing.
func (k *Keys) put(key Key) {
	index := maps.Clone(*k.index.Load())
	index[key.ID] = &key
	k.index.Store(&index)
}

// find returns the key with this ID, or nil.
func (k *Keys) find(id string) *Key { return (*k.index.Load())[id] }
