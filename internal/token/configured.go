package token

import (
	"errors"
	"log/slog"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

var errConfigured = dataapi.Errorf(dataapi.CodeInvalidRequest,
	"Tokens are signed with the configured hs256_secret; there is no key of the server's own to change.")

// NewKeyRing makes a ring of keys that a configuration names: one that signs and verifies, and others that verify. A key
// that is named twice counts once. Only [KeyRing.Replace] changes them.
func NewKeyRing(signing Key, verifying ...Key) (*KeyRing, error) {
	set, err := configured(signing, verifying)
	if err != nil {
		return nil, err
	}
	ring := &KeyRing{now: time.Now, log: slog.New(slog.DiscardHandler)}
	ring.set.Store(set)
	return ring, nil
}

// Replace puts other keys in the place of those that [NewKeyRing] was given, and reports whether they differ. Tokens of a
// key that is gone are refused from then on, those that were verified before too.
func (r *KeyRing) Replace(signing Key, verifying ...Key) (changed bool, err error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.store != nil {
		return false, errors.New("the token keys are the store's")
	}
	set, err := configured(signing, verifying)
	if err != nil || set.same(r.set.Load()) {
		return false, err
	}
	r.set.Store(set)
	return true, nil
}

func configured(signing Key, verifying []Key) (*keySet, error) {
	var held []heldKey
	known := map[string]bool{signing.id: true}
	for _, key := range verifying {
		if !known[key.id] {
			known[key.id] = true
			held = append(held, heldKey{Key: key})
		}
	}
	held = append(held, heldKey{Key: signing}) // the last one signs
	for _, key := range held {
		if key.method == nil {
			return nil, errors.New("a token key is empty")
		}
	}
	return assemble(held)
}

// same reports whether two sets of configured keys hold the same ones in the same order.
func (s *keySet) same(other *keySet) bool {
	if len(s.keys) != len(other.keys) {
		return false
	}
	for i := range s.keys {
		if s.keys[i].id != other.keys[i].id {
			return false
		}
	}
	return true
}
