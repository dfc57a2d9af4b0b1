package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

const (
	// maxForeignTTL is the longest life of a token of another issuer: nobody can tell this server that such a token is
	// revoked.
	maxForeignTTL = MaxAccessTTL

	maxForeignName = 255 // bytes of what names a user
	maxAudiences   = 32
)

// foreignClaims is the payload of another issuer's token: what RFC 9068, 2.2 requires of an access token and what says
// whom it identifies. The rest is nothing to us.
type foreignClaims struct {
	trust  *Trust
	signIn *signIn // of an ID token; nil: it is an access token

	members                        map[string]jsontext.Value
	audience                       jwt.ClaimStrings
	issuer, subject                string
	expiresAt, notBefore, issuedAt *int64
	read                           Claims
}

var _ jwt.ClaimsValidator = (*foreignClaims)(nil)

// UnmarshalJSON decodes strictly: names are matched exactly, and a repeated name or invalid UTF-8 is an error. Times are
// whole seconds; a fraction, which RFC 7519 would allow, is refused.
func (c *foreignClaims) UnmarshalJSON(text []byte) error {
	if err := jsonv2.Unmarshal(text, &c.members); err != nil {
		return err
	}
	for name, target := range map[string]any{
		"iss": &c.issuer, "sub": &c.subject, "exp": &c.expiresAt, "nbf": &c.notBefore, "iat": &c.issuedAt,
	} {
		if value, ok := c.members[name]; ok {
			if err := jsonv2.Unmarshal(value, target); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	audience := c.members["aud"]
	if audience.Kind() == '[' {
		return jsonv2.Unmarshal(audience, (*[]string)(&c.audience))
	}
	c.audience = make(jwt.ClaimStrings, 1)
	if audience == nil {
		return errors.New("aud is required")
	}
	return jsonv2.Unmarshal(audience, &c.audience[0])
}

// The jwt.Claims interface.

func (c *foreignClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return numericDate("exp", c.expiresAt)
}
func (c *foreignClaims) GetIssuedAt() (*jwt.NumericDate, error) {
	return numericDate("iat", c.issuedAt)
}
func (c *foreignClaims) GetNotBefore() (*jwt.NumericDate, error) {
	return numericDate("nbf", c.notBefore)
}
func (c *foreignClaims) GetIssuer() (string, error)             { return c.issuer, nil }
func (c *foreignClaims) GetSubject() (string, error)            { return c.subject, nil }
func (c *foreignClaims) GetAudience() (jwt.ClaimStrings, error) { return c.audience, nil }

// Validate checks what the library does not, and reads which user the token identifies.
func (c *foreignClaims) Validate() error {
	switch {
	case c.expiresAt == nil || c.issuedAt == nil:
		return errors.New("exp and iat are required")
	case *c.expiresAt <= *c.issuedAt:
		return errors.New("exp is not after iat")
	case *c.expiresAt-*c.issuedAt > int64(maxForeignTTL/time.Second):
		return fmt.Errorf("the token lives longer than %v", maxForeignTTL)
	case c.subject == "":
		return errors.New("sub is required")
	case len(c.audience) > maxAudiences:
		return fmt.Errorf("aud has more than %d values", maxAudiences)
	}
	// What only ID tokens, logout tokens and security events carry: they are signed by the same keys, and grant nothing.
	for _, mark := range []string{"at_hash", "c_hash", "s_hash", "events"} {
		if _, ok := c.members[mark]; ok && (c.signIn == nil || mark == "events") {
			return fmt.Errorf("the claim %s does not belong to an access token", mark)
		}
	}
	if c.signIn != nil {
		if err := c.checkSignIn(); err != nil {
			return err
		}
	}
	company, err := c.company()
	if err != nil {
		return err
	}
	user, err := c.user()
	if err != nil {
		return err
	}
	c.read = Claims{
		Issuer: c.trust.Name, Subject: Subject{Company: company, User: user},
		IssuedAt: time.Unix(*c.issuedAt, 0).UTC(), ExpiresAt: time.Unix(*c.expiresAt, 0).UTC(),
	}
	return nil
}

func (c *foreignClaims) company() (string, error) {
	if c.trust.Company != "" {
		return c.trust.Company, nil
	}
	company, err := c.text(c.trust.CompanyClaim)
	if err != nil {
		return "", err
	}
	if !slices.Contains(c.trust.Companies, company) {
		return "", errors.New("the issuer is not trusted for the company")
	}
	return company, nil
}

func (c *foreignClaims) user() (string, error) {
	if c.trust.UserClaim == "email" && string(c.members["email_verified"]) != "true" {
		return "", errors.New("email counts only where email_verified is true") // anybody can claim to have any address
	}
	return c.text(c.trust.UserClaim)
}

// text returns a claim that names somebody.
func (c *foreignClaims) text(claim string) (text string, err error) {
	value := c.members[claim]
	if value.Kind() != '"' {
		return "", fmt.Errorf("the claim %s is missing, or no text", claim)
	}
	if err := jsonv2.Unmarshal(value, &text); err != nil {
		return "", fmt.Errorf("the claim %s: %w", claim, err)
	}
	if !validForeignName(text) {
		return "", fmt.Errorf("the claim %s must have 1 to %d bytes, without control characters", claim, maxForeignName)
	}
	return text, nil
}

// validForeignName reports whether text can be what another issuer calls a user: 1 to 255 bytes of UTF-8 without control
// characters.
func validForeignName(text string) bool {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	return text != "" && len(text) <= maxForeignName && utf8.ValidString(text) && !strings.ContainsFunc(text, control)
}
