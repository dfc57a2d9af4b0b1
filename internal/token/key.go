package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// The algorithms that tokens can be signed with (RFC 7518, 3.1; RFC 8037, 3.1).
const (
	EdDSA = "EdDSA" // Ed25519
	ES256 = "ES256" // ECDSA with P-256 and SHA-256
	HS256 = "HS256" // HMAC with SHA-256: a service that verifies can also mint
)

// MinHMACSecret is the least length of an HS256 secret in bytes (RFC 7518, 3.2).
const MinHMACSecret = 32

// Key signs and verifies tokens. It is immutable.
type Key struct {
	id      string // kid
	method  jwt.SigningMethod
	private any              // what signs
	public  any              // what verifies
	jwk     *jose.JSONWebKey // what is published; nil for HS256
}

// NewEdDSAKey makes an Ed25519 key (RFC 8037) of a seed of 32 random bytes. Its id is its thumbprint (RFC 7638).
func NewEdDSAKey(seed []byte) (Key, error) {
	if len(seed) != ed25519.SeedSize {
		return Key{}, fmt.Errorf("the seed of an Ed25519 key has %d bytes; it must have %d", len(seed), ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(seed)
	return newPublicKey(jwt.SigningMethodEdDSA, private, private.Public())
}

// NewES256Key makes a P-256 key (RFC 7518, 3.4) of its 32-byte scalar, the most significant byte first. Its id is its
// thumbprint (RFC 7638). A scalar of zero, or not below the order of the curve, is refused.
func NewES256Key(scalar []byte) (Key, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return Key{}, fmt.Errorf("the scalar of a P-256 key: %w", err)
	}
	return newPublicKey(jwt.SigningMethodES256, private, &private.PublicKey)
}

func newPublicKey(method jwt.SigningMethod, private crypto.Signer, public crypto.PublicKey) (Key, error) {
	published := &jose.JSONWebKey{Key: public, Algorithm: method.Alg(), Use: "sig"}
	sum, err := published.Thumbprint(crypto.SHA256)
	if err != nil {
		return Key{}, fmt.Errorf("the thumbprint of a token key: %w", err)
	}
	published.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	return Key{id: published.KeyID, method: method, private: private, public: public, jwk: published}, nil
}

// NewHS256Key makes an HMAC key of a secret of at least [MinHMACSecret] bytes. A service that holds the secret to verify tokens
// can also mint them: prefer EdDSA wherever another party verifies.
func NewHS256Key(secret []byte) (Key, error) {
	if len(secret) < MinHMACSecret {
		return Key{}, fmt.Errorf("the HS256 secret has %d bytes; at least %d are needed", len(secret), MinHMACSecret)
	}
	secret = append([]byte(nil), secret...)
	// RFC 7638, 7 warns of publishing the plain hash of a symmetric key, hence a MAC under that key.
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("kid"))
	id := base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	return Key{id: id, method: jwt.SigningMethodHS256, private: secret, public: secret}, nil
}

// keyOf makes the key of what a store has of it.
func keyOf(algorithm string, private []byte) (Key, error) {
	switch algorithm {
	case EdDSA:
		return NewEdDSAKey(private)
	case ES256:
		return NewES256Key(private)
	}
	return Key{}, fmt.Errorf("keys that are kept sign with %s or %s, not with %q", EdDSA, ES256, algorithm)
}

// generate returns the private part of a new key.
func generate(algorithm string) ([]byte, error) {
	switch algorithm {
	case EdDSA:
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed) // never fails: the process ends when the system has no randomness
		return seed, nil
	case ES256:
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return private.Bytes()
	}
	return nil, errors.New("tokens can be signed with EdDSA or ES256 by keys that the server makes")
}

// ID returns the key's id, as it is in the header kid of its tokens.
func (k Key) ID() string { return k.id }

// Algorithm returns the JWS algorithm: EdDSA, ES256 or HS256.
func (k Key) Algorithm() string { return k.method.Alg() }

// String names the key without its secret.
func (k Key) String() string { return "token key " + k.id }

// GoString names the key without its secret.
func (k Key) GoString() string { return k.String() }
