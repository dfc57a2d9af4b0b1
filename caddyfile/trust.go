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
	companyClaim := func() error {
		slugs, err := someArgs(d, "a claim and the companies that it may name, such as `company_claim tenant acme globex`")
		if err != nil {
			return err
		}
		trust.CompanyClaim, trust.Companies = slugs[0], slugs[1:]
		return nil
	}
	err := parseBlock(d, "trust", map[string]func() error{
		"issuer":        func() error { return oneArg(d, &trust.Issuer) },
		"audience":      func() error { return oneArg(d, &trust.Audience) },
		"jwks":          func() error { return oneArg(d, &trust.JWKS) },
		"company":       func() error { return oneArg(d, &trust.Company) },
		"company_claim": companyClaim,
		"user_claim":    func() error { return oneArg(d, &trust.UserClaim) },
		"algorithms": func() (err error) {
			trust.Algorithms, err = someArgs(d, "one or more, such as RS256")
			return err
		},
		"types": func() (err error) {
			trust.Types, err = someArgs(d, "one or more, such as at+jwt")
			return err
		},
	})
	if err != nil {
		return err
	}
	if tokens.Trusts == nil {
		tokens.Trusts = make(map[string]*config.Trust)
	}
	tokens.Trusts[name] = trust
	return nil
}

// someArgs reads one or more arguments.
func someArgs(d *caddyfile.Dispenser, what string) ([]string, error) {
	option := d.Val()
	values := d.RemainingArgs()
	if len(values) == 0 {
		return nil, d.Errf("%s needs %s", option, what)
	}
	return values, nil
}
