package authn

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// sessions are the pairs of tokens of browsers. The page gets the access token, which it keeps in its memory; the refresh token
// is in a cookie that no script can read and that only these routes are sent. The cookie authenticates nothing but
// its own renewal, so that a request that another site makes a browser send can do no more than that.
type sessions struct {
	*tokens
	origins *http.CrossOriginProtection
}

// sessionCookie is the name of the cookie.
const sessionCookie = "data_api_session"

// sessionRequest is the body of POST /api/v1/auth/session: an API key and its secret, or the code of a link.
type sessionRequest struct {
	CompanySlug string `json:"company_slug"`
	APIKey      string `json:"api_key"`
	APISecret   string `json:"api_secret"`
	LinkCode    string `json:"link_code"`
}

func (q *sessionRequest) missing() string {
	if q.LinkCode != "" {
		return ""
	}
	return q.key().missing()
}

func (q *sessionRequest) key() *keyRequest {
	return &keyRequest{CompanySlug: q.CompanySlug, APIKey: q.APIKey, APISecret: q.APISecret}
}

// sessionAnswer is tokenAnswer without the refresh token.
type sessionAnswer struct {
	AccessToken          string                `json:"access_token"`
	AccessTokenExpiresIn int64                 `json:"access_token_expires_in"`
	SessionExpiresIn     int64                 `json:"session_expires_in"`
	KeyEndsWithSession   bool                  `json:"key_ends_with_session"` // and so do links that are made by it
	User                 identity.UserDocument `json:"user"`
}

// The words for what is refused.
const (
	wrongLink = "The link is not valid, or not any more: it can be used once, within 5 minutes. Ask for a new one, or sign in with an API key."
	noSession = "There is no session, or it has ended: sign in."
	forgery   = "This request comes from another site. Sessions are for pages of this server."
)

// begin signs a browser in.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request, event *audit.Event) error {
	attempt, err := s.enter(r)
	if err != nil {
		return err
	}
	var request sessionRequest
	if err := decodeFields(r, &request); err != nil {
		return err
	}
	if request.LinkCode == "" {
		caller, pair, err := s.exchangeKey(r, &attempt, request.key(), event)
		if err != nil {
			return err
		}
		return s.answer(w, r, caller, pair, event)
	}
	if *request.key() != (keyRequest{}) {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "A link_code is sent alone: without company_slug, api_key and api_secret.")
	}
	pair, err := s.Families.Accept(r.Context(), s.Tokens, request.LinkCode)
	if errors.Is(err, token.ErrReused) {
		event.Action = audit.TokenReused
	}
	if err != nil {
		return verified(&attempt, err, wrongLink)
	}
	claims := pair.Refresh.Claims
	about(event, claims)
	caller, err := s.Directory.Resolve(claims.Company, claims.User, claims.KeyID)
	if err != nil {
		return verified(&attempt, err, wrongLink)
	}
	event.Reason = "by a link"
	return s.answer(w, r, caller, pair, event)
}

// renew trades the cookie for the next pair.
func (s *sessions) renew(w http.ResponseWriter, r *http.Request, event *audit.Event) error {
	attempt, text, err := s.enterAgain(r)
	if err != nil {
		return err
	}
	if text == "" {
		event.Action = "" // a page that has been opened asks: nobody's credentials were refused
		return &dataapi.Error{Code: dataapi.CodeUnauthenticated, Detail: noSession, Err: errNoToken}
	}
	caller, pair, err := s.rotate(r, &attempt, text, noSession, event)
	if err != nil {
		if dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
			setCookie(w, r, "", time.Time{})
		}
		return err
	}
	return s.answer(w, r, caller, pair, event)
}

