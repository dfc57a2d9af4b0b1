package contract

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/identity"
	core "github.com/solucao42/caddy-data-api/internal/server"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/signin"
)

const (
	signInRoute   = sessionRoute + "/sign-in"
	callbackRoute = sessionRoute + "/callback/acme-idp"
	consoleSecret = "a secret of the console's"
)

// signInServer is a server of acme and globex whose people sign in by a provider, acme's and initech's by name.
func signInServer(t *testing.T, p *servertest.SignInProvider) *server {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "jwks.json")
	servertest.WriteJWKS(t, keys, "k", p.Key)
	catalog := files(engines[0])
	catalog["acme/company.yaml"] = companyFile + "  off: { active: false, policies: [] }\n  admin: { policies: [CompanyAdministrator] }\n"
	return newServer(t, servertest.Config{Database: engines[0].Source(t, t.TempDir(), sales), Files: catalog, Settings: func(s *core.Settings) {
		trusting(t, keys)(s)
		s.Tokens.Trusts[0].Issuer = p.URL
		s.SignIn = []signin.Provider{{Name: "acme-idp", Issuer: p.URL, Companies: []string{"acme"}, Client: signin.Client{
			ID: servertest.SignInClient, Secret: p.Secret, AuthorizationEndpoint: p.URL + "/authorize", TokenEndpoint: p.URL + "/token", Scopes: []string{"openid"},
		}}}
	}})
}

// tab is a browser that keeps cookies, and goes where it is sent when it is told to.
type tab struct {
	*server
	client *http.Client
}

func newTab(s *server) *tab {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.T.Fatal(err)
	}
	return &tab{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *tab) send(method, address, body string, headers ...string) answer {
	b.T.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.Base + address
	}
	request, err := http.NewRequestWithContext(b.T.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.T.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	got, err := b.DoWith(b.client, request)
	if err != nil {
		b.T.Fatal(err)
	}
	return got
}

// authorize begins a sign-in, and returns the address at which the provider sends the browser back.
func (b *tab) authorize() string {
	b.T.Helper()
	var begun struct {
		URL string `json:"authorization_url"`
	}
	b.send(http.MethodPost, signInRoute, `{"company_slug":"acme"}`, "Sec-Fetch-Site", "same-origin").Want(http.StatusOK).Decode(&begun)
	return b.send(http.MethodGet, begun.URL, "").Want(http.StatusFound).Header.Get("Location")
}

// People sign in by their provider, with a secret and as a public client, and stay signed in until they sign out.
func TestSignInByAProvider(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", consoleSecret} {
		p := servertest.NewSignInProvider(t, secret)
		s := signInServer(t, p)
		b := newTab(s)
		if got := decode[map[string]bool](b.send(http.MethodGet, signInRoute, "").Want(http.StatusOK)); !got["available"] {
			t.Errorf("%v", got)
		}
		back := b.authorize()
		if !strings.HasPrefix(back, s.Base+callbackRoute+"?") {
			t.Fatalf("the provider sends the browser to %s", back)
		}
		got := b.send(http.MethodGet, back, "", "Sec-Fetch-Site", "cross-site").Want(http.StatusSeeOther)
		if got.Header.Get("Location") != "/console/" || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%v", got.Header)
		}
		cookies := strings.Join(got.Header.Values("Set-Cookie"), "\n")
		for _, part := range []string{"data_api_sign_in=; Path=/api/v1/auth/session/callback; Max-Age=0; HttpOnly; SameSite=Lax", "data_api_session=", "HttpOnly; SameSite=Strict"} {
			if !strings.Contains(cookies, part) {
				t.Errorf("%s lacks %s", cookies, part)
			}
		}
		var renewed session
		b.send(http.MethodPost, renewRoute, "").Want(http.StatusOK).Decode(&renewed)
		if renewed.User.Name != "integration" {
			t.Errorf("signed in as %+v", renewed)
		}
		s.Get(whoAmI, renewed.Access).Want(http.StatusOK)

		// The session has a key that administrators see, and that ends with it.
		admin := s.Login("acme", "admin").Access
		list := func(query string) []object {
			return decode[struct{ Keys []object }](s.Get("/api/v1/keys?user=integration"+query, admin).Want(http.StatusOK)).Keys
		}
		if keys := list(""); len(keys) != 1 || keys[0]["name"] != identity.SignInKeyName || keys[0]["expires_at"] == nil {
			t.Errorf("%v", keys)
		}
		b.send(http.MethodDelete, sessionRoute, "").Want(http.StatusNoContent)
		s.Get(whoAmI, renewed.Access).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		if keys := list(""); len(keys) != 0 {
			t.Errorf("after signing out: %v", keys)
		}
		if keys := list("&state=revoked"); len(keys) != 1 {
			t.Errorf("asked for what has ended: %v", keys)
		}
	}
}

