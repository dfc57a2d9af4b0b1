package caddymodule

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/jwks"
)

// pooledKeySet is the keys of another issuer in the pool: a reload keeps them, so that it refuses no token.
type pooledKeySet struct{ *jwks.Source }

// Destruct ends the fetches when the last holder has let go.
func (p *pooledKeySet) Destruct() error { return p.Close() }

// holdTrusts takes hold of the keys of the issuers that are trusted. It fetches none yet.
func (a *App) holdTrusts() error {
	for _, name := range slices.Sorted(maps.Keys(a.Tokens.Trusts)) {
		trust := a.Tokens.Trusts[name]
		held, err := keySets.Hold(a.generation, hashKey(trust.JWKS), func() (*pooledKeySet, error) {
			keys, err := jwks.New(jwks.Config{Location: trust.JWKS, Logger: sharedLog.With(slog.String("issuer", trust.Issuer))})
			return &pooledKeySet{keys}, err
		})
		if err != nil {
			return fmt.Errorf("tokens.trusts.%s: %w", name, err)
		}
		trusted := trust.Trust(name)
		trusted.Keys = held.Source
		a.trusts = append(a.trusts, trusted)
	}
	return nil
}

// startTrusts begins to fetch the keys, in the background: an issuer that does not answer keeps nothing from starting.
func (a *App) startTrusts() {
	for _, trust := range a.trusts {
		trust.Keys.Start()
	}
}

// vouchedCompanies lists the companies for whose users some issuer may vouch.
func (a *App) vouchedCompanies() (companies []string) {
	for i := range a.trusts {
		companies = append(companies, a.trusts[i].Slugs()...)
	}
	return companies
}

// resolveTrusts replaces the placeholders of the issuers that are trusted.
func (a *App) resolveTrusts() error {
	if a.Tokens == nil {
		return nil
	}
	for name, trust := range a.Tokens.Trusts {
		for setting, value := range map[string]*string{
			"issuer": &trust.Issuer, "audience": &trust.Audience, "jwks": &trust.JWKS,
		} {
			resolved, err := resolveSecret("tokens.trusts."+name+"."+setting, *value)
			if err != nil {
				return err
			}
			*value = resolved
		}
	}
	return nil
}
