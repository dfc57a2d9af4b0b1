package admin

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// NewKeyRequest asks for a key.
type NewKeyRequest struct {
	Company   string    `json:"company"`
	User      string    `json:"user"`
	Name      string    `json:"name"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// NewKey holds the only copy of a secret.
type NewKey struct {
	Key
	Secret string `json:"api_secret"`
}

// Key describes a key.
type Key struct {
	identity.Key
	State identity.KeyState `json:"state"`

	// UserMissing says that the catalog has no such user, so that the key opens nothing though it is active.
	UserMissing bool `json:"user_missing,omitempty"`
}

func (s *Services) describeKey(key identity.Key) Key {
	return Key{Key: key, State: key.State(time.Now()), UserMissing: !s.Directory.HasUser(key.Company, key.User)}
}

func (s *Services) createKey(r *http.Request) (any, error) {
	var request NewKeyRequest
	if err := decodeBody(r, &request); err != nil {
		return nil, err
	}
	key, secret, err := s.Directory.CreateKey(r.Context(), identity.NewKey{
		Company: request.Company, User: request.User, Name: request.Name, ExpiresAt: request.ExpiresAt,
	})
	if err != nil {
		return nil, err
	}
	s.record(r, keyEvent(audit.KeyCreated, key))
	return NewKey{Key: s.describeKey(key), Secret: secret}, nil
}

func (s *Services) listKeys(r *http.Request) (any, error) {
	company := r.URL.Query().Get("company")
	if company != "" {
		if _, err := FindCompany(s.Catalog.Current(), company); err != nil {
			return nil, err
		}
	}
	keys, err := s.Keys.List(r.Context(), company)
	if err != nil {
		return nil, err
	}
	documents := make([]Key, 0, len(keys))
	for _, key := range keys {
		documents = append(documents, s.describeKey(key))
	}
	return documents, nil
}

// RotateKeyRequest asks for a key's successor.
type RotateKeyRequest struct {
	Overlap   string    `json:"overlap"`             // a duration; empty: 24h
	ExpiresAt time.Time `json:"expires_at,omitzero"` // of the successor; zero: see identity.Directory.RotateKey
}

// RotatedKey is NewKey of the successor, and the key that it follows.
type RotatedKey struct {
	NewKey
	Old Key `json:"rotated"`
}

func (s *Services) rotateKey(r *http.Request) (any, error) {
	var request RotateKeyRequest
	if err := decodeBody(r, &request); err != nil {
		return nil, err
	}
	overlap, err := dataapi.ParseOverlap(request.Overlap)
	if err != nil {
		return nil, err
	}
	rotation, err := s.Directory.RotateKey(r.Context(), r.PathValue("id"), overlap, request.ExpiresAt)
	if err != nil {
		return nil, err
	}
	event := keyEvent(audit.KeyRotated, rotation.Old)
	event.Subject = rotation.New.ID
	s.record(r, event)
	return RotatedKey{
		NewKey: NewKey{Key: s.describeKey(rotation.New), Secret: rotation.Secret},
		Old:    s.describeKey(rotation.Old),
	}, nil
}

// keyEvent is an event about a key.
func keyEvent(action audit.Action, key identity.Key) audit.Event {
	return audit.Event{Action: action, Company: key.Company, User: key.User, KeyID: key.ID}
}

func (s *Services) revokeKey(r *http.Request) (any, error) {
	key, changed, err := s.Keys.Revoke(r.Context(), r.PathValue("id"))
	if err != nil {
		s.recordFailure(r, audit.Event{Action: audit.KeyRevoked, KeyID: r.PathValue("id")}, err)
		return nil, err
	}
	if changed {
		s.record(r, keyEvent(audit.KeyRevoked, key))
	}
	return s.describeKey(key), nil
}
