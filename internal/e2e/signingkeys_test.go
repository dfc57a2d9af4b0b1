package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// listedKey is a key as the command line lists it.
type listedKey struct {
	ID            string    `json:"kid"`
	Algorithm     string    `json:"algorithm"`
	State         string    `json:"state"`
	SignsFrom     time.Time `json:"signs_from"`
	VerifiesUntil time.Time `json:"verifies_until"`
}

func (s *server) signingKeys() (keys []listedKey) {
	s.T.Helper()
	if err := json.Unmarshal([]byte(s.mustCLI(s.admin("signing-keys", "list", "--json")...)), &keys); err != nil {
		s.T.Fatal(err)
	}
	return keys
}

// published returns the ids of the published keys, and the document's entity tag.
func (s *server) published() (ids []string, etag string) {
	s.T.Helper()
	got := s.Get("/.well-known/jwks.json", "").Want(http.StatusOK)
	if got.Header.Get("Content-Type") != "application/jwk-set+json" || got.Header.Get("Cache-Control") != "public, max-age=600" {
		s.T.Errorf("the header is %v", got.Header)
	}
	var set struct{ Keys []map[string]any }
	got.Decode(&set)
	for _, key := range set.Keys {
		for member := range key {
			if !strings.Contains(" kty crv x y kid use alg ", " "+member+" ") {
				s.T.Errorf("a published key has a member %s", member)
			}
		}
		ids = append(ids, key["kid"].(string))
	}
	return ids, got.Header.Get("ETag")
}

// kidOf returns the key that a token names.
func kidOf(t testing.TB, token string) string {
	t.Helper()
	header, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		t.Fatal(err)
	}
	var named struct {
		ID string `json:"kid"`
	}
	if err := json.Unmarshal(text, &named); err != nil {
		t.Fatal(err)
	}
	return named.ID
}

