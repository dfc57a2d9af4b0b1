package token

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
	"github.com/maypok86/otter/v2"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/jwks"
)

// MaxLength is the most bytes of a token that are looked at. Tokens of this server have about 600.
const MaxLength = 8 << 10

// fingerprint is what a verified token is remembered by. It is a hash, not the token, for three reasons: the cache's
// memory does not depend on the lengths that callers choose, a dump of it holds nothing that authenticates, and finding
// an entry compares no secret bytes, so that its time says nothing about how much of a guess was right.
type fingerprint [sha256.Size]byte

func fingerprintOf(text string) fingerprint {
	var buffer [1 << 10]byte // on the stack: a token of this server fits, so that a hit allocates nothing
	return sha256.Sum256(append(buffer[:0], text...))
}

// cacheClock gives the cache the authority's clock. Without ticks it cleans up while it is used, and runs no goroutine
// that someone would have to stop.
type cacheClock struct{ now func() time.Time }

func (c cacheClock) NowNano() int64                      { return c.now().UnixNano() }
func (c cacheClock) Tick(time.Duration) <-chan time.Time { return nil }

// verifiedToken is what a token says, and the keys under which that was found: under others it may say nothing.
type verifiedToken struct {
	Claims
	keys   *keySet   // of this server
	trust  *Trust    // or else of this issuer,
	issued *jwks.Set // which had published these
}

