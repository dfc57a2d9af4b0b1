package servertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Forger makes tokens of any header and payload.
type Forger struct {
	T    testing.TB
	Key  crypto.Signer
	Head map[string]any
	Body map[string]any
}

// Segment is a part of a token.
func Segment(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// Raw signs any header and payload.
func (f Forger) Raw(header, payload string) string {
	f.T.Helper()
	input := Segment([]byte(header)) + "." + Segment([]byte(payload))
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch key := f.Key.(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(input))
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, key, digest[:])
		signature, err = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), signErr
	}
	if err != nil {
		f.T.Fatal(err)
	}
	return input + "." + Segment(signature)
}

// Encoded writes JSON.
func Encoded(tb testing.TB, value any) string {
	tb.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// Absent takes a member out.
type Absent struct{}

// With returns base but for what is changed.
func With(base map[string]any, changes map[string]any) map[string]any {
	changed := maps.Clone(base)
	for name, value := range changes {
		if _, gone := value.(Absent); gone {
			delete(changed, name)
		} else {
			changed[name] = value
		}
	}
	return changed
}

// Token makes the good token but for what is changed.
func (f Forger) Token(head, body map[string]any) string {
	f.T.Helper()
	return f.Raw(Encoded(f.T, With(f.Head, head)), Encoded(f.T, With(f.Body, body)))
}

// MAC signs with HS256, with what is not a secret.
func (f Forger) MAC(head map[string]any, secret []byte) string {
	input := Segment([]byte(Encoded(f.T, With(f.Head, head)))) + "." + Segment([]byte(Encoded(f.T, f.Body)))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + Segment(mac.Sum(nil))
}

// Changes are members of a header or a payload.
type Changes = map[string]any

// By signs with another key.
func (f Forger) By(key crypto.Signer) Forger {
	f.Key = key
	return f
}

// Embedding brings the forger's own public key along.
func (f Forger) Embedding() string {
	return f.Token(Changes{"jwk": json.RawMessage(Encoded(f.T, jose.JSONWebKey{Key: f.Key.Public()}))}, nil)
}

// NewRSA makes an RSA key.
func NewRSA(tb testing.TB) *rsa.PrivateKey {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// NewEC makes a key of P-256.
func NewEC(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// NewEd makes an Ed25519 key.
func NewEd(tb testing.TB) ed25519.PrivateKey {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// WriteJWKS publishes a key in a file.
func WriteJWKS(tb testing.TB, path, kid string, key crypto.Signer) {
	tb.Helper()
	document := Encoded(tb, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: kid, Use: "sig"}}})
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// TrustOptions are those of a server that trusts the issuer of ForeignToken, whose keys are at the URL or path that is to be filled in.
const TrustOptions = `tokens {
	issuer https://api.example.com
	trust acme-idp {
		issuer https://idp.example.com
		audience urn:example:data-api
		jwks %s
		company acme
	}
}`

// ForeignToken makes a token of a trusted issuer.
func ForeignToken(t testing.TB, kid string, key ed25519.PrivateKey, subject string) string {
	now := time.Now().Unix()
	return Forger{T: t, Key: key, Head: Changes{"alg": "EdDSA", "kid": kid, "typ": "at+jwt"}, Body: Changes{
		"iss": "https://idp.example.com", "aud": "urn:example:data-api", "sub": subject, "iat": now, "exp": now + 600,
	}}.Token(nil, nil)
}
