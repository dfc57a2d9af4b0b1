package admin

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// ConsoleLinkRequest asks for a link that signs a user in to the console.
type ConsoleLinkRequest struct {
	Company string `json:"company"`
	User    string `json:"user"`
}

// ConsoleLink signs in the first who opens it.
type ConsoleLink struct {
	Company string    `json:"company_slug"`
	User    string    `json:"user"`
	KeyID   string    `json:"api_key"` // of the session; its revocation ends it, and takes the link back
	Path    string    `json:"path"`    // below the site that serves the console, with the code in its fragment
	Until   time.Time `json:"expires_at"`
}

// linkSession is how long a session lasts that a link has begun.
const linkSession = 24 * time.Hour

// makeConsoleLink makes a link. The session that it begins has a key of its own, whose secret nobody knows, so that it is seen,
// counted and revoked as every other access is.
func (s *Services) makeConsoleLink(r *http.Request) (any, error) {
	var request ConsoleLinkRequest
	if err := decodeBody(r, &request); err != nil {
		return nil, err
	}
	if s.ConsolePath == "" {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "No site of this server serves the console: say `console` in a data_api directive.")
	}
	user, err := FindUser(s.Catalog.Current(), request.Company, request.User)
	if err != nil {
		return nil, err
	}
	if !user.Active {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The user %s of %s is inactive: the link would let nobody in.", request.User, request.Company)
	}
	key, _, err := s.Directory.CreateKey(r.Context(), identity.NewKey{
		Company: request.Company, User: request.User, Name: identity.LinkKeyName, ExpiresAt: time.Now().Add(linkSession),
	})
	if err != nil {
		return nil, err
	}
	s.record(r, keyEvent(audit.KeyCreated, key))
	code, until, err := s.Invite(r.Context(), token.Subject{Company: key.Company, User: key.User, KeyID: key.ID})
	if err != nil {
		return nil, err
	}
	s.record(r, keyEvent(audit.ConsoleLinkMade, key))
	return ConsoleLink{
		Company: key.Company, User: key.User, KeyID: key.ID, Path: s.ConsolePath + "/#/sign-in?code=" + code, Until: until,
	}, nil
}
