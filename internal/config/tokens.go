package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/jwks"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// Tokens configures access and refresh tokens.
type Tokens struct {
	// The `iss` claim of every token; tokens of another issuer are refused. It should be the URL under which callers
	// reach this server. The default is caddy-data-api.
	Issuer string `json:"issuer,omitempty"`

	// The `aud` claim of access tokens; tokens for another audience are refused. The default is the issuer.
	Audience string `json:"audience,omitempty"`

	// How long an access token is valid. The default is 10m, the most is 24h.
	AccessTTL caddy.Duration `json:"access_ttl,omitempty"`

	// How long a refresh token is valid. The default is 168h (7 days), the most is 8760h (a year).
	RefreshTTL caddy.Duration `json:"refresh_ttl,omitempty"`

	// The JWS algorithm that tokens are signed with: EdDSA (Ed25519), ES256 (ECDSA with P-256) or HS256. The keys of the
	// first two are made by the server, kept in its store and rotated with `caddy data-api signing-keys`; tokens stay
	// good when one is changed for the other. HS256 needs hs256_secret. The default is EdDSA, and HS256 where
	// hs256_secret is set.
	Algorithm string `json:"algorithm,omitempty"`

	// Other issuers whose access tokens are accepted, by a name of your choice.
	Trusts map[string]*Trust `json:"trusts,omitempty"`

	// A secret of at least 32 bytes, to sign with HS256: a service that has it to verify tokens can also mint them. Tokens of
	// another secret, or of the server's own keys, are refused. Placeholders such as {env.TOKEN_SECRET} and
	// {file./run/secrets/token} are replaced when the configuration is loaded; a missing one is an error. Files are read again
	// every 10 seconds, and at `caddy data-api sources reconnect`.
	HS256Secret string `json:"hs256_secret,omitempty"`

	// Another secret of at least 32 bytes that verifies tokens and signs none: the one before hs256_secret, or on several
	// servers also the one after it. Placeholders and files are those of hs256_secret; an empty file means that there is none.
	// By default there is none.
	HS256Previous string `json:"hs256_previous,omitempty"`

	// How requests for tokens are slowed down.
	Throttle *Throttle `json:"throttle,omitempty"`
}

// DefaultIssuer is the issuer when the configuration does not say.
const DefaultIssuer = "caddy-data-api"

func (t *Tokens) setDefaults() {
	setDefault(&t.Issuer, DefaultIssuer)
	setDefault(&t.Audience, t.Issuer)
	if t.Throttle == nil {
		t.Throttle = new(Throttle)
	}
	t.Throttle.setDefaults()
	algorithm := token.EdDSA
	if t.HS256Secret != "" {
		algorithm = token.HS256
	}
	setDefault(&t.Algorithm, algorithm)
	for name, trust := range t.Trusts {
		if trust == nil { // null in JSON
			trust = new(Trust)
			t.Trusts[name] = trust
		}
		trust.setDefaults()
	}
	setDefault(&t.AccessTTL, caddy.Duration(token.DefaultAccessTTL))
	setDefault(&t.RefreshTTL, caddy.Duration(token.DefaultRefreshTTL))
}

// Validate reports what is wrong with the settings; those that are left out are right. It does not look at a secret that
// is still a placeholder.
func (t *Tokens) Validate() error {
	faults := []error{token.CheckLifetimes(time.Duration(t.AccessTTL), time.Duration(t.RefreshTTL))}
	switch t.Algorithm {
	case "":
	case token.EdDSA, token.ES256:
		if t.HS256Secret != "" {
			faults = append(faults, fmt.Errorf("tokens.algorithm is %s, and tokens.hs256_secret is for HS256: leave one out", t.Algorithm))
		}
	case token.HS256:
		// The secret may come further down in a Caddyfile's block; App.Validate sees when it is missing.
	default:
		faults = append(faults, fmt.Errorf("tokens.algorithm is %q: allowed are EdDSA, ES256 and HS256%s", t.Algorithm,
			dataapi.DidYouMean(t.Algorithm, []string{token.EdDSA, token.ES256, token.HS256})))
	}
	_, err := t.Throttle.Limits()
	faults = append(faults, err)
	var trusts []token.Trust
	for _, name := range slices.Sorted(maps.Keys(t.Trusts)) {
		trust := t.Trusts[name]
		trusts = append(trusts, trust.Trust(name))
		if !strings.Contains(trust.AuthorizationEndpoint+trust.TokenEndpoint, "{") {
			provider := trust.SignIn(name)
			if err := provider.Check(); err != nil {
				faults = append(faults, fmt.Errorf("tokens.trusts.%s: %w", name, err))
			}
		}
		if strings.Contains(trust.JWKS, "{") {
			continue // a placeholder is looked at once it is replaced
		}
		if err := jwks.CheckLocation(trust.JWKS); err != nil {
			faults = append(faults, fmt.Errorf("tokens.trusts.%s.jwks %w", name, err))
		}
	}
	faults = append(faults, token.CheckTrusts(t.Issuer, trusts))
	faults = append(faults, checkSecret("hs256_secret", t.HS256Secret), checkSecret("hs256_previous", t.HS256Previous))
	return errors.Join(faults...)
}

func checkSecret(setting, secret string) error {
	if n := len(secret); n > 0 && n < token.MinHMACSecret && !strings.Contains(secret, "{") {
		return fmt.Errorf("tokens.%s has %d bytes: HS256 needs at least %d", setting, n, token.MinHMACSecret)
	}
	return nil
}
