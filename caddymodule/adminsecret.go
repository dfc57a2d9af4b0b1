package caddymodule

import (
	"errors"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

const (
	defaultOverlap = 24 * time.Hour
	maxOverlap     = 30 * 24 * time.Hour
)

// callbackSecretRequest asks for the secret that a user's callbacks are signed with.
type callbackSecretRequest struct {
	Company string `json:"company"`
	User    string `json:"user"`
	Overlap string `json:"overlap,omitempty"` // a duration, when the secret is rotated
}

type callbackSecretAnswer struct {
	Company string `json:"company_slug"`
	User    string `json:"user"`
	Secret  string `json:"callback_secret"`
}

// callbackSecret shows a secret, which it makes when there is none, once.
func callbackSecret(ready services, r *http.Request) (int, any, error) {
	request, err := readSecretRequest(ready, r)
	if err != nil {
		return 0, nil, err
	}
	if request.Overlap != "" {
		return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "overlap is for %s.", adminRotatePath)
	}
	secret, err := ready.Dispatcher.Secret(r.Context(), request.Company, request.User)
	if errors.Is(err, callback.ErrShown) {
		return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"The secret of %s/%s was shown when it was made, and is not shown again. `caddy data-api callback-secret rotate` makes a new one.",
			request.Company, request.User)
	}
	if err != nil {
		return 0, nil, err
	}
	ready.auditOperator(r, audit.Event{Action: audit.CallbackSecretShown, Company: request.Company, User: request.User})
	return http.StatusOK, callbackSecretAnswer{Company: request.Company, User: request.User, Secret: secret}, nil
}

// rotateCallbackSecret makes a new secret, and lets the old one sign beside it for the time of the overlap.
func rotateCallbackSecret(ready services, r *http.Request) (int, any, error) {
	request, err := readSecretRequest(ready, r)
	if err != nil {
		return 0, nil, err
	}
	overlap := defaultOverlap
	if request.Overlap != "" {
		overlap, err = time.ParseDuration(request.Overlap)
		if err != nil || overlap < 0 || overlap > maxOverlap {
			return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest,
				"overlap is %q: it must be a duration from 0s to %s, such as 24h.", request.Overlap, maxOverlap)
		}
	}
	secret, err := ready.Dispatcher.RotateSecret(r.Context(), request.Company, request.User, overlap)
	if err != nil {
		return 0, nil, err
	}
	ready.auditOperator(r, audit.Event{Action: audit.CallbackSecretRotated, Company: request.Company, User: request.User})
	return http.StatusOK, callbackSecretAnswer{Company: request.Company, User: request.User, Secret: secret}, nil
}

// readSecretRequest reads a request that names a user of the catalog.
func readSecretRequest(ready services, r *http.Request) (request callbackSecretRequest, err error) {
	if err := decodeAdminBody(r, &request); err != nil {
		return request, err
	}
	company, err := knownCompany(ready.app.server.Catalog().Current(), request.Company)
	if err == nil {
		_, err = knownUser(company, request.User)
	}
	return request, err
}
