package contract

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/token"
)

const (
	sessionRoute = "/api/v1/auth/session"
	renewRoute   = sessionRoute + "/refresh"
	cookieName   = "data_api_session"
)

// browser keeps the one cookie of a page.
type browser struct {
	*server
	origin string // empty: that of the server
	cookie string
	last   *http.Cookie
}

// send sends a request as a page of this server does.
func (b *browser) send(method, path, body string) answer {
	b.T.Helper()
	headers := []string{"Sec-Fetch-Site", "same-origin", "Origin", cmp.Or(b.origin, b.Base)}
	if b.cookie != "" {
		headers = append(headers, "Cookie", cookieName+"="+b.cookie)
	}
	got := b.Send(method, path, "", body, headers...)
	parsed := http.Response{Header: got.Header}
	for _, cookie := range parsed.Cookies() {
		if cookie.Name == cookieName {
			b.cookie, b.last = cookie.Value, cookie
		}
	}
	return got
}

// session is the answer of the routes of sessions.
type session struct {
	Access  string `json:"access_token"`
	Expires int    `json:"access_token_expires_in"`
	Session int    `json:"session_expires_in"`
	KeyEnds bool   `json:"key_ends_with_session"`
	User    struct {
		Name string `json:"name"`
	} `json:"user"`
}

func (b *browser) signIn(user string) (opened session) {
	b.T.Helper()
	key := b.CreateKey("acme", user)
	b.send(http.MethodPost, sessionRoute, `{"company_slug":"acme","api_key":"`+key.Key+`","api_secret":"`+key.Secret+`"}`).
		Want(http.StatusOK).Decode(&opened)
	return opened
}

func TestSession(t *testing.T) {
	t.Parallel()
	b := &browser{server: familyServer(t)}
	opened := b.signIn("integration")
	if opened.User.Name != "integration" || opened.Expires != 600 || opened.Session != 604800 || opened.KeyEnds {
		t.Errorf("signed in: %+v", opened)
	}
	c := b.last
	if c.Path != sessionRoute || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.MaxAge < 604700 || c.MaxAge > 604800 {
		t.Errorf("the cookie is %s", c.Raw)
	}
	b.Get(whoAmI, opened.Access).Want(http.StatusOK)

	var renewed session
	b.send(http.MethodPost, renewRoute, "").Want(http.StatusOK).Decode(&renewed)
	b.Get(whoAmI, renewed.Access).Want(http.StatusOK)
	if b.last.Value == c.Value {
		t.Error("the cookie stays the same")
	}

	b.send(http.MethodDelete, sessionRoute, "").Want(http.StatusNoContent)
	if b.cookie != "" || b.last.MaxAge >= 0 {
		t.Errorf("signing out leaves the cookie %s", b.last.Raw)
	}
	for _, token := range []string{opened.Access, renewed.Access} {
		b.Get(whoAmI, token).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	}
	b.send(http.MethodPost, renewRoute, "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	b.send(http.MethodDelete, sessionRoute, "").Want(http.StatusNoContent)
}

// A cookie that comes back late says that somebody else has it.
func TestSessionStolenCookie(t *testing.T) {
	t.Parallel()
	b := &browser{server: familyServer(t)}
	b.signIn("integration")
	stolen := b.cookie
	var renewed session
	for range 2 {
		b.send(http.MethodPost, renewRoute, "{}").Want(http.StatusOK).Decode(&renewed)
	}
	thief := &browser{server: b.server, cookie: stolen}
	thief.send(http.MethodPost, renewRoute, "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	if thief.cookie != "" {
		t.Error("the cookie that was refused is left")
	}
	b.Get(whoAmI, renewed.Access).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
}

// What a page of another origin makes a browser send does nothing, whichever of the two fields the browser sends.
func TestSessionForgery(t *testing.T) {
	t.Parallel()
	b := &browser{server: familyServer(t)}
	opened := b.signIn("integration")
	cookie := cookieName + "=" + b.cookie
	key := b.CreateKey("acme", "integration")
	good := `{"company_slug":"acme","api_key":"` + key.Key + `","api_secret":"` + key.Secret + `"}`
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "same-site", "Origin", "https://other.example.com"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
	} {
		for _, request := range [][3]string{
			{http.MethodPost, renewRoute, ""}, {http.MethodDelete, sessionRoute, ""}, {http.MethodPost, sessionRoute, good},
		} {
			got := b.Send(request[0], request[1], "", request[2], append(headers, "Cookie", cookie)...).Problem(http.StatusForbidden, "FORBIDDEN")
			if got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%v %v sets a cookie", request, headers)
			}
		}
	}
	// A form of another site, which needs no permission to be sent.
	form, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL(sessionRoute), strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	form.Header.Set("Content-Type", "text/plain")
	got, err := b.Do(form)
	if err != nil {
		t.Fatal(err)
	}
	got.Problem(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE")
	b.Get(whoAmI, opened.Access).Want(http.StatusOK)
	b.send(http.MethodPost, renewRoute, "").Want(http.StatusOK)
	// The cookie is no credential anywhere else.
	b.Send(http.MethodGet, whoAmI, "", "", "Cookie", cookie).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	// Of two, none is taken.
	b.Send(http.MethodPost, renewRoute, "", "", "Cookie", cookieName+"="+b.cookie+"; "+cookieName+"=x").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
}