// A link is bound to its maker's key, and the key of a sign-in ends with the session: the maker is told so before.
func TestLinksEndWithTheSessionOfASignIn(t *testing.T) {
	t.Parallel()
	p := servertest.NewSignInProvider(t, consoleSecret)
	p.Change = servertest.Changes{"sub": "admin"}
	s := signInServer(t, p)
	b := newTab(s)
	b.send(http.MethodGet, b.authorize(), "").Want(http.StatusSeeOther)
	opened := decode[session](b.send(http.MethodPost, renewRoute, "").Want(http.StatusOK))
	if !opened.KeyEnds {
		t.Errorf("the session does not say that its key ends with it: %+v", opened)
	}
	made := decode[struct{ URL string }](s.Send(http.MethodPost, "/api/v1/data-api/default/few/links", opened.Access, `{"expires_in": 31622400}`).Want(http.StatusCreated))
	b.send(http.MethodGet, made.URL, "").Want(http.StatusOK)
	b.send(http.MethodDelete, sessionRoute, "").Want(http.StatusNoContent)
	b.send(http.MethodGet, made.URL, "").Problem(http.StatusGone, "LINK_ENDED")
}

// Whatever is wrong, nobody is signed in, and nobody is sent anywhere.
func TestSignInMisuse(t *testing.T) {
	t.Parallel()
	p := servertest.NewSignInProvider(t, consoleSecret)
	s := signInServer(t, p)
	answered := func(back string, change func(url.Values)) string {
		parsed, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		values := parsed.Query()
		change(values)
		parsed.RawQuery = values.Encode()
		return parsed.String()
	}
	with := func(name string, values ...string) func(b *tab) string {
		return func(b *tab) string {
			return answered(b.authorize(), func(query url.Values) {
				if query.Del(name); len(values) > 0 {
					query[name] = values
				}
			})
		}
	}
	claims := func(change servertest.Changes) func(b *tab) string {
		return func(b *tab) string { p.Change = change; return b.authorize() }
	}
	misuses := map[string]func(b *tab) string{
		"another state":          with("state", "x"),
		"no state":               with("state"),
		"two states":             with("state", "x", "y"),
		"another issuer":         with("iss", "https://evil.example"),
		"no code":                with("code"),
		"a code that is made up": with("code", "x"),
		"the provider's refusal": with("error", "access_denied"),
		"a code of another's sign-in": func(b *tab) string {
			code, _ := url.Parse(newTab(s).authorize())
			return with("code", code.Query().Get("code"))(b)
		},
		"another browser's answer": func(*tab) string { return newTab(s).authorize() },
		"a second answer": func(b *tab) string {
			back := b.authorize()
			b.send(http.MethodGet, back, "").Want(http.StatusSeeOther)
			return back
		},
		"the way of another provider": func(b *tab) string {
			return strings.Replace(b.authorize(), "/callback/acme-idp", "/callback/other-idp", 1)
		},
		"another nonce":                   claims(servertest.Changes{"nonce": "x"}),
		"no nonce":                        claims(servertest.Changes{"nonce": servertest.Absent{}}),
		"a token of another client":       claims(servertest.Changes{"aud": "another-client"}),
		"a token of several clients":      claims(servertest.Changes{"aud": []string{servertest.SignInClient, "another-client"}}),
		"a token that another asked for":  claims(servertest.Changes{"aud": []string{servertest.SignInClient, "another-client"}, "azp": "another-client"}),
		"a token of another issuer":       claims(servertest.Changes{"iss": "https://evil.example"}),
		"a token that has expired":        claims(servertest.Changes{"exp": time.Now().Unix() - 60, "iat": time.Now().Unix() - 120}),
		"a token that lives for a year":   claims(servertest.Changes{"exp": time.Now().Unix() + 365*86400}),
		"somebody whom nobody knows":      claims(servertest.Changes{"sub": "nobody"}),
		"somebody who is inactive":        claims(servertest.Changes{"sub": "off"}),
		"no token at all":                 claims(servertest.Changes{"id_token": "none"}),
		"a logout token":                  claims(servertest.Changes{"events": map[string]any{}}),
		"a token without a signature":     func(b *tab) string { p.Head = servertest.Changes{"alg": "none"}; return b.authorize() },
		"a token of the access's type":    func(b *tab) string { p.Head = servertest.Changes{"typ": "at+jwt"}; return b.authorize() },
		"a token by another key":          func(b *tab) string { p.By = servertest.NewEd(t); return b.authorize() },
		"a cookie that is made up":        func(b *tab) string { back := b.authorize(); b.plant("x"); return back },
		"a cookie of another server":      func(b *tab) string { back := b.authorize(); b.plant(sealedElsewhere(t, p, time.Now)); return back },
		"a client that the provider lost": func(b *tab) string { back := b.authorize(); p.Secret = "changed"; return back },
	}
	for name, misuse := range misuses {
		b := newTab(s)
		back := misuse(b)
		got := b.send(http.MethodGet, back, "", "Sec-Fetch-Site", "cross-site")
		if got.Status != http.StatusUnauthorized || got.Header.Get("Location") != "" || strings.Contains(strings.Join(got.Header.Values("Set-Cookie"), ""), cookieName) {
			t.Errorf("%s: %d %v %s", name, got.Status, got.Header, got.Body)
		}
		for _, word := range []string{"code-", consoleSecret, "invalid_grant", "nonce"} {
			if strings.Contains(string(got.Body), word) {
				t.Errorf("%s: the answer tells %s: %s", name, word, got.Body)
			}
		}
		p.Change, p.Head, p.By, p.Secret = nil, nil, nil, consoleSecret
	}
	b := newTab(s)
	// A way elsewhere: nothing of the request says where one comes to.
	got := b.send(http.MethodGet, answered(b.authorize(), func(query url.Values) {
		query["return_to"], query["redirect_uri"], query["next"] = []string{"https://evil.example"}, []string{"https://evil.example"}, []string{"//evil.example"}
	}), "").Want(http.StatusSeeOther)
	if got.Header.Get("Location") != "/console/" {
		t.Errorf("sent to %s", got.Header.Get("Location"))
	}
	b.send(http.MethodPost, signInRoute, `{"company_slug":"acme","return_to":"https://evil.example"}`).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	// A page of another site begins none, nor does anybody for a company that has no provider.
	b.send(http.MethodPost, signInRoute, `{"company_slug":"acme"}`, "Sec-Fetch-Site", "cross-site").Problem(http.StatusForbidden, "FORBIDDEN")
	for _, company := range []string{"globex", "nobody", "../acme"} {
		b.send(http.MethodPost, signInRoute, `{"company_slug":"`+company+`"}`).Problem(http.StatusNotFound, "NOT_FOUND")
	}
	// A provider that cannot be asked is nobody's fault, and the sign-in can be begun again.
	for _, status := range []int{http.StatusInternalServerError, http.StatusFound} {
		back := b.authorize()
		p.Down = status
		b.send(http.MethodGet, back, "").Problem(http.StatusServiceUnavailable, "OVERLOADED")
		p.Down = 0
	}
	b.send(http.MethodGet, b.authorize(), "").Want(http.StatusSeeOther)
	if log := s.Log.String(); strings.Contains(log, consoleSecret) || strings.Contains(log, "code-") {
		t.Error("the log has secrets")
	}
}

