package caddymodule

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// newKeyRequest asks for a key.
type newKeyRequest struct {
	Company   string    `json:"company"`
	User      string    `json:"user"`
	Name      string    `json:"name"`
	ExpiresAt time.Time `json:"expires_at"`
}

// newKeyAnswer holds the only copy of a secret.
type newKeyAnswer struct {
	keyDocument
	Secret string `json:"api_secret"`
}

// keyDocument describes a key.
type keyDocument struct {
	identity.Key
	State identity.KeyState `json:"state"`

	// UserMissing says that the catalog has no such user, so that the key opens nothing though it is active.
	UserMissing bool `json:"user_missing,omitempty"`
}

func describeKey(ready services, key identity.Key) keyDocument {
	return keyDocument{Key: key, State: key.State(time.Now()), UserMissing: !ready.Directory.HasUser(key.Company, key.User)}
}

func createKey(ready services, r *http.Request) (int, any, error) {
	var request newKeyRequest
	if err := decodeAdminBody(r, &request); err != nil {
		return 0, nil, err
	}
	key, secret, err := ready.Directory.CreateKey(r.Context(), identity.NewKey{
		Company: request.Company, User: request.User, Name: request.Name, ExpiresAt: request.ExpiresAt,
	})
	if err != nil {
		return 0, nil, err
	}
	ready.auditOperator(r, keyEvent(audit.KeyCreated, key))
	return http.StatusCreated, newKeyAnswer{keyDocument: describeKey(ready, key), Secret: secret}, nil
}

func listKeys(ready services, r *http.Request) (int, any, error) {
	company := r.URL.Query().Get("company")
	if company != "" {
		if _, err := knownCompany(ready.app.server.Catalog().Current(), company); err != nil {
			return 0, nil, err
		}
	}
	keys, err := ready.Keys.List(r.Context(), company)
	if err != nil {
		return 0, nil, err
	}
	documents := make([]keyDocument, 0, len(keys))
	for _, key := range keys {
		documents = append(documents, describeKey(ready, key))
	}
	return http.StatusOK, documents, nil
}

// rotateKeyRequest asks for a key's successor.
type rotateKeyRequest struct {
	Overlap   string    `json:"overlap"`    // a duration; empty: 24h
	ExpiresAt time.Time `json:"expires_at"` // of the successor; zero: see identity.Directory.RotateKey
}

// rotateKeyAnswer is newKeyAnswer of the successor, and the key that it follows.
type rotateKeyAnswer struct {
	newKeyAnswer
	Old keyDocument `json:"rotated"`
}

func rotateKey(ready services, r *http.Request) (int, any, error) {
	var request rotateKeyRequest
	if err := decodeAdminBody(r, &request); err != nil {
		return 0, nil, err
	}
	overlap := defaultOverlap
	if request.Overlap != "" {
		var err error
		if overlap, err = time.ParseDuration(request.Overlap); err != nil {
			return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "overlap is %q: it must be a duration such as 24h.", request.Overlap)
		}
	}
	rotation, err := ready.Directory.RotateKey(r.Context(), r.PathValue("id"), overlap, request.ExpiresAt)
	if err != nil {
		return 0, nil, err
	}
	event := keyEvent(audit.KeyRotated, rotation.Old)
	event.Subject = rotation.New.ID
	ready.auditOperator(r, event)
	return http.StatusCreated, rotateKeyAnswer{
		newKeyAnswer: newKeyAnswer{keyDocument: describeKey(ready, rotation.New), Secret: rotation.Secret},
		Old:          describeKey(ready, rotation.Old),
	}, nil
}

// keyEvent is an event about a key.
func keyEvent(action audit.Action, key identity.Key) audit.Event {
	return audit.Event{Action: action, Company: key.Company, User: key.User, KeyID: key.ID}
}

func revokeKey(ready services, r *http.Request) (int, any, error) {
	key, changed, err := ready.Keys.Revoke(r.Context(), r.PathValue("id"))
	if err != nil {
		ready.auditFailure(r, audit.Event{Action: audit.KeyRevoked, KeyID: r.PathValue("id")}, err)
		return 0, nil, err
	}
	if changed {
		ready.auditOperator(r, keyEvent(audit.KeyRevoked, key))
	}
	return http.StatusOK, describeKey(ready, key), nil
}
