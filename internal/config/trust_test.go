package config_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/token"
)

func slugs(trust token.Trust) []string { return trust.Slugs() }

func load(t *testing.T, tokens string) (config.App, error) {
	t.Helper()
	app := config.App{Catalog: "catalog"}
	if err := json.Unmarshal([]byte(`{"tokens": `+tokens+`}`), &app); err != nil {
		t.Fatal(err)
	}
	app.SetDefaults()
	return app, app.Validate()
}

func TestDefaultsOfATrust(t *testing.T) {
	app, err := load(t, `{"trusts": {"idp": {"issuer": "https://idp.example", "audience": "api", "jwks": "/etc/jwks.json", "company": "acme"},
		"other": {"issuer": "https://other.example", "audience": "api", "jwks": "{env.JWKS}", "company_claim": "c", "companies": ["acme", "globex"],
			"types": ["JWT", "application/AT+jwt"], "algorithms": ["RS512"], "user_claim": "oid"}}}`)
	if err != nil {
		t.Fatal(err)
	}
	idp, other := app.Tokens.Trusts["idp"], app.Tokens.Trusts["other"]
	if idp.UserClaim != "sub" || !slices.Equal(idp.Types, []string{"at+jwt"}) ||
		!slices.Equal(idp.Algorithms, []string{"EdDSA", "ES256", "PS256", "RS256"}) || !slices.Equal(slugs(idp.Trust("idp")), []string{"acme"}) {
		t.Errorf("the defaults are %+v", idp)
	}
	if other.UserClaim != "oid" || !slices.Equal(other.Types, []string{"jwt", "at+jwt"}) ||
		!slices.Equal(other.Algorithms, []string{"RS512"}) || !slices.Equal(slugs(other.Trust("other")), []string{"acme", "globex"}) {
		t.Errorf("what is set became %+v", other)
	}
}

func TestFaultsOfTokens(t *testing.T) {
	for tokens, want := range map[string]string{
		`{"trusts": {"idp": null}}`: "tokens.trusts.idp.jwks is missing",
		`{"trusts": {"idp": {"issuer": "caddy-data-api", "audience": "api", "jwks": "x", "company": "acme"}}}`:         "tokens.trusts.idp.issuer is this server's own",
		`{"trusts": {"idp": {"issuer": "https://idp.example", "audience": "a b", "jwks": "x", "company": "acme"}}}`:    `tokens.trusts.idp.audience is "a b"`,
		`{"trusts": {"idp": {"issuer": "https://i", "audience": "a", "jwks": "x", "company": "acme", "types": [""]}}}`: "tokens.trusts.idp.types",
		`{"algorithm": "HS256"}`: "tokens.algorithm is HS256: set tokens.hs256_secret",
		`{"algorithm": "none"}`:  `tokens.algorithm is "none": allowed are EdDSA, ES256 and HS256`,
		`{"algorithm": "EdDSA", "hs256_secret": "` + strings.Repeat("x", 32) + `"}`: "tokens.algorithm is EdDSA, and tokens.hs256_secret is for HS256",
	} {
		if _, err := load(t, tokens); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", tokens, err, want)
		}
	}
	for tokens, want := range map[string]string{
		`{}`: "EdDSA", `{"algorithm": "ES256"}`: "ES256", `{"hs256_secret": "` + strings.Repeat("x", 32) + `"}`: "HS256",
	} {
		if app, err := load(t, tokens); err != nil || app.Tokens.Algorithm != want {
			t.Errorf("%s: signs with %s, %v", tokens, app.Tokens.Algorithm, err)
		}
	}
}
