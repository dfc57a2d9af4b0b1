package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Rotation is a key and the one that takes its place.
type Rotation struct {
	Old    Key // as it is now
	New    Key
	Secret string // of New; stored nowhere
}

// RotateKey makes a successor of a key, for the same user and with the same name, and lets the old one expire after an
// overlap of 0 to [dataapi.MaxOverlap], or earlier if it does so by itself. The successor expires at a time, or, when that is
// zero, never if the old one does not, and else after as long a life as the old one was made for. Both changes are
// durable, and one, when RotateKey returns. A key is rotated once: how long it was made for is not known afterwards, and
// of two successors one would be nobody's. A key that cannot be rotated is dataapi.CodeInvalidRequest, an unknown one
// dataapi.CodeNotFound.
func (d *Directory) RotateKey(ctx context.Context, id string, overlap time.Duration, expiresAt time.Time) (Rotation, error) {
	now := dataapi.StoredTime(d.keys.now())
	if err := dataapi.CheckOverlap(overlap); err != nil {
		return Rotation{}, err
	}
	cached := d.keys.find(id)
	if cached == nil {
		return Rotation{}, noSuchKey(id)
	}
	if err := cached.checkRotation(now); err != nil {
		return Rotation{}, err
	}
	if expiresAt.IsZero() && !cached.ExpiresAt.IsZero() {
		expiresAt = now.Add(cached.ExpiresAt.Sub(cached.CreatedAt))
	}
	wanted := NewKey{Company: cached.Company, User: cached.User, Name: cached.Name, ExpiresAt: expiresAt}
	if err := d.checkNewKey(wanted, now); err != nil {
		return Rotation{}, err
	}
	successor, secret := d.newKey(wanted, now)
	old, err := d.keys.replace(ctx, id, now.Add(overlap), successor)
	if err != nil {
		return Rotation{}, err
	}
	return Rotation{Old: old, New: successor, Secret: secret}, nil
}

// checkRotation reports why the key cannot have a successor.
func (k *Key) checkRotation(now time.Time) error {
	switch state := k.State(now); {
	case state != KeyActive:
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "The key %s is %s; make a new one instead.", k.ID, state)
	case k.Successor != "":
		return dataapi.Errorf(dataapi.CodeInvalidRequest,
			"The key %s has been rotated already, and is followed by %s; rotate that one, or make a new one.", k.ID, k.Successor)
	}
	return nil
}

func noSuchKey(id string) error {
	return dataapi.Errorf(dataapi.CodeNotFound, "There is no API key %q.", id)
}

// replace keeps a successor and the end of the key that it follows.
func (k *Keys) replace(ctx context.Context, id string, expires time.Time, successor Key) (Key, error) {
	k.writing.Lock()
	defer k.writing.Unlock()
	if cached := k.find(id); cached != nil { // again: it may have been rotated or revoked since
		if err := cached.checkRotation(k.now()); err != nil {
			return Key{}, err
		}
	}
	old, err := k.store.ReplaceKey(ctx, id, expires, successor)
	switch {
	case errors.Is(err, ErrKeyNotFound):
		return Key{}, noSuchKey(id)
	case err != nil:
		return Key{}, fmt.Errorf("storing the API key: %w", err)
	}
	k.put(successor)
	k.put(old)
	return old, nil
}
