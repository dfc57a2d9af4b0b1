package jwks

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxBytes is the greatest length of a document.
	MaxBytes = 256 << 10

	// MaxKeys is how many keys a document may hold.
	MaxKeys = 100

	minRSABits = 2048 // RFC 7518, 3.3
	maxRSABits = 8192 // verification is quadratic in it
	maxKeyID   = 512  // bytes
)

// Algorithms lists the JWS algorithms that keys can be used with: asymmetric ones alone, so that nobody who verifies can
// also sign. The slice is the caller's own.
func Algorithms() []string {
	return []string{"EdDSA", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}
}

// Set is the usable public keys of a document. It is immutable.
type Set struct {
	keys    map[name]crypto.PublicKey
	ignored []string // why keys of the document are not in the set
}

type name struct{ id, algorithm string }

// Find returns the key of an id that verifies signatures of an algorithm.
func (s *Set) Find(id, algorithm string) (key crypto.PublicKey, ok bool) {
	key, ok = s.keys[name{id, algorithm}]
	return key, ok
}

// Len is the number of usable keys, a key that serves several algorithms counted once for each.
func (s *Set) Len() int { return len(s.keys) }

// Parse reads a document. A key that cannot be used does not spoil the others: an issuer may publish keys for purposes
// that are not for us. Private and symmetric keys are never used: an issuer that publishes one has lost it.
func Parse(document []byte) (*Set, error) {
	if len(document) > MaxBytes {
		return nil, fmt.Errorf("the key set is longer than %d bytes", MaxBytes)
	}
	document = bytes.TrimPrefix(document, []byte("\ufeff")) // RFC 8259, 8.1: a byte order mark may be ignored
	var parsed struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := jsonv2.Unmarshal(document, &parsed); err != nil {
		return nil, fmt.Errorf("the key set cannot be read: %w", err)
	}
	if parsed.Keys == nil {
		return nil, errors.New("the document is no key set: it has no member keys")
	}
	if len(parsed.Keys) > MaxKeys {
		return nil, fmt.Errorf("the key set holds %d keys; at most %d are taken", len(parsed.Keys), MaxKeys)
	}
	set := &Set{keys: make(map[name]crypto.PublicKey)}
	for i, text := range parsed.Keys {
		if err := set.add(text); err != nil {
			set.ignored = append(set.ignored, fmt.Sprintf("keys[%d]: %v", i, err))
		}
	}
	return set, nil
}

// members are those that decide whether a key may be used for what.
type members struct {
	Operations []string       `json:"key_ops"`
	Private    jsontext.Value `json:"d"`
	Symmetric  jsontext.Value `json:"k"`
	publicMembers
}

// publicMembers are those that make a public key. All others are left out, above all certificates (x5c, x5t, x5u): no chain
// is verified, so they add nothing, and a key whose certificate is wrong, or has a serial number that Go refuses, is good
// all the same.
type publicMembers struct {
	Type      jsontext.Value `json:"kty,omitzero"`
	Use       jsontext.Value `json:"use,omitzero"`
	ID        jsontext.Value `json:"kid,omitzero"`
	Algorithm jsontext.Value `json:"alg,omitzero"`
	Curve     jsontext.Value `json:"crv,omitzero"`
	X         jsontext.Value `json:"x,omitzero"`
	Y         jsontext.Value `json:"y,omitzero"`
	N         jsontext.Value `json:"n,omitzero"`
	E         jsontext.Value `json:"e,omitzero"`
}

func (s *Set) add(text jsontext.Value) error {
	var rules members
	if err := jsonv2.Unmarshal(text, &rules); err != nil {
		return err
	}
	if rules.Private != nil || rules.Symmetric != nil {
		return errors.New("it is a private or symmetric key, and should not be here")
	}
	if rules.Operations != nil && !slices.Contains(rules.Operations, "verify") {
		return errors.New("its key_ops do not allow to verify")
	}
	public, err := jsonv2.Marshal(rules.publicMembers)
	if err != nil {
		return err
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(public); err != nil {
		return err
	}
	switch {
	case key.KeyID == "" || len(key.KeyID) > maxKeyID:
		return fmt.Errorf("its kid must have from 1 to %d bytes", maxKeyID)
	case key.Use != "" && key.Use != "sig":
		return errors.New("its use is not sig")
	case !key.IsPublic() || !key.Valid():
		return errors.New("it is no valid public key")
	}
	algorithms, err := algorithmsOf(key.Key)
	if err != nil {
		return err
	}
	if key.Algorithm != "" {
		if !slices.Contains(algorithms, key.Algorithm) {
			return fmt.Errorf("its alg is %q, and its type is for %v", key.Algorithm, algorithms)
		}
		algorithms = []string{key.Algorithm}
	}
	for _, algorithm := range algorithms {
		if _, twice := s.keys[name{key.KeyID, algorithm}]; twice {
			return fmt.Errorf("another key has the kid %q", key.KeyID)
		}
	}
	for _, algorithm := range algorithms {
		s.keys[name{key.KeyID, algorithm}] = key.Key
	}
	return nil
}

// algorithmsOf returns what a key of this type may verify. Each curve has one algorithm (RFC 7518, 3.4).
func algorithmsOf(key crypto.PublicKey) ([]string, error) {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return []string{"EdDSA"}, nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return []string{"ES256"}, nil
		case elliptic.P384():
			return []string{"ES384"}, nil
		case elliptic.P521():
			return []string{"ES512"}, nil
		}
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil, fmt.Errorf("it has %d bits; allowed are %d to %d", bits, minRSABits, maxRSABits)
		}
		return []string{"PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}, nil
	}
	return nil, fmt.Errorf("a key of type %T verifies no signature that is accepted", key)
}
