package token

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// MinHMACSecret is the least length of an HS256 secret in bytes (RFC 7518, 3.2).
const MinHMACSecret = 32

// Key signs and verifies tokens. It is immutable.
type Key struct {
	id      string // kid
	method  jwt.SigningMethod
	private any // what signs
	public  any // what verifies
	jwk     *jwk
}

// jwk is a public key as RFC 8037 writes it.
type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
}

// NewEdDSAKey makes an Ed25519 key (RFC 8037) of a seed of 32 random bytes. Its id is its thumbprint (RFC 7638).
func NewEdDSAKey(seed []byte) (Key, error) {
	if len(seed) != ed25519.SeedSize {
		return Key{}, fmt.Errorf("the seed of an Ed25519 key has %d bytes; it must have %d", len(seed), ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	x := base64.RawURLEncoding.EncodeToString(public)
	id := thumbprint(sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`)))
	return Key{
		id: id, method: jwt.SigningMethodEdDSA, private: private, public: public,
		jwk: &jwk{KeyType: "OKP", Curve: "Ed25519", X: x, ID: id, Algorithm: jwt.SigningMethodEdDSA.Alg(), Use: "sig"},
	}, nil
}

// NewHS256Key makes an HMAC key of a secret of at least [MinHMACSecret] bytes. Whoever holds the secret to verify tokens
// can also mint them: prefer EdDSA wherever another party verifies.
func NewHS256Key(secret []byte) (Key, error) {
	if len(secret) < MinHMACSecret {
		return Key{}, fmt.Errorf("the HS256 secret has %d bytes; at least %d are needed", len(secret), MinHMACSecret)
	}
	secret = append([]byte(nil), secret...)
	// RFC 7638, 7 warns of publishing the plain hash of a symmetric key, hence a MAC under that key.
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("kid"))
	return Key{
		id: thumbprint([sha256.Size]byte(mac.Sum(nil))), method: jwt.SigningMethodHS256, private: secret, public: secret,
	}, nil
}

func thumbprint(sum [sha256.Size]byte) string { return base64.RawURLEncoding.EncodeToString(sum[:]) }

// ID returns the key's id, as it stands in the header kid of its tokens.
func (k Key) ID() string { return k.id }

// Algorithm returns the JWS algorithm, EdDSA or HS256.
func (k Key) Algorithm() string { return k.method.Alg() }

// String names the key without its secret.
func (k Key) String() string { return "token key " + k.id }

// GoString names the key without its secret.
func (k Key) GoString() string { return k.String() }

// KeyRing is the key that signs and all keys that verify. It is immutable: a rotation makes another ring.
type KeyRing struct {
	signing Key
	byID    map[string]Key
	jwks    []byte
}

// NewKeyRing makes a ring. Tokens of the signing key and of the verifying ones are accepted; they must all be of one
// algorithm, so that a token can never choose how it is verified (RFC 8725, 3.1).
func NewKeyRing(signing Key, verifying ...Key) (*KeyRing, error) {
	ring := &KeyRing{signing: signing, byID: make(map[string]Key)}
	document := struct {
		Keys []*jwk `json:"keys"`
	}{Keys: []*jwk{}}
	for _, key := range append([]Key{signing}, verifying...) {
		if key.method == nil {
			return nil, errors.New("a token key is empty")
		}
		if key.method != signing.method {
			return nil, fmt.Errorf("the token keys mix %s with %s; one ring has one algorithm",
				signing.Algorithm(), key.Algorithm())
		}
		if _, twice := ring.byID[key.id]; twice {
			return nil, fmt.Errorf("the token key %s stands in the ring twice", key.id)
		}
		ring.byID[key.id] = key
		if key.jwk != nil {
			document.Keys = append(document.Keys, key.jwk)
		}
	}
	var err error
	ring.jwks, err = json.Marshal(document)
	return ring, err
}

// SecretStore keeps secrets that the server makes for itself. The embedded store is one.
type SecretStore interface {
	// Secret returns the secret of this name, and makes and keeps it durably first when there is none. All callers of
	// one name get the same bytes.
	Secret(name string, generate func() ([]byte, error)) ([]byte, error)
}

// signingSecret names the seed of the server's own Ed25519 key in the store.
const signingSecret = "token-signing-ed25519"

// OpenKeyRing returns the ring of the server's own Ed25519 key, which is made on first use and kept in the store.
// It blocks for as long as the store takes.
func OpenKeyRing(store SecretStore) (*KeyRing, error) {
	seed, err := store.Secret(signingSecret, func() ([]byte, error) {
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed) // never fails: the process ends when the system has no randomness
		return seed, nil
	})
	if err != nil {
		return nil, fmt.Errorf("the signing key of tokens: %w", err)
	}
	key, err := NewEdDSAKey(seed)
	if err != nil {
		return nil, fmt.Errorf("the signing key of tokens in the store is damaged: %w", err)
	}
	return NewKeyRing(key)
}

// Signing returns the key that signs.
func (r *KeyRing) Signing() Key { return r.signing }

// JWKS returns the public keys as a JSON Web Key Set (RFC 7517, 5), the signing key first. HS256 keys are never in it.
// The bytes are the caller's own.
func (r *KeyRing) JWKS() []byte { return append([]byte(nil), r.jwks...) }

// String names the ring's keys without their secrets.
func (r *KeyRing) String() string {
	return fmt.Sprintf("token key ring, signing with %s, %d keys in all", r.signing.id, len(r.byID))
}

// GoString names the ring's keys without their secrets.
func (r *KeyRing) GoString() string { return r.String() }
