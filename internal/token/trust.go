package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/jwks"
)

// Trust says which users another issuer of tokens, a company's identity provider, may identify: users of the companies that
// are named here, and of no other. All fields but one of Company and CompanyClaim are required.
type Trust struct {
	Name       string   // for the log and the audit log
	Issuer     string   // claim iss, to the letter
	Audience   string   // one of the values of claim aud
	Types      []string // accepted typ headers, in lower case and without application/, such as at+jwt
	Algorithms []string // accepted alg headers, of jwks.Algorithms

	Company      string   // whose users the issuer identifies
	CompanyClaim string   // or else the claim that names the company,
	Companies    []string // which must be one of these

	UserClaim string // names the user; email counts only beside email_verified

	Keys *jwks.Source // started, and open for as long as the authority is used
}

// DefaultUserClaim names the user where a configuration does not say.
const DefaultUserClaim = "sub"

// DefaultTrustAlgorithms and DefaultTrustTypes are accepted where a configuration does not say.
var (
	DefaultTrustAlgorithms = []string{EdDSA, ES256, "PS256", "RS256"}
	DefaultTrustTypes      = []string{accessType}
)

// CheckTrusts reports everything that is wrong with the trusts of a server whose own issuer is given, but for their keys.
func CheckTrusts(own string, trusts []Trust) error {
	var faults []error
	names := make(map[string]string) // by issuer
	for i := range trusts {
		trust := &trusts[i]
		if !dataapi.ValidSlug(trust.Name) {
			faults = append(faults, fmt.Errorf("tokens.trusts: %q cannot name an issuer: a name has %s", trust.Name, dataapi.SlugRule))
		}
		for _, fault := range trust.faults(own) {
			faults = append(faults, fmt.Errorf("tokens.trusts.%s.%w", trust.Name, fault))
		}
		if other := names[trust.Issuer]; other != "" {
			faults = append(faults, fmt.Errorf("tokens.trusts: %s and %s have one issuer, %s", other, trust.Name, trust.Issuer))
		}
		names[trust.Issuer] = trust.Name
	}
	return errors.Join(faults...)
}

func (t *Trust) faults(own string) (faults []error) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch {
	case !plain(t.Issuer):
		fault("issuer is %q: it must have 1 to 255 visible ASCII characters", t.Issuer)
	case t.Issuer == own:
		fault("issuer is this server's own")
	}
	if !plain(t.Audience) {
		fault("audience is %q: it must have 1 to 255 visible ASCII characters", t.Audience)
	}
	switch {
	case t.Company == "" && t.CompanyClaim == "":
		fault("company is missing: name the company whose users the issuer identifies, or set company_claim and companies")
	case t.Company != "" && (t.CompanyClaim != "" || len(t.Companies) > 0):
		fault("company and company_claim exclude each other: an issuer is trusted for one company, or for those that its claim may name")
	case t.CompanyClaim != "" && len(t.Companies) == 0:
		fault("companies is missing: list the companies that the claim %s may name", t.CompanyClaim)
	}
	for _, slug := range t.Slugs() {
		if !dataapi.ValidSlug(slug) {
			fault("company %q is no slug: it has %s", slug, dataapi.SlugRule)
		}
	}
	if t.UserClaim == "" || len(t.Algorithms) == 0 || len(t.Types) == 0 {
		fault("user_claim, algorithms and types must not be empty")
	}
	for _, algorithm := range t.Algorithms {
		if !slices.Contains(jwks.Algorithms(), algorithm) {
			fault("algorithms: %q is not allowed; choose of %s%s", algorithm, strings.Join(jwks.Algorithms(), ", "),
				dataapi.DidYouMean(algorithm, jwks.Algorithms()))
		}
	}
	for _, typ := range t.Types {
		if typ != MediaType(typ) || !plain(typ) {
			fault("types: %q must be such as at+jwt or jwt", typ)
		}
	}
	return faults
}

// Slugs lists the companies whose users the issuer may identify.
func (t *Trust) Slugs() []string {
	if t.Company != "" {
		return []string{t.Company}
	}
	return t.Companies
}

