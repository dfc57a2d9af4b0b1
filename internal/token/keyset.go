package token

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keySet is the keys of a ring at one moment. It is immutable: the ring replaces it as a whole, and a holder of one goes on
// with it. What a key does depends on the time too, so that a key that was published in advance begins to sign, and an
// old one ends, without anybody's doing.
type keySet struct {
	keys []heldKey // in the order in which they begin to sign
	byID map[string]*heldKey
	jwks []byte
	etag string
}

// heldKey is a key with its times, as KeyRecord has them; those of a configured key are zero.
type heldKey struct {
	Key
	publishedAt, signsFrom, signsUntil, verifiesUntil time.Time

	longestToken time.Duration
}

// newKeySet makes a set of records in the order of [KeyStore].
func newKeySet(records []KeyRecord) (*keySet, error) {
	held := make([]heldKey, len(records))
	for i, record := range records {
		key, err := record.key()
		if err != nil {
			return nil, err
		}
		held[i] = heldKey{
			Key: key, publishedAt: record.PublishedAt, signsFrom: record.SignsFrom, signsUntil: record.SignsUntil,
			verifiesUntil: record.verifiesUntil(), longestToken: record.LongestToken,
		}
	}
	return assemble(held)
}

func assemble(held []heldKey) (*keySet, error) {
	set := &keySet{keys: held, byID: make(map[string]*heldKey, len(held))}
	published := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}} // never null in JSON
	for i := range held {
		key := &held[i]
		if _, twice := set.byID[key.id]; twice {
			return nil, fmt.Errorf("the token key %s is in the ring twice", key.id)
		}
		set.byID[key.id] = key
		if key.jwk != nil {
			published.Keys = append(published.Keys, *key.jwk)
		}
	}
	var err error
	if set.jwks, err = json.Marshal(published); err != nil {
		return nil, fmt.Errorf("the set of token keys: %w", err)
	}
	sum := sha256.Sum256(set.jwks)
	set.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
	return set, nil
}

// signing returns the key that signs at a time: the last that has begun to. It returns nil when there is none.
func (s *keySet) signing(now time.Time) *heldKey {
	for i := len(s.keys) - 1; i >= 0; i-- {
		if !s.keys[i].signsFrom.After(now) && !s.keys[i].ended(now) {
			return &s.keys[i]
		}
	}
	// After a clock that was set back: rather a key that is early than none.
	if len(s.keys) > 0 && !s.keys[0].ended(now) {
		return &s.keys[0]
	}
	return nil
}

// find returns the key of an id that verifies at a time, or nil. One that is published and does not sign yet verifies
// already: another server's clock may be ahead.
func (s *keySet) find(id string, now time.Time) *heldKey {
	if key := s.byID[id]; key != nil && !key.ended(now) {
		return key
	}
	return nil
}

// longestToken is the longest life of a token of any key.
func (s *keySet) longestToken() (longest time.Duration) {
	for i := range s.keys {
		longest = max(longest, s.keys[i].longestToken)
	}
	return longest
}

func (k *heldKey) ended(now time.Time) bool {
	return !k.verifiesUntil.IsZero() && !now.Before(k.verifiesUntil)
}

// nextEvent returns the first moment after now at which a key begins to sign or ends, or zero when there is none.
func (s *keySet) nextEvent(now time.Time) (next time.Time) {
	for i := range s.keys {
		for _, event := range []time.Time{s.keys[i].signsFrom, s.keys[i].verifiesUntil} {
			if event.After(now) && (next.IsZero() || event.Before(next)) {
				next = event
			}
		}
	}
	return next
}
