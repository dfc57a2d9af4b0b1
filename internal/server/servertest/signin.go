package servertest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// SignInClient is what a [SignInProvider] calls the server.
const SignInClient = "console-client"

// SignInProvider is an identity provider: its user, who is integration, is always signed in, and asks nobody. It gives a code for one exchange, and
// holds it to what PKCE and its client have to bring.
type SignInProvider struct {
	*httptest.Server
	Key    ed25519.PrivateKey
	Secret string // empty: the client is public

	Change Changes            // of the next ID token's claims
	Head   Changes            // of its header
	By     ed25519.PrivateKey // signs it; nil: the provider's own key
	Down   int                // the status of the token endpoint; 0: it works
	Denial url.Values         // how the next sign-in is refused; nil: it is not

	t      testing.TB
	mu     sync.Mutex
	grants map[string]url.Values // what was asked for, by the code
}

// NewSignInProvider starts a provider. Its endpoints are /authorize and /token.
func NewSignInProvider(tb testing.TB, secret string) *SignInProvider {
	tb.Helper()
	p := &SignInProvider{t: tb, Key: NewEd(tb), Secret: secret, grants: make(map[string]url.Values)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.exchange)
	p.Server = httptest.NewServer(mux)
	tb.Cleanup(p.Close)
	return p
}

// Become changes the provider between two requests.
func (p *SignInProvider) Become(change func(p *SignInProvider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *SignInProvider) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for name, want := range map[string]string{"response_type": "code", "client_id": SignInClient, "code_challenge_method": "S256"} {
		if query.Get(name) != want {
			p.t.Errorf("%s is %q", name, query.Get(name))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	back := url.Values{"state": {query.Get("state")}, "iss": {p.URL}}
	if p.Denial != nil {
		maps.Copy(back, p.Denial)
	} else {
		code := fmt.Sprint("code-", len(p.grants))
		p.grants[code] = query
		back["code"], back["session_state"] = []string{code}, []string{"x"}
	}
	http.Redirect(w, r, query.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *SignInProvider) exchange(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	refuse := func(status int, why string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error":%q}`, why)
	}
	if p.Down != 0 {
		refuse(p.Down, "server_error")
		return
	}
	client, secret, basic := r.BasicAuth()
	secret, _ = url.QueryUnescape(secret)
	if !basic {
		client = r.PostFormValue("client_id")
	}
	code := r.PostFormValue("code")
	granted := p.grants[code]
	p.grants[code] = nil
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case client != SignInClient || secret != p.Secret:
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	case granted == nil || granted.Get("redirect_uri") != r.PostFormValue("redirect_uri") || granted.Get("code_challenge") != Segment(challenge[:]):
		refuse(http.StatusBadRequest, "invalid_grant")
		return
	}
	now := time.Now().Unix()
	forger := Forger{T: p.t, Key: p.Key, Head: Changes{"alg": "EdDSA", "kid": "k", "typ": "JWT"}, Body: Changes{
		"iss": p.URL, "aud": SignInClient, "sub": "integration", "iat": now, "exp": now + 300, "nonce": granted.Get("nonce"),
		"at_hash": "x", "email": "ana@acme.example",
	}}
	if p.By != nil {
		forger.Key = p.By
	}
	answer := map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": forger.Token(p.Head, p.Change)}
	if p.Change["id_token"] != nil {
		delete(answer, "id_token")
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
