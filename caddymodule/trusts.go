package caddymodule

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/jwks"
)

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
		a.signIn = append(a.signIn, trust.SignIn(name))
	}
	return nil
}

// resolveTrusts replaces the placeholders of the issuers that are trusted.
func (a *App) resolveTrusts() error {
	if a.Tokens == nil {
		return nil
	}
	for name, trust := range a.Tokens.Trusts {
		for setting, value := range map[string]*string{
			"issuer": &trust.Issuer, "audience": &trust.Audience, "jwks": &trust.JWKS, "client_id": &trust.ClientID,
			"client_secret": &trust.ClientSecret, "authorization_endpoint": &trust.AuthorizationEndpoint, "token_endpoint": &trust.TokenEndpoint,
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
