package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/config"
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
	err := parseBlock(d, "trust", nil,
		option{name: "algorithms", read: words(d, func(names []string) { trust.Algorithms = names }, "one or more, such as RS256")},
		option{name: "audience", read: text(d, &trust.Audience, "https://api.example.com")},
		option{name: "company", read: text(d, &trust.Company, "acme")},
		option{name: "company_claim", read: words(d, func(words []string) { trust.CompanyClaim, trust.Companies = words[0], words[1:] },
			"a claim and the companies that it may name, such as `company_claim tenant acme globex`")},
		option{name: "issuer", read: text(d, &trust.Issuer, "https://api.example.com")},
		option{name: "jwks", read: text(d, &trust.JWKS, "https://login.example.com/.well-known/jwks.json")},
		option{name: "types", read: words(d, func(types []string) { trust.Types = types }, "one or more, such as at+jwt")},
		option{name: "user_claim", read: text(d, &trust.UserClaim, "sub")},
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