// MediaType returns a typ header in its short form (RFC 7515, 4.1.9): media types are not case-sensitive.
func MediaType(typ string) string { return strings.TrimPrefix(strings.ToLower(typ), "application/") }

// trusted is a trust with its parsers, by the one algorithm that each accepts.
type trusted struct {
	Trust
	parsers map[string]*jwt.Parser
}

func newTrusts(config Config) (map[string]*trusted, error) {
	if err := CheckTrusts(config.Issuer, config.Trusts); err != nil {
		return nil, err
	}
	trusts := make(map[string]*trusted, len(config.Trusts))
	for _, trust := range config.Trusts {
		if trust.Keys == nil {
			return nil, fmt.Errorf("tokens.trusts.%s has no keys", trust.Name)
		}
		ready := &trusted{Trust: trust, parsers: make(map[string]*jwt.Parser)}
		for _, algorithm := range trust.Algorithms {
			ready.parsers[algorithm] = newParser(config, algorithm, trust.Issuer, trust.Audience)
		}
		trusts[trust.Issuer] = ready
	}
	return trusts, nil
}

func (t *trusted) verify(ctx context.Context, text string) (Claims, *jwks.Set, error) {
	return t.parse(ctx, text, t.Types, t.parsers, &foreignClaims{trust: &t.Trust})
}

// parse verifies a token of one of some types by the parser of its algorithm. An empty type is that of a token without one.
func (t *trusted) parse(
	ctx context.Context, text string, types []string, parsers map[string]*jwt.Parser, claims *foreignClaims,
) (Claims, *jwks.Set, error) {
	if err := checkText(text); err != nil {
		return Claims{}, nil, err
	}
	head, err := foreignHeader(text)
	if err != nil {
		return Claims{}, nil, err
	}
	parser := parsers[head.Algorithm]
	switch {
	case parser == nil:
		return Claims{}, nil, errors.New("header: alg is not allowed")
	case !slices.Contains(types, MediaType(head.Type)):
		return Claims{}, nil, errors.New("header: typ is not allowed")
	case head.KeyID == "":
		return Claims{}, nil, errors.New("header: kid is missing")
	}
	key, keys, err := t.Keys.Find(ctx, head.KeyID, head.Algorithm)
	if err != nil {
		return Claims{}, nil, err
	}
	if _, err := parser.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
		return Claims{}, nil, err
	}
	return claims.read, keys, nil
}

// refusedMembers are headers that would bring keys, name extensions that must be understood, or tell of content that is
// no plain set of claims. The keys come from where the configuration says, and from there alone.
var refusedMembers = []string{"crit", "b64", "jwk", "jku", "x5u", "x5c", "cty", "zip", "enc", "epk", "p2c"}

// foreignHeader reads the header of another issuer's token. Members that carry no danger, such as x5t, are allowed in it.
func foreignHeader(text string) (head header, err error) {
	encoded, _, _ := strings.Cut(text, ".")
	var members map[string]jsontext.Value
	if err := decodeSegment(encoded, &members); err != nil {
		return head, fmt.Errorf("header: %w", err)
	}
	for _, refused := range refusedMembers {
		if _, ok := members[refused]; ok {
			return head, fmt.Errorf("header: %s is refused", refused)
		}
	}
	for member, target := range map[string]*string{"alg": &head.Algorithm, "kid": &head.KeyID, "typ": &head.Type} {
		if value, ok := members[member]; ok {
			if err := jsonv2.Unmarshal(value, target); err != nil {
				return head, fmt.Errorf("header: %s: %w", member, err)
			}
		}
	}
	return head, nil
}

// issuerOf returns the claim iss of a token that nobody has verified yet, or "". It decides by whose keys the token is
// verified, and nothing else.
func issuerOf(text string) string {
	_, rest, _ := strings.Cut(text, ".")
	encoded, _, _ := strings.Cut(rest, ".")
	var claims struct {
		Issuer string `json:"iss"`
	}
	if decodeSegment(encoded, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

func decodeSegment(encoded string, target any) error {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return err
	}
	return jsonv2.Unmarshal(decoded, target)
}
