package caddymodule

import (
	"strings"

	"github.com/solucao42/caddy-data-api/internal/server"
)

// resolveHS256 replaces the placeholders of the secrets that sign and verify tokens, and keeps how to do so again.
func (a *App) resolveHS256() error {
	secret, previous := a.Tokens.HS256Secret, a.Tokens.HS256Previous
	var err error
	if a.Tokens.HS256Secret, err = resolveSecret("tokens.hs256_secret", secret); err != nil {
		return err
	}
	// An empty file is how an operator says that there is no previous secret any more.
	if a.Tokens.HS256Previous, err = readSecret("tokens.hs256_previous", previous, false); err != nil {
		return err
	}
	if !strings.Contains(secret+previous, "{") {
		return nil
	}
	a.renewHS256 = func() (fresh server.HS256Secrets, err error) {
		if fresh.Secret, err = rereadSecret("tokens.hs256_secret", secret); err == nil {
			fresh.Previous, err = readSecret("tokens.hs256_previous", previous, false)
		}
		return fresh, err
	}
	return nil
}
