package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// Key is the record of an API key. The secret itself is shown once, when the key is made, and stored nowhere.
type Key struct {
	ID        string            `json:"api_key"` // public: s42_ and 22 base-62 digits
	Company   string            `json:"company_slug"`
	User      string            `json:"user"`
	Name      string            `json:"name"` // a label for people; may be empty
	SecretMAC [sha256.Size]byte `json:"-"`    // HMAC-SHA-256 of the secret under the server's pepper
	CreatedAt time.Time         `json:"created_at"`
	ExpiresAt time.Time         `json:"expires_at,omitzero"` // zero: the key does not expire
	RevokedAt time.Time         `json:"revoked_at,omitzero"` // zero: the key is not revoked
	Successor string            `json:"successor,omitzero"`  // the ID of the key that takes its place; empty: none does

	// LastUsedAt is the minute in which the key, or a token that was made with it, was last accepted; zero: never. It is
	// stored every now and then, so that a crash may lose a few minutes.
	LastUsedAt time.Time `json:"last_used_at,omitzero"`

	// Damaged says that the store cannot read the key's record: nothing but its ID is known, and it authenticates nobody.
	Damaged bool `json:"-"`
}

// The labels of keys that are made for one session of a browser each. Nobody knows their secret; they end with the session.
const (
	LinkKeyName   = "console link"
	SignInKeyName = "sign-in"
)

// OfSession reports whether the key was made for a session.
func (k *Key) OfSession() bool { return SessionKeyName(k.Name) }

// SessionKeyName reports whether a label is one of sessions' keys, which people give to none of theirs.
func SessionKeyName(label string) bool { return label == LinkKeyName || label == SignInKeyName }

// KeyState is where a key is in its life.
type KeyState string

// The states of a key. Only an active key authenticates; the others are final.
const (
	KeyDamaged KeyState = "damaged"
	KeyActive  KeyState = "active"
	KeyExpired KeyState = "expired"
	KeyRevoked KeyState = "revoked"
)

// State returns the key's state at a time. A key that expired and was revoked counts as revoked; a key is expired from
// the instant of ExpiresAt on.
func (k *Key) State(at time.Time) KeyState {
	switch {
	case k.Damaged:
		return KeyDamaged
	case !k.RevokedAt.IsZero():
		return KeyRevoked
	case !k.ExpiresAt.IsZero() && !at.Before(k.ExpiresAt):
		return KeyExpired
	}
	return KeyActive
}

// Errors of a [KeyStore]; an implementation may wrap them.
var (
	ErrKeyNotFound = errors.New("no such API key")
	ErrKeyExists   = errors.New("an API key with this id exists already")
)

// KeyStore keeps the records of API keys. It is safe for concurrent use. A write that returned nil is durable: it
// survives a crash of the process and of the machine. An error other than the two above leaves the outcome of a write
// unknown. Times are stored to the microsecond and returned in UTC. The package storetest holds the tests that every
// implementation passes.
type KeyStore interface {
	// CreateKey adds a key, or returns ErrKeyExists when there is one with its ID, and changes nothing then.
	CreateKey(ctx context.Context, key Key) error

	// ListKeys returns the keys of a company, or those of every company when company is empty, oldest first and by ID
	// among those of one instant. Revoked and expired keys are included. A company without keys has an empty list. A key
	// whose record is damaged is among those of every company, with Damaged; whose it is nobody knows.
	ListKeys(ctx context.Context, company string) ([]Key, error)

	// RevokeKey sets RevokedAt and returns the record as it is after that. It is idempotent: a key that is revoked
	// already keeps its first time. It returns ErrKeyNotFound when there is no such key.
	RevokeKey(ctx context.Context, id string, at time.Time) (Key, error)

	// ReplaceKey adds a key, the successor of the one of this ID, and lets that one expire at a time, or earlier if it does so
	// by itself, in one transaction. It returns the record of the old key as it is then. It returns ErrKeyNotFound when
	// there is no key of the ID, and ErrKeyExists as CreateKey does; nothing is changed then.
	ReplaceKey(ctx context.Context, id string, expires time.Time, successor Key) (old Key, err error)

	// TouchKeys sets LastUsedAt of keys, by ID, where it is earlier or zero. IDs of no key are ignored.
	TouchKeys(ctx context.Context, used map[string]time.Time) error
}
