package token

import (
	"errors"
	"fmt"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Subject is the user that a token speaks for.
type Subject struct {
	Company string // slug
	User    string // name inside the company, or what a trusted issuer calls the user
	KeyID   string // the API key that identified the user, in the claim client_id (RFC 9068, 2.2); empty: a trusted issuer did
}

// Claims is what a verified token says. Whether the key is still live, and the user still active, is asked of package
// identity on every request: a token does not know.
type Claims struct {
	Subject
	Issuer    string // the name of the trusted issuer; empty: this server itself
	ID        string // jti: unique for each token
	Family    string // shared by all tokens that descend from one exchange of an API key
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// wireClaims is the payload of both kinds of token. Every member but nbf is required; members that are not listed are
// ignored (RFC 7519, 4), so that a later version may add some while servers of both versions run.
type wireClaims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"` // one string: a list is never minted, and is refused
	ExpiresAt *int64 `json:"exp"` // whole seconds: a fraction is never minted, and is refused
	NotBefore *int64 `json:"nbf,omitempty"`
	IssuedAt  *int64 `json:"iat"`
	ID        string `json:"jti"`
	ClientID  string `json:"client_id"`
	Company   string `json:"company"`
	User      string `json:"user"`
	Family    string `json:"family"`
}

var _ jwt.ClaimsValidator = (*wireClaims)(nil)

// UnmarshalJSON decodes strictly, where the JWT library would not: names are matched exactly, and a repeated name or
// invalid UTF-8 is an error (RFC 8725, 2.4 and 3.10 tell why two parsers must not read one token differently).
func (c *wireClaims) UnmarshalJSON(text []byte) error {
	type plain wireClaims // without this method
	return jsonv2.Unmarshal(text, (*plain)(c))
}

// latest is the largest time that is accepted, the end of the year 9999: beyond it arithmetic may wrap around.
const latest = 253402300799

func numericDate(name string, seconds *int64) (*jwt.NumericDate, error) {
	if seconds == nil {
		return nil, nil // missing: the validator decides whether it may be
	}
	if *seconds <= 0 || *seconds > latest {
		return nil, fmt.Errorf("%s is out of range", name)
	}
	return &jwt.NumericDate{Time: time.Unix(*seconds, 0)}, nil
}

// The jwt.Claims interface.

func (c *wireClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return numericDate("exp", c.ExpiresAt)
}
func (c *wireClaims) GetIssuedAt() (*jwt.NumericDate, error)  { return numericDate("iat", c.IssuedAt) }
func (c *wireClaims) GetNotBefore() (*jwt.NumericDate, error) { return numericDate("nbf", c.NotBefore) }
func (c *wireClaims) GetIssuer() (string, error)              { return c.Issuer, nil }
func (c *wireClaims) GetSubject() (string, error)             { return c.Subject, nil }
func (c *wireClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}

// Validate checks what the library does not: that every claim is there and has its form.
func (c *wireClaims) Validate() error {
	switch {
	case c.ExpiresAt == nil || c.IssuedAt == nil:
		return errors.New("exp and iat are required")
	case *c.ExpiresAt <= *c.IssuedAt:
		return errors.New("exp is not after iat")
	case c.Subject != c.Company+"/"+c.User:
		return errors.New("sub is not company/user")
	case !validIdentifier(c.ID):
		return errors.New("jti is not an identifier of this server")
	case !validIdentifier(c.Family):
		return errors.New("family is not an identifier of this server")
	}
	return c.subject().validate()
}

func (c *wireClaims) subject() Subject {
	return Subject{Company: c.Company, User: c.User, KeyID: c.ClientID}
}

func (c *wireClaims) claims() Claims {
	return Claims{
		Subject: c.subject(), ID: c.ID, Family: c.Family,
		IssuedAt: time.Unix(*c.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(*c.ExpiresAt, 0).UTC(),
	}
}

// maxKeyID bounds the length of a key's id in bytes. Package identity makes shorter ones.
const maxKeyID = 64

func (s Subject) validate() error {
	switch {
	case !dataapi.ValidSlug(s.Company):
		return errors.New("company is not a slug")
	case !dataapi.ValidSlug(s.User):
		return errors.New("user is not a slug")
	case s.KeyID == "" || len(s.KeyID) > maxKeyID || strings.Trim(s.KeyID, alphanumeric+"_") != "":
		return errors.New("client_id is not the id of an API key")
	}
	return nil
}

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// validIdentifier reports whether text has the form that crypto/rand.Text gives: 26 or more base-32 characters.
func validIdentifier(text string) bool {
	return len(text) >= 26 && len(text) <= maxKeyID && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
