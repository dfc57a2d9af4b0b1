package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/jwks"
)

// Trust lets another issuer of tokens, such as a company's identity provider, vouch for users of the companies that it
// names, and of no other. The users stand in company.yaml, which also says what they may do; their `subject` there is
// what the issuer calls them. An access token of the issuer is accepted wherever one of this server is.
type Trust struct {
	// The `iss` claim of the issuer's tokens, to the letter. Required.
	Issuer string `json:"issuer,omitempty"`

	// The value that the `aud` claim must hold: what the issuer calls this API. Required.
	Audience string `json:"audience,omitempty"`

	// Where the issuer publishes its keys, as a JSON Web Key Set: an https URL or a file. Plain http is allowed for
	// 127.0.0.1, [::1] and localhost. The set is fetched in the background. Required.
	JWKS string `json:"jwks,omitempty"`

	// The company whose users the issuer vouches for. Either this or company_claim is required.
	Company string `json:"company,omitempty"`

	// The claim that names the company, by its slug, for an issuer that vouches for several.
	CompanyClaim string `json:"company_claim,omitempty"`

	// The companies that company_claim may name. Required with it.
	Companies []string `json:"companies,omitempty"`

	// The claim that names the user, as `subject` in company.yaml does. With `email`, the claim email_verified must be
	// true. The default is sub.
	UserClaim string `json:"user_claim,omitempty"`

	// The algorithms that may sign, of EdDSA, ES256, ES384, ES512, PS256, PS384, PS512, RS256, RS384 and RS512.
	// The default is EdDSA, ES256, PS256 and RS256.
	Algorithms []string `json:"algorithms,omitempty"`

	// The `typ` headers that are accepted. The default is at+jwt, which tells access tokens from all others (RFC 9068);
	// issuers that give access tokens the type JWT need `jwt`, and then the audience alone tells.
	Types []string `json:"types,omitempty"`
}

// DefaultUserClaim names the user in another issuer's tokens.
const DefaultUserClaim = "sub"

var (
	defaultTrustAlgorithms = []string{"EdDSA", "ES256", "PS256", "RS256"}
	defaultTrustTypes      = []string{"at+jwt"}
)

func (t *Trust) setDefaults() {
	setDefault(&t.UserClaim, DefaultUserClaim)
	if len(t.Algorithms) == 0 {
		t.Algorithms = slices.Clone(defaultTrustAlgorithms)
	}
	if len(t.Types) == 0 {
		t.Types = slices.Clone(defaultTrustTypes)
	}
	for i, typ := range t.Types {
		t.Types[i] = strings.TrimPrefix(strings.ToLower(typ), "application/") // RFC 7515, 4.1.9
	}
}

// Slugs lists the companies whose users the issuer may vouch for.
func (t *Trust) Slugs() []string {
	if t.Company != "" {
		return []string{t.Company}
	}
	return t.Companies
}

// validate reports what is wrong with the settings, of which those that are required must be there.
func (t *Trust) validate(name string) error {
	setting := "tokens.trusts." + name + "."
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(setting+format, args...)) }
	if !dataapi.ValidSlug(name) {
		faults = append(faults, fmt.Errorf("tokens.trusts: %q cannot name an issuer: a name has %s", name, dataapi.SlugRule))
	}
	for part, value := range map[string]string{"issuer": t.Issuer, "audience": t.Audience} {
		if value == "" || len(value) > 255 || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			fault("%s is %q: it must have 1 to 255 visible ASCII characters", part, value)
		}
	}
	if !strings.Contains(t.JWKS, "{") { // a placeholder is looked at once it is replaced
		if err := jwks.CheckLocation(t.JWKS); err != nil {
			fault("jwks %w", err)
		}
	}
	switch {
	case t.Company == "" && t.CompanyClaim == "":
		fault("company is missing: name the company whose users the issuer vouches for, or set company_claim and companies")
	case t.Company != "" && (t.CompanyClaim != "" || len(t.Companies) > 0):
		fault("company and company_claim exclude each other: an issuer vouches for one company, or for those that its claim may name")
	case t.CompanyClaim != "" && len(t.Companies) == 0:
		fault("companies is missing: list the companies that the claim %s may name", t.CompanyClaim)
	}
	for _, slug := range t.Slugs() {
		if !dataapi.ValidSlug(slug) {
			fault("company %q is no slug: it has %s", slug, dataapi.SlugRule)
		}
	}
	for _, algorithm := range t.Algorithms {
		if !slices.Contains(jwks.Algorithms(), algorithm) {
			fault("algorithms: %q is not allowed; choose of %s%s", algorithm, strings.Join(jwks.Algorithms(), ", "),
				didYouMean(algorithm, jwks.Algorithms()...))
		}
	}
	for _, typ := range t.Types {
		if typ == "" || strings.ContainsFunc(typ, func(r rune) bool { return r <= ' ' || r > unicode.MaxASCII }) {
			fault("types: %q must be such as at+jwt or jwt", typ)
		}
	}
	return errors.Join(faults...)
}