func newCache(config Config) (*otter.Cache[fingerprint, *verifiedToken], error) {
	cache, err := otter.New(&otter.Options[fingerprint, *verifiedToken]{
		MaximumSize: config.CacheEntries,
		Clock:       cacheClock{config.Now},
		ExpiryCalculator: otter.ExpiryWritingFunc(func(entry otter.Entry[fingerprint, *verifiedToken]) time.Duration {
			return max(1, entry.Value.ExpiresAt.Add(config.Leeway).Sub(config.Now()))
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return cache, nil
}

// retryUnavailable is how long a caller is asked to wait when an issuer's keys are not known.
const retryUnavailable = 10 * time.Second

// Verify returns what an access token says: one of this server, as [Authority.VerifyAccess] does, or one of a trusted
// issuer. The claim iss decides which, so that the keys of one issuer never count for another (RFC 8725, 3.8).
//
// A token of this server waits only for a key that another server may just have made. One of a trusted issuer may wait for the
// issuer's keys when its key is new, as jwks.Source.Find says; while those keys are not known at all the error is
// dataapi.CodeOverloaded, since the token can be neither good nor bad.
func (a *Authority) Verify(ctx context.Context, text string) (Claims, error) {
	if len(a.trusts) == 0 || len(text) > MaxLength {
		return a.VerifyAccess(text)
	}
	mark := fingerprintOf(text)
	if known, ok := a.verified.GetIfPresent(mark); ok && a.sameKeys(known) {
		return a.unexpired(known)
	}
	trust := a.trusts[issuerOf(text)]
	if trust == nil {
		return a.VerifyAccess(text)
	}
	claims, keys, err := trust.verify(ctx, text)
	switch {
	case errors.Is(err, jwks.ErrUnavailable):
		return Claims{}, &dataapi.Error{
			Code: dataapi.CodeOverloaded, RetryAfter: retryUnavailable, Err: fmt.Errorf("issuer %s: %w", trust.Name, err),
		}
	case err != nil:
		return Claims{}, unauthenticated(fmt.Errorf("issuer %s: %w", trust.Name, err))
	}
	a.verified.Set(mark, &verifiedToken{Claims: claims, trust: &trust.Trust, issued: keys})
	return claims, nil
}

// sameKeys reports whether the keys are still those under which a token was verified.
func (a *Authority) sameKeys(known *verifiedToken) bool {
	if known.trust != nil {
		return known.trust.Keys.Current() == known.issued
	}
	return known.keys == a.config.Keys.set.Load()
}

// VerifyAccess returns what an access token says. A token that was verified before is not verified again while it lives
// and the keys are the same, but its expiry is checked each time. Whatever is wrong with a token, the error is the same
// dataapi.CodeUnauthenticated, with the cause for the log alone. It does not block, but for a key that another server may just have
// made: see [KeyRing.SharedWith].
func (a *Authority) VerifyAccess(text string) (Claims, error) {
	if len(text) > MaxLength {
		return Claims{}, unauthenticated(errTooLong)
	}
	mark, keys := fingerprintOf(text), a.config.Keys.set.Load()
	if known, ok := a.verified.GetIfPresent(mark); ok && known.keys == keys {
		return a.unexpired(known)
	}
	claims, err := a.verify(a.access, keys, text)
	if err != nil {
		return Claims{}, err
	}
	a.verified.Set(mark, &verifiedToken{Claims: claims, keys: keys})
	return claims, nil
}

func (a *Authority) unexpired(known *verifiedToken) (Claims, error) {
	if a.config.Now().Before(known.ExpiresAt.Add(a.config.Leeway)) {
		return known.Claims, nil
	}
	return Claims{}, unauthenticated(jwt.ErrTokenExpired)
}

// VerifyRefresh returns what a refresh token says. The caller asks package identity whether the subject may still have
// tokens, and then mints a pair of the same family. The error is that of [Authority.VerifyAccess].
func (a *Authority) VerifyRefresh(text string) (Claims, error) {
	return a.verify(a.refresh, a.config.Keys.set.Load(), text)
}

// The causes of a refusal that the library does not name.
var (
	errTooLong  = fmt.Errorf("the token is longer than %d bytes", MaxLength)
	errAlphabet = errors.New("the token holds a character that no token has")
	errSegments = errors.New("the token has not three segments")
)

func unauthenticated(cause error) error { return dataapi.Wrap(dataapi.CodeUnauthenticated, cause) }

func (a *Authority) verify(kind *kind, keys *keySet, text string) (Claims, error) {
	key, err := a.checkForm(kind, keys, text)
	switch {
	case dataapi.HasCode(err, dataapi.CodeOverloaded):
		return Claims{}, err
	case err != nil:
		return Claims{}, unauthenticated(err)
	}
	var claims wireClaims
	_, err = kind.parsers[key.Algorithm()].ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return key.public, nil })
	if err != nil {
		return Claims{}, unauthenticated(err)
	}
	return claims.claims(), nil
}

// checkText refuses what is no token at all.
func checkText(text string) error {
	if len(text) > MaxLength {
		return errTooLong
	}
	// Go's base64 decoder skips line breaks even when it is strict, so that one token would have many spellings.
	for i := range len(text) {
		if c := text[i]; c != '.' && c != '-' && c != '_' && strings.IndexByte(alphanumeric, c) < 0 {
			return errAlphabet
		}
	}
	if strings.Count(text, ".") != 2 {
		return errSegments
	}
	return nil
}

// header is all that a header of this server holds. Any other member, crit, b64, jku, jwk and x5u among them, is
// refused: the keys come from the ring alone.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// checkForm refuses what the library would let pass, and returns the key that the token names.
func (a *Authority) checkForm(kind *kind, keys *keySet, text string) (*heldKey, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	encoded, _, _ := strings.Cut(text, ".")
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	var parsed header
	if err := jsonv2.Unmarshal(decoded, &parsed, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if parsed.Type != kind.typ {
		return nil, fmt.Errorf("header: typ is not %s", kind.typ)
	}
	key := keys.find(parsed.KeyID, a.config.Now())
	if key == nil {
		if key, err = a.config.Keys.findNew(parsed.KeyID); err != nil {
			return nil, err
		}
	}
	if key == nil {
		return nil, errors.New("header: kid is no key of this server")
	}
	if parsed.Algorithm != key.Algorithm() {
		return nil, fmt.Errorf("header: alg is not %s", key.Algorithm())
	}
	return key, nil
}
