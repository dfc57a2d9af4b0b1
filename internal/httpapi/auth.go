package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/token"
)

var errNoToken = errors.New("the request carries no bearer token")

// bearerToken returns the token of the Authorization header (RFC 6750, 2.1); the other two ways of that RFC, a form
// field and a query parameter, leak into logs and are not read.
func bearerToken(r *http.Request) (string, bool) {
	scheme, credentials, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.Trim(credentials, " "), true
}

// keyRequest is the body of POST /api/v1/auth/api-key.
type keyRequest struct {
	CompanySlug string `json:"company_slug"`
	APIKey      string `json:"api_key"`
	APISecret   string `json:"api_secret"`
}

// refreshRequest is the body of POST /api/v1/auth/refresh.
type refreshRequest struct {
	RefreshToken string `json:"refresh_token"`
}

// tokenAnswer is what both routes answer. The lifetimes are in seconds.
type tokenAnswer struct {
	AccessToken           string                `json:"access_token"`
	RefreshToken          string                `json:"refresh_token"`
	AccessTokenExpiresIn  int64                 `json:"access_token_expires_in"`
	RefreshTokenExpiresIn int64                 `json:"refresh_token_expires_in"`
	User                  identity.UserDocument `json:"user"`
}

// exchangeKey trades an API key and its secret for a pair of tokens.
func (a *API) exchangeKey(w http.ResponseWriter, r *http.Request) {
	var request keyRequest
	if err := decodeBody(r, &request, false); err != nil {
		a.Fail(w, r, err, false)
		return
	}
	caller, err := a.Directory.Verify(request.CompanySlug, request.APIKey, request.APISecret)
	if err != nil {
		a.Fail(w, r, err, false)
		return
	}
	a.answerTokens(w, r, caller, "")
}

// refresh trades a refresh token for a new pair of the same family. The user and the key are looked at again: neither
// outlives its revocation by refreshing.
func (a *API) refresh(w http.ResponseWriter, r *http.Request) {
	var request refreshRequest
	if err := decodeBody(r, &request, false); err != nil {
		a.Fail(w, r, err, false)
		return
	}
	claims, err := a.Tokens.VerifyRefresh(request.RefreshToken)
	if err != nil {
		a.Fail(w, r, err, false)
		return
	}
	caller, err := a.Directory.Resolve(claims.Company, claims.User, claims.KeyID)
	if err != nil {
		a.Fail(w, r, err, false)
		return
	}
	a.answerTokens(w, r, caller, claims.Family)
}

// answerTokens mints a pair; an empty family begins a new one.
func (a *API) answerTokens(w http.ResponseWriter, r *http.Request, caller identity.Principal, family string) {
	pair, err := a.Tokens.Mint(token.Subject{
		Company: caller.Company.Slug,
		User:    caller.User.Name,
		KeyID:   caller.KeyID,
	}, family)
	if err != nil {
		a.Fail(w, r, dataapi.Wrap(dataapi.CodeInternal, err), false)
		return
	}
	err = writeJSON(w, http.StatusOK, tokenAnswer{
		AccessToken:           pair.Access.Text,
		RefreshToken:          pair.Refresh.Text,
		AccessTokenExpiresIn:  int64(a.Tokens.AccessTTL().Seconds()),
		RefreshTokenExpiresIn: int64(a.Tokens.RefreshTTL().Seconds()),
		User:                  caller.Document(),
	})
	if err != nil {
		a.Fail(w, r, err, true)
	}
}
