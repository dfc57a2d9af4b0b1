package token

import (
	"context"
	"fmt"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// KeyRecord is what is stored of a key that signs tokens. Times are in UTC, to the microsecond.
type KeyRecord struct {
	ID        string // kid
	Algorithm string // EdDSA or ES256
	Private   []byte // secret: the seed of an Ed25519 key or the scalar of a P-256 key, 32 bytes

	PublishedAt time.Time // from then on it is in the published set, and verifies
	SignsFrom   time.Time
	SignsUntil  time.Time // from then on another key signs; zero while none is to follow

	LongestToken time.Duration // the longest life of a token that it may sign or have signed, in whole seconds
}

// verifiesUntil is when the last token that the key can have signed has expired, by any clock: from then on the key is of
// no use. It is zero while no other key is to follow.
func (r KeyRecord) verifiesUntil() time.Time {
	if r.SignsUntil.IsZero() {
		return time.Time{}
	}
	return r.SignsUntil.Add(r.LongestToken + overtime)
}

func (r KeyRecord) ended(now time.Time) bool {
	end := r.verifiesUntil()
	return !end.IsZero() && !now.Before(end)
}

// NewKeyRecord makes the record of a key that is published and signs from one moment on.
func NewKeyRecord(algorithm string, private []byte, from time.Time) (KeyRecord, error) {
	key, err := keyOf(algorithm, private)
	if err != nil {
		return KeyRecord{}, err
	}
	from = dataapi.StoredTime(from)
	return KeyRecord{ID: key.id, Algorithm: algorithm, Private: private, PublishedAt: from, SignsFrom: from}, nil
}

// String names the record without its secret.
func (r KeyRecord) String() string { return "token key " + r.ID }

// GoString names the record without its secret.
func (r KeyRecord) GoString() string { return r.String() }

// KeyStore keeps the keys that sign tokens. It is safe for concurrent use. The package storetest holds the tests that
// every implementation passes.
type KeyStore interface {
	// TokenKeys returns all keys, in the order of SignsFrom and then of ID. A record that cannot be understood in full is
	// an error: tokens of a key that is left out would be refused.
	TokenKeys(ctx context.Context) ([]KeyRecord, error)

	// UpdateTokenKeys replaces all keys by what change makes of them, in one transaction, and returns them as they
	// are then. When it returns nil they are on disk. change gets the records in the order of TokenKeys; they are its
	// own. It may run more than once, and must call no store. Its error is returned unchanged and nothing is stored.
	UpdateTokenKeys(ctx context.Context, change func([]KeyRecord) ([]KeyRecord, error)) ([]KeyRecord, error)
}

func (r KeyRecord) key() (Key, error) {
	key, err := keyOf(r.Algorithm, r.Private)
	if err != nil {
		return Key{}, fmt.Errorf("the token key %s is damaged: %w", r.ID, err)
	}
	if key.id != r.ID {
		return Key{}, fmt.Errorf("the token key %s is damaged: it is the key %s", r.ID, key.id)
	}
	return key, nil
}
