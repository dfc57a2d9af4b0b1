package caddymodule

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// rotateSigningRequest asks for a new key that signs tokens.
type rotateSigningRequest struct {
	Now bool `json:"now"` // it signs at once, and not only when everybody can know it
}

// withdrawnAnswer says which key is gone, and which signs now.
type withdrawnAnswer struct {
	Withdrawn string        `json:"withdrawn"`
	Signing   token.KeyInfo `json:"signing"`
}

func listSigningKeys(ready services, _ *http.Request) (int, any, error) {
	return http.StatusOK, ready.TokenKeys.List(), nil
}

func rotateSigningKey(ready services, r *http.Request) (int, any, error) {
	var request rotateSigningRequest
	if err := decodeAdminBody(r, &request); err != nil {
		return 0, nil, err
	}
	key, err := ready.TokenKeys.Rotate(r.Context(), ready.app.Tokens.Algorithm, request.Now)
	if err != nil {
		return 0, nil, err
	}
	ready.auditOperator(r, audit.Event{Action: audit.SigningKeyRotated, Subject: key.ID})
	return http.StatusCreated, key, nil
}

func withdrawSigningKey(ready services, r *http.Request) (int, any, error) {
	kid := r.PathValue("kid")
	signing, err := ready.TokenKeys.Withdraw(r.Context(), kid, ready.app.Tokens.Algorithm)
	if err != nil {
		ready.auditFailure(r, audit.Event{Action: audit.SigningKeyWithdrawn, Subject: kid}, err)
		return 0, nil, err
	}
	ready.auditOperator(r, audit.Event{Action: audit.SigningKeyWithdrawn, Subject: kid})
	return http.StatusOK, withdrawnAnswer{Withdrawn: kid, Signing: signing}, nil
}
