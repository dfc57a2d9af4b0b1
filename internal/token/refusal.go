package token

import (
	"errors"

	"github.com/golang-jwt/jwt/v5"

	"github.com/solucao42/caddy-data-api/internal/observe"
)

// Refusal returns why a token was refused, by an error of this package.
func Refusal(err error) observe.Refusal {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, ErrUnknownFamily):
		return observe.ExpiredToken
	case errors.Is(err, ErrReused):
		return observe.ReusedToken
	case errors.Is(err, ErrRevoked):
		return observe.RevokedToken
	}
	return observe.InvalidToken
}
