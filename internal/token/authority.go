package token

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/maypok86/otter/v2"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Defaults and limits of a [Config].
const (
	DefaultAccessTTL  = 10 * time.Minute
	DefaultRefreshTTL = 7 * 24 * time.Hour
	MaxAccessTTL      = 24 * time.Hour
	MaxRefreshTTL     = 365 * 24 * time.Hour

	DefaultLeeway = 5 * time.Second
	MaxLeeway     = 30 * time.Second

	DefaultCacheEntries = 16384 // about 10 MiB when full
)

// The media types of tokens, in the header typ. They keep one kind from passing for the other (RFC 8725, 3.11).
const (
	accessType  = "at+jwt" // RFC 9068, 2.1
	refreshType = "rt+jwt"
)

// Config is how an authority mints and verifies. No field but Trusts has a default here: a check whose setting is empty would be
// no check.
type Config struct {
	Issuer       string        // claim iss, such as https://api.example.com
	Audience     string        // claim aud of access tokens
	AccessTTL    time.Duration // see CheckLifetimes
	RefreshTTL   time.Duration
	Leeway       time.Duration // clock difference forgiven between servers, 0 to MaxLeeway
	Keys         *KeyRing
	Trusts       []Trust          // other issuers whose access tokens are accepted, each of its own iss; may be empty
	CacheEntries int              // verified access tokens kept in memory, at least 1
	Now          func() time.Time // the clock; time.Now but in tests
}

// Authority mints tokens and verifies its own. It belongs to one configuration: when that changes another authority is
// made, and nothing that this one has verified counts there. When its key ring changes, what was verified before is
// verified again. It is safe for concurrent use, holds no goroutine and needs no closing.
type Authority struct {
	config   Config
	access   *kind
	refresh  *kind
	trusts   map[string]*trusted // by issuer
	verified *otter.Cache[fingerprint, *verifiedToken]
}

// kind is what tells access from refresh tokens.
type kind struct {
	typ      string
	audience string
	ttl      time.Duration
	parsers  map[string]*jwt.Parser // by the one algorithm that each accepts
}

// String names the authority without its keys' secrets.
func (a *Authority) String() string { return "token authority " + a.config.Issuer }

// GoString names the authority without its keys' secrets.
func (a *Authority) GoString() string { return a.String() }

// New makes an authority. It refuses a configuration in which anything is missing or out of range.
func New(config Config) (*Authority, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	authority := &Authority{config: config}
	authority.access = authority.kindOf(accessType, config.Audience, config.AccessTTL)
	authority.refresh = authority.kindOf(refreshType, config.refreshAudience(), config.RefreshTTL)
	var err error
	if authority.trusts, err = newTrusts(config); err != nil {
		return nil, err
	}
	authority.verified, err = newCache(config)
	return authority, err
}

// refreshAudience is the audience of refresh tokens: only that route takes them.
func (c *Config) refreshAudience() string {
	return strings.TrimSuffix(c.Issuer, "/") + dataapi.PathRefresh
}

func (c *Config) validate() error {
	switch {
	case !plain(c.Issuer):
		return errors.New("tokens: the issuer must be 1 to 255 visible ASCII characters, such as https://api.example.com")
	case !plain(c.Audience):
		return errors.New("tokens: the audience must be 1 to 255 visible ASCII characters, such as https://api.example.com")
	case c.Audience == c.refreshAudience():
		return fmt.Errorf("tokens: the audience %s is that of refresh tokens; choose another", c.Audience)
	case c.AccessTTL == 0 || c.RefreshTTL == 0:
		return errors.New("tokens: how long tokens live is missing")
	case c.Leeway < 0 || c.Leeway > MaxLeeway:
		return fmt.Errorf("tokens: the leeway is %v; allowed is 0s to %v", c.Leeway, MaxLeeway)
	case c.Keys == nil || c.Keys.set.Load() == nil || len(c.Keys.set.Load().keys) == 0:
		return errors.New("tokens: there is no signing key")
	case c.CacheEntries < 1:
		return fmt.Errorf("tokens: the cache has %d entries; at least 1 is needed", c.CacheEntries)
	case c.Now == nil:
		return errors.New("tokens: there is no clock")
	}
	return CheckLifetimes(c.AccessTTL, c.RefreshTTL)
}

