package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/options"
)

// parseTrust reads another issuer of tokens:
//
//	trust NAME {
//		issuer        URL
//		audience      NAME
//		jwks          URL_OR_FILE
//		company       SLUG
//		company_claim CLAIM SLUG...
//		user_claim    sub
//		algorithms    RS256...
//		types         at+jwt...
//		client_id     ID
//		client_secret SECRET
//		authorization_endpoint URL
//		token_endpoint         URL
//		scopes        openid...
//	}
func parseTrust(d *caddyfile.Dispenser, tokens *config.Tokens) error {
	if !d.NextArg() {
		return d.Err("trust needs a name of your choice, such as `trust acme-idp { ... }`")
	}
	name := d.Val()
	if _, twice := tokens.Trusts[name]; twice {
		return d.Errf("trust %s is set twice", name)
	}
	trust := new(config.Trust)
	err := options.Read(d, "trust", nil,
		options.Words("algorithms", "one or more, such as RS256", func(names []string) { trust.Algorithms = names }),
		options.Text("audience", &trust.Audience, "https://api.example.com"),
		options.Text("authorization_endpoint", &trust.AuthorizationEndpoint, "https://login.example.com/authorize"),
		options.Text("client_id", &trust.ClientID, "data-api-console"),
		options.Text("client_secret", &trust.ClientSecret, "{env.CONSOLE_CLIENT_SECRET}"),
		options.Text("company", &trust.Company, "acme"),
		options.Words("company_claim", "a claim and the companies that it may name, such as `company_claim tenant acme globex`",
			func(words []string) { trust.CompanyClaim, trust.Companies = words[0], words[1:] }),
		options.Text("issuer", &trust.Issuer, "https://api.example.com"),
		options.Text("jwks", &trust.JWKS, "https://login.example.com/.well-known/jwks.json"),
		options.Words("scopes", "one or more, openid among them", func(scopes []string) { trust.Scopes = scopes }),
		options.Text("token_endpoint", &trust.TokenEndpoint, "https://login.example.com/token"),
		options.Words("types", "one or more, such as at+jwt", func(types []string) { trust.Types = types }),
		options.Text("user_claim", &trust.UserClaim, "sub"),
	)
	if err != nil {
		return err
	}
	if tokens.Trusts == nil {
		tokens.Trusts = make(map[string]*config.Trust)
	}
	tokens.Trusts[name] = trust
	return nil
}
