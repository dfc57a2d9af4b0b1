package config

import (
	"slices"

	"github.com/solucao42/caddy-data-api/internal/signin"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// Trust lets another issuer of tokens, such as a company's identity provider, identify users of the companies that it
// names, and of no other. The users are declared in company.yaml, which also says what they may do; their `subject` there is
// what the issuer calls them. An access token of the issuer is accepted wherever one of this server is.
type Trust struct {
	// The `iss` claim of the issuer's tokens, to the letter. Required.
	Issuer string `json:"issuer,omitempty"`

	// The value that the `aud` claim must hold: what the issuer calls this API. Required.
	Audience string `json:"audience,omitempty"`

	// Where the issuer publishes its keys, as a JSON Web Key Set: an https URL or a file. Plain http is allowed for
	// 127.0.0.1, [::1] and localhost. The set is fetched in the background. Required.
	JWKS string `json:"jwks,omitempty"`

	// The company whose users the issuer identifies. Either this or company_claim is required.
	Company string `json:"company,omitempty"`

	// The claim that names the company, by its slug, for an issuer that identifies users of several.
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

	// What this server is called at the issuer, where people of its companies sign in to the console by it. Left out: they do not.
	ClientID string `json:"client_id,omitempty"`

	// The client's secret. Left out: it is a public client, whose codes PKCE alone guards.
	ClientSecret string `json:"client_secret,omitempty"`

	// Where browsers are sent to sign in, and where this server exchanges the code that they come back with: https URLs. Plain http is
	// allowed for 127.0.0.1, [::1] and localhost. Required with client_id.
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string `json:"token_endpoint,omitempty"`

	// What is asked for, openid among it. The default is openid.
	Scopes []string `json:"scopes,omitempty"`
}

// SignIn is the issuer as one at which people sign in.
func (t *Trust) SignIn(name string) signin.Provider {
	trust := t.Trust(name)
	provider := signin.Provider{Name: name, Issuer: t.Issuer, Companies: trust.Slugs(), Client: signin.Client{
		ID: t.ClientID, Secret: t.ClientSecret, AuthorizationEndpoint: t.AuthorizationEndpoint, TokenEndpoint: t.TokenEndpoint,
		Scopes: slices.Clone(t.Scopes),
	}}
	if provider.ID != "" && len(provider.Scopes) == 0 {
		provider.Scopes = slices.Clone(signin.DefaultScopes)
	}
	return provider
}

func (t *Trust) setDefaults() {
	setDefault(&t.UserClaim, token.DefaultUserClaim)
	if len(t.Algorithms) == 0 {
		t.Algorithms = slices.Clone(token.DefaultTrustAlgorithms)
	}
	if len(t.Types) == 0 {
		t.Types = slices.Clone(token.DefaultTrustTypes)
	}
	for i, typ := range t.Types {
		t.Types[i] = token.MediaType(typ)
	}
}

// Trust is which users the issuer may identify, with the defaults, and without its keys.
func (t *Trust) Trust(name string) token.Trust {
	full := *t
	full.Types = slices.Clone(t.Types)
	full.setDefaults()
	return token.Trust{
		Name: name, Issuer: full.Issuer, Audience: full.Audience, Types: full.Types, Algorithms: full.Algorithms,
		Company: full.Company, CompanyClaim: full.CompanyClaim, Companies: full.Companies, UserClaim: full.UserClaim,
	}
}