func TestSigningKeysCommand(t *testing.T) {
	t.Parallel()
	e := engines[0]
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e)})
	key := s.CreateKey("acme", "integration")
	first := s.Exchange("acme", key)
	use := func(token string, status int) {
		t.Helper()
		s.Execute("few", token, `{}`).Want(status)
	}
	ids, etag := s.published()
	if len(ids) != 1 || ids[0] != kidOf(t, first.Access) {
		t.Fatalf("published are %v; the token names %s", ids, kidOf(t, first.Access))
	}
	request, err := http.NewRequest(http.MethodGet, s.URL("/.well-known/jwks.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("If-None-Match", etag)
	if got, err := s.Do(request); err != nil || got.Status != http.StatusNotModified {
		t.Errorf("with its entity tag: %d, %v", got.Status, err)
	}
	s.Post("/.well-known/jwks.json", "", `{}`).Problem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")

	// Published first: the old key signs on, over a reload and a restart.
	if out := s.mustCLI(s.admin("signing-keys", "rotate")...); !strings.Contains(out, "is published, and signs from ") {
		t.Errorf("rotate printed %q", out)
	}
	keys := s.signingKeys()
	if len(keys) != 2 || keys[0].State != "published" || keys[1].State != "signing" || time.Until(keys[0].SignsFrom) < 10*time.Minute {
		t.Fatalf("the keys are %+v", keys)
	}
	waiting := keys[0].ID
	if ids, changed := s.published(); len(ids) != 2 || changed == etag {
		t.Errorf("published are %v", ids)
	}
	if _, stderr, err := s.cli(s.admin("signing-keys", "rotate")...); !isExit(err) || !strings.Contains(stderr, waiting) {
		t.Errorf("a second rotation: %v, %s", err, stderr)
	}
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	s.kill()
	s.start()
	if pair := s.Exchange("acme", key); kidOf(t, pair.Access) != ids[0] {
		t.Error("the waiting key signs before its time")
	}
	use(first.Access, http.StatusOK)

	// At once: the waiting key signs, and the old one verifies.
	if out := s.mustCLI(s.admin("signing-keys", "rotate", "--now")...); out != waiting+" signs from now on.\n" {
		t.Errorf("rotate --now printed %q", out)
	}
	second := s.Exchange("acme", key)
	if kidOf(t, second.Access) != waiting || kidOf(t, second.Refresh) != waiting {
		t.Errorf("%s signs, want %s", kidOf(t, second.Access), waiting)
	}
	use(first.Access, http.StatusOK)
	if list := s.mustCLI(s.admin("signing-keys", "list")...); !strings.Contains(list, "verifying") || strings.Count(list, "\n") != 3 {
		t.Errorf("list printed\n%s", list)
	}

	// Withdrawn: refused at once, also from the cache of verified tokens, and after a restart.
	if out := s.mustCLI(s.admin("signing-keys", "withdraw", ids[0])...); !strings.Contains(out, "is withdrawn") || !strings.Contains(out, waiting+" signs") {
		t.Errorf("withdraw printed %q", out)
	}
	use(first.Access, http.StatusUnauthorized)
	s.Post("/api/v1/auth/refresh", "", `{"refresh_token":"`+first.Refresh+`"}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	use(second.Access, http.StatusOK)
	if _, stderr, err := s.cli(s.admin("signing-keys", "withdraw", ids[0])...); !isExit(err) || !strings.Contains(stderr, "no signing key") {
		t.Errorf("once more: %v, %s", err, stderr)
	}
	s.mustCLI(s.admin("signing-keys", "withdraw", waiting)...)
	use(second.Access, http.StatusUnauthorized)
	third := s.Exchange("acme", key)
	use(third.Access, http.StatusOK)
	s.kill()
	s.start()
	use(first.Access, http.StatusUnauthorized)
	use(second.Access, http.StatusUnauthorized)
	use(third.Access, http.StatusOK)

	// Another algorithm takes over as a rotation does, and refuses no token meanwhile.
	s.writeCaddyfile(e.Source(t, t.TempDir(), sales).Directive(), "tokens {\n algorithm ES256\n }")
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	use(third.Access, http.StatusOK)
	s.mustCLI(s.admin("signing-keys", "rotate", "--now")...)
	fourth := s.Exchange("acme", key)
	use(fourth.Access, http.StatusOK)
	use(third.Access, http.StatusOK)
	if keys := s.signingKeys(); keys[0].Algorithm != "ES256" || keys[0].State != "signing" || keys[0].ID != kidOf(t, fourth.Access) {
		t.Errorf("the keys are %+v", keys)
	}
	secret := strings.Repeat("s", 40)
	s.writeCaddyfile(e.Source(t, t.TempDir(), sales).Directive(), "tokens {\n hs256_secret "+secret+"\n }")
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	if ids, _ := s.published(); len(ids) != 0 {
		t.Errorf("an HS256 key is published: %v", ids)
	}
	if _, stderr, err := s.cli(s.admin("signing-keys", "rotate")...); !isExit(err) || !strings.Contains(stderr, "hs256_secret") {
		t.Errorf("rotating a configured secret: %v, %s", err, stderr)
	}
	use(fourth.Access, http.StatusUnauthorized)
	use(s.Exchange("acme", key).Access, http.StatusOK)
	if strings.Contains(s.Log.String(), secret) {
		t.Error("the log shows the secret")
	}
}

// TestSigningKeysRotateUnderLoad rotates and reloads while tokens of every age are used and made: none is refused.
func TestSigningKeysRotateUnderLoad(t *testing.T) {
	t.Parallel()
	e := engines[0]
	jwksFile := filepath.Join(t.TempDir(), "jwks.json")
	provider := servertest.NewEd(t)
	servertest.WriteJWKS(t, jwksFile, "ed-1", provider)
	socket, port := listen(t) // inherited, as in the test of reloads
	s := newServer(t, serverConfig{
		sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e), options: fmt.Sprintf(servertest.TrustOptions, jwksFile), sockets: []*os.File{socket},
	})
	now := time.Now().Unix()
	foreign := servertest.Forger{T: t, Key: provider, Head: servertest.Changes{"alg": "EdDSA", "kid": "ed-1", "typ": "at+jwt"}, Body: servertest.Changes{
		"iss": "https://idp.example.com", "aud": "urn:example:data-api", "sub": "integration", "iat": now, "exp": now + 3600,
	}}
	content, err := os.ReadFile(s.caddyfile)
	if err != nil {
		t.Fatal(err)
	}
	caddyfile := string(content) + fmt.Sprintf("\nhttp://127.0.0.1:%d {\n\tbind fd/3\n\tdata_api\n}\n", port)
	if err := s.load(caddyfile); err != nil {
		t.Fatal(err)
	}
	key := s.CreateKey("acme", "integration")
	first := s.Exchange("acme", key)

	protocols := new(http.Protocols) // HTTP/2, as in the test of reloads
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var failures []string
	tokens := []string{first.Access}
	var requests, minted atomic.Int64
	done := make(chan struct{})
	send := func(path, token, body string) (answer, bool) {
		request, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return answer{}, false
		}
		request.Header.Set("Content-Type", "application/json")
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		got, err := s.DoWith(client, request)
		requests.Add(1)
		if err != nil || got.Status != http.StatusOK {
			mu.Lock()
			failures = append(failures, fmt.Sprintf("%s: %d %s %v", path, got.Status, got.Body, err))
			mu.Unlock()
			return got, false
		}
		return got, true
	}
	var load sync.WaitGroup
	until := func(work func(n int)) {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
					work(n)
				}
			}
		})
	}
	const execute = "/api/v1/data-api/default/few/execute"
	for range 2 {
		until(func(n int) {
			mu.Lock()
			token := tokens[n%len(tokens)]
			mu.Unlock()
			send(execute, token, `{}`)
			time.Sleep(time.Millisecond) // the others want the processor, too
		})
	}
	until(func(n int) {
		send(execute, foreign.Token(nil, servertest.Changes{"jti": fmt.Sprint(n)}), `{}`)
		time.Sleep(time.Millisecond)
	})
	until(func(int) {
		body := fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":%q}`, key.Key, key.Secret)
		if got, ok := send("/api/v1/auth/api-key", "", body); ok {
			var pair struct {
				Access  string `json:"access_token"`
				Refresh string `json:"refresh_token"`
			}
			got.Decode(&pair)
			if got, ok := send("/api/v1/auth/refresh", "", `{"refresh_token":"`+pair.Refresh+`"}`); ok {
				var renewed struct {
					Access string `json:"access_token"`
				}
				got.Decode(&renewed)
				mu.Lock()
				tokens = append(tokens, pair.Access, renewed.Access)
				mu.Unlock()
				minted.Add(2)
			}
		}
		time.Sleep(100 * time.Millisecond)
	})

	rotate := func(now bool) {
		t.Helper()
		var rotated json.RawMessage
		s.askAdmin(http.MethodPost, "/data_api/signing-keys/rotate", fmt.Sprintf(`{"now":%v}`, now), &rotated)
	}
	const rounds = 12
	for round := range rounds {
		if round%3 == 2 {
			rotate(false) // and the next makes it sign
		} else {
			rotate(true)
		}
		changed := strings.Replace(caddyfile, "grace_period 10s", fmt.Sprintf("grace_period %ds", 10+round%2), 1)
		if err := s.load(changed); err != nil {
			t.Fatal(err)
		}
		asked, made := requests.Load()+10, minted.Load()+2
		eventually(t, "tokens are made and used", patience, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return requests.Load() >= asked && minted.Load() >= made || len(failures) > 0
		})
	}
	close(done)
	load.Wait()
	keys := s.signingKeys()
	signers := make(map[string]bool)
	for _, token := range tokens {
		signers[kidOf(t, token)] = true
		s.Execute("few", token, `{}`).Want(http.StatusOK)
	}
	t.Logf("%d rounds, %d keys, tokens of %d of them; %d requests, %d tokens minted, %d failures",
		rounds, len(keys), len(signers), requests.Load(), minted.Load(), len(failures))
	if len(failures) > 0 {
		t.Errorf("%d failures, the first: %s", len(failures), failures[0])
	}
	if len(signers) < rounds/3 || requests.Load() < 10*rounds || len(keys) < rounds/2 {
		t.Error("there was no load, or no rotation, to speak of")
	}
}
