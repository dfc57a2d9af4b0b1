package admin

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// RotateSigningKeyRequest asks for a new key that signs tokens.
type RotateSigningKeyRequest struct {
	Now bool `json:"now"` // it signs at once, and not only when everybody can know it
}

// WithdrawnSigningKey says which key is gone, and which signs now.
type WithdrawnSigningKey struct {
	Withdrawn string        `json:"withdrawn"`
	Signing   token.KeyInfo `json:"signing"`
}

func (s *Services) listSigningKeys(_ *http.Request) (any, error) {
	return s.SigningKeys.List(), nil
}

func (s *Services) rotateSigningKey(r *http.Request) (any, error) {
	var request RotateSigningKeyRequest
	if err := decodeBody(r, &request); err != nil {
		return nil, err
	}
	key, err := s.SigningKeys.Rotate(r.Context(), s.Algorithm, request.Now)
	if err != nil {
		return nil, err
	}
	s.record(r, audit.Event{Action: audit.SigningKeyRotated, Subject: key.ID})
	return key, nil
}

func (s *Services) withdrawSigningKey(r *http.Request) (any, error) {
	kid := r.PathValue("kid")
	signing, err := s.SigningKeys.Withdraw(r.Context(), kid, s.Algorithm)
	if err != nil {
		s.recordFailure(r, audit.Event{Action: audit.SigningKeyWithdrawn, Subject: kid}, err)
		return nil, err
	}
	s.record(r, audit.Event{Action: audit.SigningKeyWithdrawn, Subject: kid})
	return WithdrawnSigningKey{Withdrawn: kid, Signing: signing}, nil
}