// CheckLifetimes reports what is wrong with how long access and refresh tokens are to live: whole seconds, up to
// [MaxAccessTTL] and [MaxRefreshTTL], a refresh token no shorter than an access token. Zero is left out, and right.
func CheckLifetimes(access, refresh time.Duration) error {
	faults := []error{checkLifetime("access_ttl", access, MaxAccessTTL), checkLifetime("refresh_ttl", refresh, MaxRefreshTTL)}
	if access != 0 && refresh != 0 && refresh < access {
		faults = append(faults, errors.New(
			"tokens.refresh_ttl is shorter than tokens.access_ttl: a token that cannot outlive the other renews nothing"))
	}
	return errors.Join(faults...)
}

func checkLifetime(setting string, lifetime, most time.Duration) error {
	switch {
	case lifetime == 0:
		return nil
	case lifetime < time.Second || lifetime > most:
		return fmt.Errorf("tokens.%s is %s: it must lie between %s and %s", setting, lifetime, time.Second, most)
	case lifetime%time.Second != 0:
		return fmt.Errorf("tokens.%s is %s: it must be whole seconds", setting, lifetime)
	default:
		return nil
	}
}

func plain(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return text != "" && len(text) <= 255
}

func (a *Authority) kindOf(typ, audience string, ttl time.Duration) *kind {
	parsers := make(map[string]*jwt.Parser)
	for _, algorithm := range []string{EdDSA, ES256, HS256} {
		parsers[algorithm] = newParser(a.config, algorithm, a.config.Issuer, audience)
	}
	return &kind{typ: typ, audience: audience, ttl: ttl, parsers: parsers}
}

// newParser makes a parser that accepts one algorithm, one issuer and one audience.
func newParser(config Config, algorithm, issuer, audience string) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods([]string{algorithm}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithStrictDecoding(),
		jwt.WithLeeway(config.Leeway),
		jwt.WithTimeFunc(config.Now),
	)
}

// Token is a signed token and what it says.
type Token struct {
	Text   string // secret: its holder is taken for the subject
	Claims Claims
}

// Pair is what an exchange of credentials gives.
type Pair struct {
	Access, Refresh Token
}

// AccessTTL is how long an access token lives, for access_token_expires_in.
func (a *Authority) AccessTTL() time.Duration { return a.config.AccessTTL }

// RefreshTTL is how long a refresh token lives, for refresh_token_expires_in.
func (a *Authority) RefreshTTL() time.Duration { return a.config.RefreshTTL }

// Mint makes an access token and a refresh token for a subject. family is that of the refresh token that was
// exchanged for them, or empty to begin a new one. It fails when the subject cannot be written into a token.
func (a *Authority) Mint(subject Subject, family string) (Pair, error) {
	if err := subject.validate(); err != nil {
		return Pair{}, fmt.Errorf("minting a token: %w", err)
	}
	if family == "" {
		family = rand.Text()
	}
	if !validIdentifier(family) {
		return Pair{}, errors.New("minting a token: the family is not an identifier of this server")
	}
	return a.mint(subject, family, Link{AccessID: rand.Text(), RefreshID: rand.Text(), IssuedAt: a.config.Now()})
}

// mint makes the pair of a link.
func (a *Authority) mint(subject Subject, family string, link Link) (Pair, error) {
	key := a.config.Keys.set.Load().signing(a.config.Now())
	if key == nil {
		return Pair{}, errors.New("minting a token: no key signs")
	}
	access, err := a.sign(key, a.access, subject, family, link.AccessID, link.IssuedAt.Unix())
	if err != nil {
		return Pair{}, err
	}
	refresh, err := a.sign(key, a.refresh, subject, family, link.RefreshID, link.IssuedAt.Unix())
	if err != nil {
		return Pair{}, err
	}
	return Pair{Access: access, Refresh: refresh}, nil
}

func (a *Authority) sign(key *heldKey, kind *kind, subject Subject, family, id string, now int64) (Token, error) {
	expiry := now + int64(kind.ttl/time.Second)
	claims := &wireClaims{
		Issuer: a.config.Issuer, Subject: subject.Company + "/" + subject.User, Audience: kind.audience,
		ExpiresAt: &expiry, IssuedAt: &now, ID: id,
		ClientID: subject.KeyID, Company: subject.Company, User: subject.User, Family: family,
	}
	unsigned := jwt.NewWithClaims(key.method, claims)
	unsigned.Header["typ"] = kind.typ
	unsigned.Header["kid"] = key.id
	text, err := unsigned.SignedString(key.private)
	if err != nil {
		return Token{}, fmt.Errorf("signing a token: %w", err)
	}
	return Token{Text: text, Claims: claims.claims()}, nil
}
