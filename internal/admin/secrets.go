package admin

import (
	"errors"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// SecretRequest asks for the secret that a user's callbacks are signed with.
type SecretRequest struct {
	Company string `json:"company"`
	User    string `json:"user"`
	Overlap string `json:"overlap,omitempty"` // a duration, when the secret is rotated
}

// Secret holds a secret, which is shown once.
type Secret struct {
	Company string `json:"company_slug"`
	User    string `json:"user"`
	Secret  string `json:"callback_secret"`
}

// showSecret shows a secret, which it makes when there is none, once.
func (s *Services) showSecret(r *http.Request) (any, error) {
	request, err := s.readSecretRequest(r)
	if err != nil {
		return nil, err
	}
	if request.Overlap != "" {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "overlap is for %s.", RotateSecretPath)
	}
	secret, err := s.Dispatcher.Secret(r.Context(), request.Company, request.User)
	if errors.Is(err, callback.ErrShown) {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"The secret of %s/%s was shown when it was made, and is not shown again. `caddy data-api callback-secret rotate` makes a new one.",
			request.Company, request.User)
	}
	if err != nil {
		return nil, err
	}
	s.record(r, audit.Event{Action: audit.CallbackSecretShown, Company: request.Company, User: request.User})
	return Secret{Company: request.Company, User: request.User, Secret: secret}, nil
}

// rotateSecret makes a new secret, and lets the old one sign beside it for the time of the overlap.
func (s *Services) rotateSecret(r *http.Request) (any, error) {
	request, err := s.readSecretRequest(r)
	if err != nil {
		return nil, err
	}
	overlap, err := dataapi.ParseOverlap(request.Overlap)
	if err != nil {
		return nil, err
	}
	secret, err := s.Dispatcher.RotateSecret(r.Context(), request.Company, request.User, overlap)
	if err != nil {
		return nil, err
	}
	s.record(r, audit.Event{Action: audit.CallbackSecretRotated, Company: request.Company, User: request.User})
	return Secret{Company: request.Company, User: request.User, Secret: secret}, nil
}

// readSecretRequest reads a request that names a user of the catalog.
func (s *Services) readSecretRequest(r *http.Request) (request SecretRequest, err error) {
	if err := decodeBody(r, &request); err != nil {
		return request, err
	}
	_, err = FindUser(s.Catalog.Current(), request.Company, request.User)
	return request, err
}
