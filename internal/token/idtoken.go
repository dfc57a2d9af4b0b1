package token

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/jwks"
)

// idTokenTypes are the typ headers of ID tokens: OpenID Connect asks for none.
var idTokenTypes = []string{"", "jwt"}

// signIn is what an ID token has to say beside the person that it identifies (OpenID Connect Core, 3.1.3.7).
type signIn struct{ client, nonce string }

// Identify returns the user that an ID token identifies. The trusted issuer of this name has made it for this client and this nonce. It is held
// to what [Authority.Verify] holds access tokens to, and the errors are the same. The token is remembered nowhere: it is for one sign-in.
func (a *Authority) Identify(ctx context.Context, name, text, client, nonce string) (Claims, error) {
	for _, trust := range a.trusts {
		if trust.Name != name {
			continue
		}
		parsers := make(map[string]*jwt.Parser, len(trust.Algorithms))
		for _, algorithm := range trust.Algorithms {
			parsers[algorithm] = newParser(a.config, algorithm, trust.Issuer, client)
		}
		claims, _, err := trust.parse(ctx, text, idTokenTypes, parsers, &foreignClaims{trust: &trust.Trust, signIn: &signIn{client, nonce}})
		switch {
		case errors.Is(err, jwks.ErrUnavailable):
			return Claims{}, &dataapi.Error{
				Code: dataapi.CodeOverloaded, RetryAfter: retryUnavailable, Err: fmt.Errorf("issuer %s: %w", name, err),
			}
		case err != nil:
			return Claims{}, unauthenticated(fmt.Errorf("issuer %s: %w", name, err))
		}
		return claims, nil
	}
	return Claims{}, unauthenticated(errors.New("no issuer of the name is trusted"))
}

// checkSignIn holds the claims against the sign-in that they are for.
func (c *foreignClaims) checkSignIn() error {
	nonce, err := c.member("nonce")
	if err != nil || subtle.ConstantTimeCompare([]byte(nonce), []byte(c.signIn.nonce)) != 1 {
		return errors.New("the nonce is not the one of this sign-in")
	}
	party, err := c.member("azp")
	switch {
	case err != nil || party != "" && party != c.signIn.client:
		return errors.New("azp is not this client")
	case len(c.audience) > 1 && party == "":
		return errors.New("aud has others, and azp is missing")
	}
	return nil
}

// member returns a claim that is a text; empty: there is none.
func (c *foreignClaims) member(name string) (text string, err error) {
	if value, ok := c.members[name]; ok {
		err = jsonv2.Unmarshal(value, &text)
	}
	return text, err
}
