package token

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

const (
	// JWKSMaxAge is how long the published set of keys may be kept by those who have fetched it.
	JWKSMaxAge = 10 * time.Minute

	// PublishLead is how long a new key is published before it signs: longer than [JWKSMaxAge], so that those who verify
	// tokens know the key by then, a cache between included.
	PublishLead = 15 * time.Minute

	// MaxKeys is how many keys a ring may hold.
	MaxKeys = 32
)

// overtime is how long a key verifies beyond the end of the last token that it can have signed: the greatest leeway,
// and a minute for a request that was signed at the very end.
const overtime = MaxLeeway + time.Minute

// RingOptions tune a ring.
type RingOptions struct {
	Now    func() time.Time // the clock; time.Now but in tests
	Logger *slog.Logger     // told of changes; nil: nobody is
}

// KeyRing is the keys that sign and verify tokens. There is one for a store, shared by every configuration that uses the
// store: a key that is withdrawn through one of them is refused by all at once. It is safe for concurrent use; looking a
// key up takes no lock and does no I/O.
type KeyRing struct {
	store KeyStore // nil: the keys are configured
	now   func() time.Time
	log   *slog.Logger

	set     atomic.Pointer[keySet]
	catchUp func() error // nil: nobody else changes the store

	changing sync.Mutex  // one change at a time, from the store to the set
	alarm    *time.Timer // for the next event of the set; nil when there is none
	closed   bool
	refused  map[string]bool // the ids of keys that were withdrawn, while the store may still keep them
	longest  time.Duration   // the longest life of a token of any key so far
}

// OpenKeyRing reads the keys of a store. A new store has none: [KeyRing.Prepare] makes the first. It blocks for as long
// as the store takes. The caller owns the ring and must Close it before the store.
func OpenKeyRing(ctx context.Context, store KeyStore, options RingOptions) (*KeyRing, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	ring := &KeyRing{store: store, now: options.Now, log: options.Logger}
	if err := ring.Refresh(ctx); err != nil {
		return nil, err
	}
	return ring, nil
}

// Refresh reads the keys of the store again, for a store that other processes write to.
func (r *KeyRing) Refresh(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	records, err := r.store.TokenKeys(ctx)
	if err != nil {
		return fmt.Errorf("reading the token keys: %w", err)
	}
	return r.publish(records)
}

// SharedWith says that other processes change the keys of the store, too: catchUp returns when all is heard of that there was when it
// was called, and fails within a second or so when that cannot be. It must be called before the ring verifies.
func (r *KeyRing) SharedWith(catchUp func() error) { r.catchUp = catchUp }

// findNew looks for a key that was not found, and that another process may have made just now: nil: there is none. It is
// dataapi.CodeOverloaded while nobody knows.
func (r *KeyRing) findNew(id string) (*heldKey, error) {
	if r.catchUp == nil {
		return nil, nil
	}
	if err := r.catchUp(); err != nil {
		return nil, &dataapi.Error{
			Code:   dataapi.CodeOverloaded,
			Detail: "The server cannot tell at present whether the token is valid. Wait as long as the Retry-After header says.",
			Err:    fmt.Errorf("the key of the token is not known, and the store is silent: %w", err),
		}
	}
	return r.set.Load().find(id, r.now()), nil
}

// Close stops the ring's clock. What has been signed still verifies.
func (r *KeyRing) Close() {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.closed = true
	if r.alarm != nil {
		r.alarm.Stop()
	}
}

// publish lets records be the ring, but for keys that are refused. The caller holds changing.
func (r *KeyRing) publish(records []KeyRecord) error {
	set, err := newKeySet(r.unrefused(records, r.now()))
	if err != nil {
		return err
	}
	r.set.Store(set)
	r.longest = max(r.longest, set.longestToken())
	r.setAlarm(set)
	return nil
}

// refuse takes a key out of the set for good, whatever the store keeps. The caller holds changing.
func (r *KeyRing) refuse(id string) {
	if r.refused == nil {
		r.refused = make(map[string]bool)
	}
	r.refused[id] = true
	var kept []heldKey
	for _, key := range r.set.Load().keys {
		if key.id != id {
			kept = append(kept, key)
		}
	}
	if set, err := assemble(kept); err == nil { // which it was with one key more
		r.set.Store(set)
	}
}

// unrefused returns the records without those that are refused.
func (r *KeyRing) unrefused(records []KeyRecord, now time.Time) []KeyRecord {
	for at, record := range slices.Backward(records) {
		if r.refused[record.ID] {
			records = withdrawn(records, at, now)
		}
	}
	return records
}

// setAlarm arranges that the ring looks at itself when a key begins to sign or ends. The caller holds changing.
func (r *KeyRing) setAlarm(set *keySet) {
	if r.alarm != nil {
		r.alarm.Stop()
		r.alarm = nil
	}
	now := r.now()
	if next := set.nextEvent(now); !next.IsZero() && !r.closed {
		r.alarm = time.AfterFunc(next.Sub(now), r.wake)
	}
}

// retryRemoval is how long after a failure of the store the removal of ended keys is tried again.
const retryRemoval = time.Minute

// wake removes the keys that have ended, from the set and for good from the store.
func (r *KeyRing) wake() {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.closed {
		return
	}
	set, now := r.set.Load(), r.now()
	if signing := set.signing(now); signing != nil && now.Sub(signing.signsFrom) < PublishLead {
		r.log.Info("a new key signs tokens", slog.String("kid", signing.id))
	}
	ended := 0
	for i := range set.keys {
		if set.keys[i].ended(now) {
			ended++
			r.log.Info("the last token of a key has expired; the key is removed", slog.String("kid", set.keys[i].id))
		}
	}
	if ended == 0 {
		r.setAlarm(set)
		return
	}
	// Keys that have ended verify nothing, whether the store lets go of them or not.
	unchanged := func(records []KeyRecord, _ time.Time) ([]KeyRecord, error) { return records, nil }
	if err := r.apply(context.Background(), unchanged); err != nil {
		r.log.Error("ended token keys could not be removed from the store; trying again", slog.Any("error", err))
		r.alarm = time.AfterFunc(retryRemoval, r.wake)
	}
}

// apply changes the kept keys, without those that have ended or are refused, and then the set. The caller holds changing.
func (r *KeyRing) apply(ctx context.Context, change func([]KeyRecord, time.Time) ([]KeyRecord, error)) error {
	if r.store == nil {
		return errConfigured
	}
	now := dataapi.StoredTime(r.now())
	records, err := r.store.UpdateTokenKeys(ctx, func(records []KeyRecord) ([]KeyRecord, error) {
		live := records[:0]
		for _, record := range records {
			if !record.ended(now) {
				live = append(live, record)
			}
		}
		return change(r.unrefused(live, now), now)
	})
	if err != nil {
		return err
	}
	return r.publish(records)
}

// JWKS returns the public keys as a JSON Web Key Set (RFC 7517, 5), with an entity tag. HS256 keys are never in it. The
// bytes are shared: they must not be changed.
func (r *KeyRing) JWKS() (document []byte, etag string) {
	set := r.set.Load()
	return set.jwks, set.etag
}

// String names the ring's keys without their secrets.
func (r *KeyRing) String() string {
	return fmt.Sprintf("token key ring of %d keys", len(r.set.Load().keys))
}

// GoString names the ring's keys without their secrets.
func (r *KeyRing) GoString() string { return r.String() }