// end signs a browser out. It answers 204 whether or not somebody was signed in.
func (s *sessions) end(w http.ResponseWriter, r *http.Request, event *audit.Event) error {
	attempt, text, err := s.enterAgain(r)
	if err != nil {
		return err
	}
	if text == "" {
		event.Action = ""
	} else if err := s.endFamily(w, r, &attempt, text, event); err != nil {
		return err
	}
	setCookie(w, r, "", time.Time{})
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answer hands the pair out, each half to where it belongs.
func (s *sessions) answer(w http.ResponseWriter, r *http.Request, caller identity.Principal, pair token.Pair, event *audit.Event) error {
	s.open(w, r, pair, event)
	return respond.WriteJSON(w, http.StatusOK, sessionAnswer{
		AccessToken:          pair.Access.Text,
		AccessTokenExpiresIn: int64(s.Tokens.AccessTTL().Seconds()),
		SessionExpiresIn:     int64(s.Tokens.RefreshTTL().Seconds()),
		KeyEndsWithSession:   s.Directory.EndsWithSession(caller.KeyID),
		User:                 caller.Document(),
	})
}

// open gives the browser the half of a pair that it keeps.
func (s *sessions) open(w http.ResponseWriter, r *http.Request, pair token.Pair, event *audit.Event) {
	s.Meter.TokenIssued()
	event.Session = pair.Refresh.Claims.Family
	setCookie(w, r, pair.Refresh.Text, pair.Refresh.Claims.ExpiresAt)
}

// checkOrigin refuses what a page of another origin has made a browser send, a sibling of this site included. Browsers say so
// in Sec-Fetch-Site, and where that is missing, as on plain HTTP, in Origin, which must name the host of the request then. What
// is no browser sends neither.
func (s *sessions) checkOrigin(r *http.Request) error {
	if err := s.origins.Check(r); err != nil {
		return &dataapi.Error{Code: dataapi.CodeForbidden, Detail: forgery, Err: err}
	}
	return nil
}

// enter lets a request in that a page of this server has sent, and counts it as an attempt.
func (s *sessions) enter(r *http.Request) (ratelimit.Attempt, error) {
	if err := s.checkOrigin(r); err != nil {
		return ratelimit.Attempt{}, err
	}
	return s.beginAttempt(r)
}

// enterAgain begins the attempt of a page that may have signed in, and returns its cookie; empty: there is none. The body is empty.
func (s *sessions) enterAgain(r *http.Request) (attempt ratelimit.Attempt, cookie string, err error) {
	if attempt, err = s.enter(r); err != nil {
		return attempt, "", err
	}
	if err := respond.DecodeBody(r, &struct{}{}, true); err != nil {
		return attempt, "", err
	}
	return attempt, cookieOf(r), nil
}

// overTLS reports whether the page is on HTTPS. Behind a proxy that ends TLS its origin tells, or, where browsers send none, what the
// server is called.
func overTLS(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return r.TLS != nil || strings.HasPrefix(origin, "https://") || origin == "" && strings.HasPrefix(fields.BaseOf(r).URL, "https://")
}

// cookieOf returns the refresh token of the request's cookie; empty: there is none. Of two cookies of one name, which a
// neighbouring host can set, none is taken: which of them is this server's cannot be told.
func cookieOf(r *http.Request) string { return onlyCookie(r, sessionCookie) }

func onlyCookie(r *http.Request, name string) string {
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 {
		return ""
	}
	return cookies[0].Value
}

// setCookie gives the browser a refresh token until a time, or takes the one away that it has. The cookie goes to no route but
// the sessions', and with no request that another site begins.
func setCookie(w http.ResponseWriter, r *http.Request, text string, until time.Time) {
	give(w, r, sessionCookie, text, dataapi.PathSession, http.SameSiteStrictMode, time.Until(until))
}

// give sets a cookie for a path of this API and a time, or takes it away where it has no text. No script can read it, and where the page
// is on HTTPS, it goes over nothing else.
func give(w http.ResponseWriter, r *http.Request, name, text, path string, site http.SameSite, age time.Duration) {
	cookie := &http.Cookie{ //nolint:gosec // over plain HTTP a browser would drop one that is Secure
		Name: name, Value: text, Path: fields.BaseOf(r).Path + path, HttpOnly: true, SameSite: site, Secure: overTLS(r), MaxAge: -1,
	}
	if text != "" {
		cookie.MaxAge = max(1, int(age/time.Second))
	}
	http.SetCookie(w, cookie)
}
