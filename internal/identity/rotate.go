package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// MaxOverlap is the longest that a key works beside its successor.
const MaxOverlap = 30 * 24 * time.Hour

// Rotation is a key and the one that takes its place.
type Rotation struct {
	Old    Key // as it stands now
	New    Key
	Secret string // of New; kept nowhere
}

// RotateKey makes a successor of a key, for the same user and with the same name, and lets the old one expire after an
// overlap of 0 to [MaxOverlap], or earlier if it does so by itself. The successor expires at a time, or, when that is
// zero, never if the old one does not, and else after as long a life as the old one was made for. Both changes are
// durable, and one, when RotateKey returns. A key that cannot be rotated is dataapi.CodeInvalidRequest, an unknown one
// dataapi.CodeNotFound.
func (d *Directory) RotateKey(ctx context.Context, id string, overlap time.Duration, expiresAt time.Time) (Rotation, error) {
	now := d.keys.now().UTC().Truncate(time.Microsecond)
	if overlap < 0 || overlap > MaxOverlap {
		return Rotation{}, dataapi.Errorf(dataapi.CodeInvalidRequest, "The overlap is %s; allowed is 0s to %s.", overlap, MaxOverlap)
	}
	held := d.keys.find(id)
	if held == nil {
		return Rotation{}, noSuchKey(id)
	}
	if state := held.State(now); state != KeyActive {
		return Rotation{}, dataapi.Errorf(dataapi.CodeInvalidRequest, "The key %s is %s; make a new one instead.", id, state)
	}
	if expiresAt.IsZero() && !held.ExpiresAt.IsZero() {
		expiresAt = now.Add(held.ExpiresAt.Sub(held.CreatedAt))
	}
	wanted := NewKey{Company: held.Company, User: held.User, Name: held.Name, ExpiresAt: expiresAt}
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

func noSuchKey(id string) error {
	return dataapi.Errorf(dataapi.CodeNotFound, "There is no API key %q.", id)
}

// replace keeps a successor and the end of the key that it follows.
func (k *Keys) replace(ctx context.Context, id string, expires time.Time, successor Key) (Key, error) {
	k.writing.Lock()
	defer k.writing.Unlock()
	old, err := k.store.ReplaceKey(ctx, id, expires, successor)
	switch {
	case errors.Is(err, ErrKeyNotFound):
		return Key{}, noSuchKey(id)
	case err != nil:
		return Key{}, fmt.Errorf("keeping the API key: %w", err)
	}
	k.put(successor)
	k.put(old)
	return old, nil
}
