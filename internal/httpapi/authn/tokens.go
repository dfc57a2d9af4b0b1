package authn

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// tokens exchanges keys for tokens, renews and ends them, and publishes the keys that verify them.
type tokens struct {
	*Authenticator
	keys *token.KeyRing
}

// tokenHandler answers a token route, or returns why it cannot. It tells the event whom the request is about as soon as
// it knows.
type tokenHandler func(w http.ResponseWriter, r *http.Request, event *audit.Event) error

// recorded makes a handler that keeps what came of a request: that it was done, or that it was refused.
func (t *tokens) recorded(done audit.Action, handle tokenHandler) respond.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := fields.ParseQuery(r); err != nil {
			return err
		}
		return t.recordedAny(done, handle)(w, r)
	}
}

// recordedAny is recorded for a route that has a query.
func (t *tokens) recordedAny(done audit.Action, handle tokenHandler) respond.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		event := audit.Event{Action: done}
		err := handle(w, r, &event)
		t.recordAttempt(w, r, event, done, err)
		return err
	}
}

func (t *tokens) recordAttempt(w http.ResponseWriter, r *http.Request, event audit.Event, done audit.Action, err error) {
	t.CountRefusal(err)
	if !t.AuditLog.Enabled() {
		return
	}
	if err == nil {
		if event.Action != "" {
			t.Record(w, r, event)
		}
		return
	}
	// What is malformed or too much says nothing about anybody's credentials.
	code := dataapi.AsError(err).Code
	if code != dataapi.CodeUnauthenticated && code.Definition().Status < http.StatusInternalServerError {
		return
	}
	switch event.Action {
	case "":
		return // there were no credentials
	case done:
		event.Action = audit.TokenRefused
	}
	event.Outcome, event.Reason = respond.OutcomeOf(err)
	t.Record(w, r, event)
}

// keyRequest is the body of POST /api/v1/auth/api-key.
type keyRequest struct {
	CompanySlug string `json:"company_slug"`
	APIKey      string `json:"api_key"`
	APISecret   string `json:"api_secret"`
}

func (q *keyRequest) missing() string {
	return firstEmpty(field{"company_slug", q.CompanySlug}, field{"api_key", q.APIKey}, field{"api_secret", q.APISecret})
}

// refreshRequest is the body of POST /api/v1/auth/refresh and of POST /api/v1/auth/logout.
type refreshRequest struct {
	RefreshToken string `json:"refresh_token"`
}

func (q *refreshRequest) missing() string { return firstEmpty(field{"refresh_token", q.RefreshToken}) }

// decodeFields reads the body of a token route, all of whose fields are required. Which one is missing tells its sender
// nothing about whose credentials are good.
func decodeFields(r *http.Request, target interface{ missing() string }) error {
	if err := respond.DecodeBody(r, target, false); err != nil {
		return err
	}
	if field := target.missing(); field != "" {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "The field %q is missing or empty.", field)
	}
	return nil
}

// field is a field of a request, and its value.
type field struct{ name, value string }

// firstEmpty returns the name of the first empty field, or "".
func firstEmpty(fields ...field) string {
	for _, field := range fields {
		if field.value == "" {
			return field.name
		}
	}
	return ""
}

// tokenAnswer is what both routes answer. The lifetimes are in seconds.
type tokenAnswer struct {
	AccessToken           string                `json:"access_token"`
	RefreshToken          string                `json:"refresh_token"`
	AccessTokenExpiresIn  int64                 `json:"access_token_expires_in"`
	RefreshTokenExpiresIn int64                 `json:"refresh_token_expires_in"`
	User                  identity.UserDocument `json:"user"`
}

// What those are told whose credentials a token route refuses. Whatever was wrong, the words are the same: they tell nobody
// which companies and keys there are.
const (
	wrongKey = "The credentials are missing or invalid. Check company_slug, api_key and api_secret; " +
		"a key can also have expired or been revoked, or its user or company been made inactive."
	wrongRefreshToken = "The credentials are missing or invalid. The refresh token is not valid, or not any more: exchange the API key again."
)

// exchange trades an API key and its secret for a pair of tokens, which begins a family.
func (t *tokens) exchange(w http.ResponseWriter, r *http.Request, event *audit.Event) error {
	attempt, err := t.beginAttempt(r)
	if err != nil {
		return err
	}
	var request keyRequest
	if err := decodeFields(r, &request); err != nil {
		return err
	}
	caller, pair, err := t.exchangeKey(r, &attempt, &request, event)
	if err != nil {
		return err
	}
	return t.answerTokens(w, caller, pair, event)
}

// exchangeKey verifies a key and its secret, and begins a family for the user that it identifies.
func (t *tokens) exchangeKey(
	r *http.Request, attempt *ratelimit.Attempt, request *keyRequest, event *audit.Event,
) (caller identity.Principal, pair token.Pair, err error) {
	if dataapi.ValidSlug(request.CompanySlug) {
		event.Company = request.CompanySlug
	}
	if identity.ValidKeyID(request.APIKey) {
		event.KeyID = request.APIKey
	}
	if err := t.present(attempt, request); err != nil {
		return caller, pair, err
	}
	caller, err = t.Directory.Verify(request.CompanySlug, request.APIKey, request.APISecret)
	if err != nil {
		return caller, pair, verified(attempt, err, wrongKey)
	}
	event.User = caller.User.Name
	pair, err = t.Families.Begin(r.Context(), t.Tokens, token.Subject{
		Company: caller.Company.Slug, User: caller.User.Name, KeyID: caller.KeyID,
	})
	return caller, pair, err
}