// browsers is what a browser accepts in a window.
const browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

// A person whose sign-in fails comes back to the console, which says why in words of its own: nothing of the request is in the answer, and it
// leads nowhere else. A program gets the problem document.
func TestFailedSignInLeadsBackToTheConsole(t *testing.T) {
	t.Parallel()
	p := servertest.NewSignInProvider(t, consoleSecret)
	s := signInServer(t, p)
	with := func(changes ...string) func(b *tab) string {
		return func(b *tab) string { return b.authorize() + "&" + strings.Join(changes, "&") }
	}
	replaced := func(name, value string) func(b *tab) string {
		return func(b *tab) string {
			back, err := url.Parse(b.authorize())
			if err != nil {
				t.Fatal(err)
			}
			query := back.Query()
			query.Set(name, value)
			return s.Base + callbackRoute + "?" + query.Encode()
		}
	}
	claims := func(change servertest.Changes) func(b *tab) string {
		return func(b *tab) string { p.Change = change; return b.authorize() }
	}
	for name, test := range map[string]struct {
		back   func(b *tab) string
		reason string
	}{
		"the provider says no":             {with("error=access_denied", "error_description=%3Cscript%3Eevil", "error_uri=https://evil.example"), "denied"},
		"the provider says no, its way":    {with("error=%22%3E%3Cscript%3Eevil"), "denied"},
		"another state":                    {replaced("state", "//evil.example"), "stale"},
		"another browser's":                {func(*tab) string { return newTab(s).authorize() }, "stale"},
		"a cookie that is made up":         {func(b *tab) string { back := b.authorize(); b.plant("evil"); return back }, "stale"},
		"a second answer":                  {func(b *tab) string { back := b.authorize(); b.send(http.MethodGet, back, ""); return back }, "stale"},
		"somebody whom nobody knows":       {claims(servertest.Changes{"sub": "evil"}), "unknown"},
		"somebody who is inactive":         {claims(servertest.Changes{"sub": "off"}), "unknown"},
		"a code that is made up":           {replaced("code", "evil"), "failed"},
		"a token of another client":        {claims(servertest.Changes{"aud": "evil"}), "failed"},
		"a provider that cannot be asked":  {func(b *tab) string { back := b.authorize(); p.Down = http.StatusBadGateway; return back }, "unavailable"},
		"two states, and a place to go to": {with("state=evil", "return_to=https://evil.example", "redirect_uri=//evil.example"), "failed"},
	} {
		b := newTab(s)
		got := b.send(http.MethodGet, test.back(b), "", "Accept", browsers, "Sec-Fetch-Site", "cross-site")
		if want := "/console/#/sign-in?failed=" + test.reason; got.Status != http.StatusSeeOther || got.Header.Get("Location") != want {
			t.Errorf("%s: %d to %q, want %s", name, got.Status, got.Header.Get("Location"), want)
		}
		if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Referrer-Policy") != "no-referrer" || len(got.Body) > 0 {
			t.Errorf("%s: %v %s", name, got.Header, got.Body)
		}
		if all := fmt.Sprint(got.Header); strings.Contains(all, "evil") || strings.Contains(all, cookieName+"=ey") {
			t.Errorf("%s: the answer repeats the request, or begins a session: %s", name, all)
		}
		p.Change, p.Down = nil, 0
	}
	for _, accept := range []string{"application/json", "application/problem+json, application/json", "*/*", "text/html;q=0.5, application/json"} {
		b := newTab(s)
		got := b.send(http.MethodGet, replaced("state", "x")(b), "", "Accept", accept).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		if got.Header.Get("Location") != "" {
			t.Errorf("Accept: %s leads to %s", accept, got.Header.Get("Location"))
		}
	}
	b := newTab(s)
	if got := b.send(http.MethodGet, b.authorize(), "", "Accept", browsers).Want(http.StatusSeeOther); got.Header.Get("Location") != "/console/" {
		t.Errorf("who has signed in comes to %s", got.Header.Get("Location"))
	}
	// Operators read of a provider that cannot be asked, however a person was told.
	eventually(t, "the log tells of the provider", patience, func() bool { return strings.Contains(s.Log.String(), "the provider cannot be asked") })
	if log := s.Log.String(); strings.Contains(log, "evil") {
		t.Errorf("the log has %s", log)
	}
}

// plant gives the browser another sign-in to bring along.
func (b *tab) plant(sealed string) {
	at, err := url.Parse(b.Base + callbackRoute)
	if err != nil {
		b.T.Fatal(err)
	}
	b.client.Jar.SetCookies(at, []*http.Cookie{{Name: "data_api_sign_in", Value: sealed, Path: "/api/v1/auth/session/callback"}})
}

// sealedElsewhere is a sign-in that another server has begun.
func sealedElsewhere(t *testing.T, p *servertest.SignInProvider, now func() time.Time) string {
	t.Helper()
	desk, err := signin.New([]signin.Provider{{Name: "acme-idp", Companies: []string{"acme"}, Client: signin.Client{
		ID: servertest.SignInClient, AuthorizationEndpoint: p.URL, TokenEndpoint: p.URL, Scopes: []string{"openid"},
	}}}, make([]byte, 32), now)
	if err != nil {
		t.Fatal(err)
	}
	_, sealed, err := desk.Begin(desk.Named("acme-idp"), "acme", "https://example.com")
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}