func TestSessionRefusals(t *testing.T) {
	t.Parallel()
	b := &browser{server: familyServer(t)}
	b.send(http.MethodPost, sessionRoute, `{"company_slug":"acme"}`).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	b.send(http.MethodPost, sessionRoute, `{"link_code":"x","api_key":"y"}`).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	b.send(http.MethodPost, sessionRoute, `{"link_code":"x"}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	b.send(http.MethodPost, renewRoute, `{"refresh_token":"x"}`).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	if got := b.send(http.MethodGet, sessionRoute, ""); got.Status != http.StatusMethodNotAllowed || !strings.Contains(got.Header.Get("Allow"), http.MethodDelete) {
		t.Errorf("GET: %d, Allow %q", got.Status, got.Header.Get("Allow"))
	}
	key := b.CreateKey("acme", "integration")
	b.cookie, b.origin = "", "https://"+strings.TrimPrefix(b.Base, "http://")
	b.send(http.MethodPost, sessionRoute, `{"company_slug":"acme","api_key":"`+key.Key+`","api_secret":"`+key.Secret+`"}`).
		Want(http.StatusOK)
	if !b.last.Secure {
		t.Errorf("the cookie of a page on HTTPS is %s", b.last.Raw)
	}
	b.Revoke(key.Key)
	b.send(http.MethodPost, renewRoute, "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
}

func (b *browser) invite(user string) (code, key string) {
	b.T.Helper()
	made, _, err := b.Services().Directory.CreateKey(b.T.Context(), identity.NewKey{Company: "acme", User: user, ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		b.T.Fatal(err)
	}
	code, _, err = b.Services().Invite(b.T.Context(), token.Subject{Company: "acme", User: user, KeyID: made.ID})
	if err != nil {
		b.T.Fatal(err)
	}
	return code, made.ID
}

func TestSessionByLink(t *testing.T) {
	t.Parallel()
	b := &browser{server: familyServer(t)}
	code, key := b.invite("integration")
	var opened session
	b.send(http.MethodPost, sessionRoute, `{"link_code":"`+code+`"}`).Want(http.StatusOK).Decode(&opened)
	b.Get(whoAmI, opened.Access).Want(http.StatusOK)
	b.send(http.MethodPost, renewRoute, "").Want(http.StatusOK).Decode(&opened)
	b.Revoke(key)
	b.Get(whoAmI, opened.Access).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")

	code, _ = b.invite("integration")
	b.send(http.MethodPost, sessionRoute, `{"link_code":"`+code+`"}`).Want(http.StatusOK).Decode(&opened)
	other := &browser{server: b.server}
	other.send(http.MethodPost, sessionRoute, `{"link_code":"`+code+`"}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	b.Get(whoAmI, opened.Access).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")

	code, key = b.invite("integration")
	b.Revoke(key) // the link is taken back
	b.send(http.MethodPost, sessionRoute, `{"link_code":"`+code+`"}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
}