// beginWithRefreshToken begins an attempt, and reads the refresh token that it is made with.
func (t *tokens) beginWithRefreshToken(r *http.Request) (attempt ratelimit.Attempt, request refreshRequest, err error) {
	if attempt, err = t.beginAttempt(r); err == nil {
		err = decodeFields(r, &request)
	}
	return attempt, request, err
}

// refresh trades a refresh token for the next pair of its family.
func (t *tokens) refresh(w http.ResponseWriter, r *http.Request, event *audit.Event) error {
	attempt, request, err := t.beginWithRefreshToken(r)
	if err != nil {
		return err
	}
	caller, pair, err := t.rotate(r, &attempt, request.RefreshToken, wrongRefreshToken, event)
	if err != nil {
		return err
	}
	return t.answerTokens(w, caller, pair, event)
}

// rotate exchanges a refresh token for the next pair of its family. The user and the key are looked at again: neither
// outlives its revocation by refreshing.
func (t *tokens) rotate(
	r *http.Request, attempt *ratelimit.Attempt, text, refusal string, event *audit.Event,
) (caller identity.Principal, pair token.Pair, err error) {
	claims, err := t.Tokens.VerifyRefresh(text)
	if err != nil {
		return caller, pair, verified(attempt, err, refusal)
	}
	about(event, claims)
	caller, err = t.Directory.Resolve(claims.Company, claims.User, claims.KeyID)
	if err != nil {
		return caller, pair, verified(attempt, err, refusal)
	}
	pair, again, err := t.Families.Rotate(r.Context(), t.Tokens, claims)
	if errors.Is(err, token.ErrReused) {
		event.Action = audit.TokenReused
	}
	if err != nil {
		return caller, pair, verified(attempt, err, refusal)
	}
	if again {
		event.Reason = "the same pair again: the token was exchanged a moment ago"
	}
	return caller, pair, nil
}

// logout ends the family of a refresh token, whichever of its tokens that is. As RFC 7009, 2.2 has it, a token that is
// invalid gets the same answer: what its sender wants is the case.
func (t *tokens) logout(w http.ResponseWriter, r *http.Request, event *audit.Event) error {
	attempt, request, err := t.beginWithRefreshToken(r)
	if err != nil {
		return err
	}
	if err := t.endFamily(w, r, &attempt, request.RefreshToken, event); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// endFamily ends the family of a refresh token, if it is one, and with it a key that was made for it alone. The event has no action where
// nothing has ended by this.
func (t *tokens) endFamily(w http.ResponseWriter, r *http.Request, attempt *ratelimit.Attempt, text string, event *audit.Event) error {
	claims, err := t.Tokens.VerifyRefresh(text)
	if verified(attempt, err, wrongRefreshToken) != nil {
		event.Action = "" // nobody was logged out
		return nil        //nolint:nilerr // a logout succeeds whatever the token is (RFC 7009, 2.2)
	}
	about(event, claims)
	ended, err := t.Families.End(r.Context(), claims.Family)
	if err == nil && !ended {
		event.Action = "" // it had ended before, which is recorded
	}
	if err != nil || !ended {
		return err
	}
	if ended, err = t.Directory.EndSessionKey(r.Context(), claims.KeyID); ended {
		t.Record(w, r, audit.Event{Action: audit.KeyRevoked, Company: claims.Company, User: claims.User, KeyID: claims.KeyID, Subject: claims.KeyID})
	}
	return err
}

// about says whose token an event is about.
func about(event *audit.Event, claims token.Claims) {
	event.Company, event.User, event.KeyID, event.Session = claims.Company, claims.User, claims.KeyID, claims.Family
}

// answerTokens answers with a pair that was made for a caller.
func (t *tokens) answerTokens(w http.ResponseWriter, caller identity.Principal, pair token.Pair, event *audit.Event) error {
	t.Meter.TokenIssued()
	event.Session = pair.Refresh.Claims.Family
	return respond.WriteJSON(w, http.StatusOK, tokenAnswer{
		AccessToken:           pair.Access.Text,
		RefreshToken:          pair.Refresh.Text,
		AccessTokenExpiresIn:  int64(t.Tokens.AccessTTL().Seconds()),
		RefreshTokenExpiresIn: int64(t.Tokens.RefreshTTL().Seconds()),
		User:                  caller.Document(),
	})
}

// publicKeys publishes the public keys that verify access tokens, for other services that accept them (RFC 7517, 5).
func (t *tokens) publicKeys(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	document, etag := t.keys.JWKS()
	header := w.Header()
	header.Set("Content-Type", "application/jwk-set+json")
	header.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(token.JWKSMaxAge/time.Second)))
	header.Set("ETag", etag)
	header.Set("Access-Control-Allow-Origin", "*") // it is public, and pages that verify tokens may be anywhere
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document))
	return nil
}
