package e2e

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

// signingKey takes the server's own Ed25519 key out of its store, with which a forger could do the most: a token that it
// signs is refused for its fault alone.
func (s *server) signingKey() (kid string, private ed25519.PrivateKey) {
	s.T.Helper()
	s.kill()
	store, err := boltstore.Open(filepath.Join(s.Dir, "data-api.db"), boltstore.Options{})
	if err != nil {
		s.T.Fatal(err)
	}
	records, err := store.TokenKeys(s.T.Context())
	if err != nil || len(records) != 1 {
		s.T.Fatalf("%d keys: %v", len(records), err)
	}
	if err := store.Close(); err != nil {
		s.T.Fatal(err)
	}
	s.start()
	return records[0].ID, ed25519.NewKeyFromSeed(records[0].Private)
}

// forger makes tokens of any header and payload.
type forger struct {
	t    testing.TB
	key  crypto.Signer
	head map[string]any
	body map[string]any
}

func segment(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

func (f forger) raw(header, payload string) string {
	f.t.Helper()
	input := segment([]byte(header)) + "." + segment([]byte(payload))
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch key := f.key.(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(input))
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, key, digest[:])
		signature, err = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), signErr
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return input + "." + segment(signature)
}

func encoded(tb testing.TB, value any) string {
	tb.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// absent takes a member out.
type absent struct{}

func with(base map[string]any, changes map[string]any) map[string]any {
	changed := maps.Clone(base)
	for name, value := range changes {
		if _, gone := value.(absent); gone {
			delete(changed, name)
		} else {
			changed[name] = value
		}
	}
	return changed
}

// token makes the good token but for what is changed.
func (f forger) token(head, body map[string]any) string {
	f.t.Helper()
	return f.raw(encoded(f.t, with(f.head, head)), encoded(f.t, with(f.body, body)))
}

// mac signs with HS256 under a secret that is none.
func (f forger) mac(head map[string]any, secret []byte) string {
	input := segment([]byte(encoded(f.t, with(f.head, head)))) + "." + segment([]byte(encoded(f.t, f.body)))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + segment(mac.Sum(nil))
}

type changes = map[string]any

// faults are what RFC 7515, 7519, 8725 and 9068 and the attacks on their implementations have to tell, for one issuer's
// tokens.
func (f forger) faults() map[string]string {
	f.t.Helper()
	good := f.token(nil, nil)
	parts := strings.Split(good, ".")
	header, payload := encoded(f.t, f.head), encoded(f.t, f.body)
	algorithm, now := f.head["alg"].(string), time.Now().Unix()
	public, err := x509.MarshalPKIXPublicKey(f.key.Public())
	if err != nil {
		f.t.Fatal(err)
	}
	embedded := json.RawMessage(encoded(f.t, jose.JSONWebKey{Key: f.key.Public()}))
	last := strings.IndexByte(base64Digits, good[len(good)-1])
	faults := map[string]string{
		// Algorithms (RFC 8725, 2.1, 3.1, 3.2).
		"alg none":                       f.token(changes{"alg": "none"}, nil),
		"alg none, no signature":         segment([]byte(strings.Replace(header, algorithm, "none", 1))) + "." + parts[1] + ".",
		"alg None":                       f.token(changes{"alg": "None"}, nil),
		"alg missing":                    f.token(changes{"alg": absent{}}, nil),
		"alg empty":                      f.token(changes{"alg": ""}, nil),
		"alg in other letters":           f.token(changes{"alg": strings.ToLower(algorithm)}, nil),
		"alg HS512 by name":              f.token(changes{"alg": "HS512"}, nil),
		"alg ES384 by name":              f.token(changes{"alg": "ES384"}, nil),
		"alg twice":                      f.raw(strings.Replace(header, `{`, `{"alg":"none",`, 1), payload),
		"HS256 under the public key":     f.mac(changes{"alg": "HS256"}, public),
		"HS256 under the public key PEM": f.mac(changes{"alg": "HS256"}, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"HS256 under nothing":            f.mac(changes{"alg": "HS256"}, nil),
		"HS256 under the kid":            f.mac(changes{"alg": "HS256"}, []byte(f.head["kid"].(string))),
		"a MAC in the algorithm's name":  f.mac(nil, public),
		"ES256 of zeros":                 strings.Join([]string{segment([]byte(strings.Replace(header, algorithm, "ES256", 1))), parts[1], segment(make([]byte, 64))}, "."),
		"RS256 by a key of its own":      f.by(newRSA(f.t)).token(changes{"alg": "RS256"}, nil),
		"ES256 by a key of its own":      f.by(newEC(f.t)).token(changes{"alg": "ES256"}, nil),
		"EdDSA by a key of its own":      f.by(newEd(f.t)).token(changes{"alg": "EdDSA"}, nil),
		// Keys (RFC 8725, 2.4, 3.5, 3.10; RFC 7515, 4.1).
		"kid missing":     f.token(changes{"kid": absent{}}, nil),
		"kid empty":       f.token(changes{"kid": ""}, nil),
		"kid unknown":     f.token(changes{"kid": "unknown"}, nil),
		"kid a path":      f.token(changes{"kid": "../../../../dev/null"}, nil),
		"kid SQL":         f.token(changes{"kid": "x' UNION SELECT 'k"}, nil),
		"kid a number":    f.token(changes{"kid": 1}, nil),
		"kid with a NUL":  f.token(changes{"kid": f.head["kid"].(string) + "\x00"}, nil),
		"jwk embedded":    f.token(changes{"jwk": embedded}, nil),
		"jwk of a forger": f.by(newEd(f.t)).embedding(),
		"jku":             f.token(changes{"jku": "https://evil.example/keys"}, nil),
		"x5u":             f.token(changes{"x5u": "https://evil.example/chain"}, nil),
		"x5c":             f.token(changes{"x5c": []string{"MIIB"}}, nil),
		// Extensions and content (RFC 7515, 4.1.11; RFC 7797; RFC 8725, 3.3, 3.6).
		"crit empty":            f.token(changes{"crit": []string{}}, nil),
		"crit of exp":           f.token(changes{"crit": []string{"exp"}, "exp": now + 60}, nil),
		"crit of nothing known": f.token(changes{"crit": []string{"x-bork"}, "x-bork": 1}, nil),
		"b64 false":             f.token(changes{"b64": false}, nil),
		"b64 false, critical":   f.token(changes{"b64": false, "crit": []string{"b64"}}, nil),
		"nested JWT":            f.raw(encoded(f.t, with(f.head, changes{"cty": "JWT"})), good),
		"cty JWT":               f.token(changes{"cty": "JWT"}, nil),
		"zip":                   f.token(changes{"zip": "DEF"}, nil),
		"JWE":                   strings.Join([]string{segment([]byte(`{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}`)), "", parts[2], parts[1], "AAAA"}, "."),
		"enc":                   f.token(changes{"enc": "A256GCM"}, nil),
		// Types (RFC 8725, 2.8, 3.11; RFC 9068, 2.1, 4).
		"typ missing":    f.token(changes{"typ": absent{}}, nil),
		"typ JWT":        f.token(changes{"typ": "JWT"}, nil),
		"typ of refresh": f.token(changes{"typ": "rt+jwt"}, nil),
		"typ of logout":  f.token(changes{"typ": "logout+jwt"}, nil),
		"typ a list":     f.token(changes{"typ": []string{"at+jwt"}}, nil),
		// Issuer and audience (RFC 8725, 3.8, 3.9; RFC 9068, 4).
		"iss missing":               f.token(nil, changes{"iss": absent{}}),
		"iss empty":                 f.token(nil, changes{"iss": ""}),
		"iss of somebody":           f.token(nil, changes{"iss": "https://somebody.example.com"}),
		"iss with a slash more":     f.token(nil, changes{"iss": f.body["iss"].(string) + "/"}),
		"iss in other letters":      f.token(nil, changes{"iss": strings.ToUpper(f.body["iss"].(string))}),
		"iss a list":                f.token(nil, changes{"iss": []any{f.body["iss"]}}),
		"aud missing":               f.token(nil, changes{"aud": absent{}}),
		"aud null":                  f.token(nil, changes{"aud": nil}),
		"aud of somebody":           f.token(nil, changes{"aud": "https://somebody.example.com"}),
		"aud a list of others":      f.token(nil, changes{"aud": []string{"a", "b"}}),
		"aud an empty list":         f.token(nil, changes{"aud": []string{}}),
		"aud an object":             f.token(nil, changes{"aud": map[string]any{"x": f.body["aud"]}}),
		"aud a part":                f.token(nil, changes{"aud": f.body["aud"].(string)[:5]}),
		"aud of the refresh tokens": f.token(nil, changes{"aud": "https://api.example.com/api/v1/auth/refresh"}),
		// Times (RFC 7519, 2, 4.1.4 to 4.1.6).
		"exp missing":     f.token(nil, changes{"exp": absent{}}),
		"exp null":        f.token(nil, changes{"exp": nil}),
		"exp past":        f.token(nil, changes{"exp": now - 60}),
		"exp a text":      f.token(nil, changes{"exp": fmt.Sprint(now + 600)}),
		"exp a fraction":  f.token(nil, changes{"exp": json.RawMessage(fmt.Sprintf("%d.5", now+600))}),
		"exp an exponent": f.token(nil, changes{"exp": json.RawMessage("9e9")}),
		"exp negative":    f.token(nil, changes{"exp": -1}),
		"exp zero":        f.token(nil, changes{"exp": 0}),
		"exp huge":        f.token(nil, changes{"exp": json.RawMessage("1e999")}),
		"exp overflowing": f.token(nil, changes{"exp": json.RawMessage("9223372036854775808")}),
		"exp at the end":  f.token(nil, changes{"exp": json.RawMessage("9223372036854775807")}),
		"exp a truth":     f.token(nil, changes{"exp": true}),
		"exp a list":      f.token(nil, changes{"exp": []int64{now + 600}}),
		"iat missing":     f.token(nil, changes{"iat": absent{}}),
		"iat ahead":       f.token(nil, changes{"iat": now + 300}),
		"iat a text":      f.token(nil, changes{"iat": "now"}),
		"nbf ahead":       f.token(nil, changes{"nbf": now + 300}),
		"nbf a text":      f.token(nil, changes{"nbf": "0"}),
		"nbf negative":    f.token(nil, changes{"nbf": -1}),
		// Who it is for (RFC 9068, 2.2; RFC 8725, 3.8).
		"sub missing":  f.token(nil, changes{"sub": absent{}}),
		"sub empty":    f.token(nil, changes{"sub": ""}),
		"sub a number": f.token(nil, changes{"sub": 7}),
		"sub unknown":  f.token(nil, changes{"sub": "acme/nobody"}),
		// JSON that parsers read differently (RFC 8725, 2.6, 3.7).
		"a claim twice":          f.raw(header, strings.Replace(payload, `{`, `{"sub":"admin",`, 1)),
		"a claim twice, escaped": f.raw(header, strings.Replace(payload, `{`, `{"\u0073ub":"admin",`, 1)),
		"payload a list":         f.raw(header, "["+payload+"]"),
		"payload a text":         f.raw(header, `"x"`),
		"payload null":           f.raw(header, `null`),
		"payload empty":          f.raw(header, ``),
		"payload and more":       f.raw(header, payload+"{}"),
		"payload a form":         f.raw(header, "sub=acme/integration"),
		"payload in UTF-16":      f.raw(header, "\xff\xfe{\x00}\x00"),
		"payload invalid UTF-8":  f.raw(header, strings.Replace(payload, `{`, "{\"x\":\"\xff\",", 1)),
		"payload with a mark":    f.raw(header, "\xef\xbb\xbf"+payload),
		"payload nested deep":    f.raw(header, strings.Repeat("[", 1000)+strings.Repeat("]", 1000)),
		"header a list":          f.raw("["+header+"]", payload),
		"header null":            f.raw("null", payload),
		"header and more":        f.raw(header+"{}", payload),
		// Text (RFC 7515, 2, 7.1; RFC 8725, 3.3).
		"signature missing":        parts[0] + "." + parts[1],
		"signature empty":          parts[0] + "." + parts[1] + ".",
		"signature cut":            good[:len(good)-1],
		"signature cut more":       good[:len(good)-8],
		"signature longer":         good + "A",
		"last character changed 1": good[:len(good)-1] + string(base64Digits[last^1]),
		"last character changed 2": good[:len(good)-1] + string(base64Digits[last^2]),
		"last character changed 3": good[:len(good)-1] + string(base64Digits[last^3]),
		"header of another token":  segment([]byte(`{"typ":"at+jwt"}`)) + "." + parts[1] + "." + parts[2],
		"payload changed":          parts[0] + "." + segment([]byte(strings.Replace(payload, "integration", "powerless", 1))) + "." + parts[2],
		"four parts":               good + "." + parts[2],
		"one part":                 parts[0],
		"parts swapped":            parts[1] + "." + parts[0] + "." + parts[2],
		"padding":                  good + "==",
		"padding in the payload":   parts[0] + "." + parts[1] + "=." + parts[2],
		"standard alphabet":        parts[0] + "." + parts[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(parts[2]+"-"),
		"a space within":           parts[0] + ". " + parts[1] + "." + parts[2],
		"a tab within":             parts[0] + "." + parts[1] + ".\t" + parts[2],
		"quoted":                   `"` + good + `"`,
		"percent-encoded":          strings.ReplaceAll(good, ".", "%2e"),
		"two tokens":               good + ", " + good,
		"truncated":                good[:len(good)/2],
		"over-long":                good + strings.Repeat("A", 8<<10),
		"over-long, well-formed":   f.token(nil, changes{"x": strings.Repeat("x", 8<<10)}),
		"JSON serialization":       `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"no token at all":          "x",
	}
	return faults
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func (f forger) by(key crypto.Signer) forger {
	f.key = key
	return f
}

// embedding brings the forger's own public key along.
func (f forger) embedding() string {
	return f.token(changes{"jwk": json.RawMessage(encoded(f.t, jose.JSONWebKey{Key: f.key.Public()}))}, nil)
}

func newRSA(tb testing.TB) *rsa.PrivateKey {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func newEC(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func newEd(tb testing.TB) ed25519.PrivateKey {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// writeJWKS publishes a key in a file.
func writeJWKS(tb testing.TB, path, kid string, key crypto.Signer) {
	tb.Helper()
	document := encoded(tb, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: kid, Use: "sig"}}})
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		tb.Fatal(err)
	}
}

const trustOptions = `tokens {
	issuer https://api.example.com
	trust acme-idp {
		issuer https://idp.example.com
		audience urn:example:data-api
		jwks %s
		company acme
	}
}`

// TestTokenFaultsGiveOneAnswer sends every fault through the whole server. All get one and the same 401.
func TestTokenFaultsGiveOneAnswer(t *testing.T) {
	e := engines[0]
	keys := filepath.Join(t.TempDir(), "jwks.json")
	provider := newRSA(t)
	writeJWKS(t, keys, "rsa-1", provider)
	s := newServer(t, serverConfig{
		sources: e.Source(t, t.TempDir(), sales).Directive(), files: files(e), options: fmt.Sprintf(trustOptions, keys),
	})
	kid, private := s.signingKey()
	pair := s.Login("acme", "integration")
	var claims map[string]any
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(pair.Access, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if err := decoder.Decode(&claims); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	own := forger{t: t, key: private, head: changes{"alg": "EdDSA", "kid": kid, "typ": "at+jwt"}, body: claims}
	foreign := forger{t: t, key: provider, head: changes{"alg": "RS256", "kid": "rsa-1", "typ": "at+jwt"}, body: changes{
		"iss": "https://idp.example.com", "aud": "urn:example:data-api", "sub": "integration", "iat": now, "exp": now + 600,
		"client_id": "app", "jti": "1",
	}}
	all := make(map[string]string)
	for name, token := range own.faults() {
		all["our own: "+name] = token
	}
	for name, token := range foreign.faults() {
		all["another issuer's: "+name] = token
	}
	maps.Copy(all, map[string]string{
		"a refresh token":                        pair.Refresh,
		"another issuer in our name":             own.by(provider).token(changes{"alg": "RS256"}, nil),
		"another issuer's key with our kid":      own.by(provider).token(nil, nil),
		"another issuer's kid for our claims":    own.by(provider).token(changes{"alg": "RS256", "kid": "rsa-1"}, nil),
		"our key for another issuer's claims":    own.token(nil, foreign.body),
		"our key with another issuer's kid":      own.token(changes{"kid": "rsa-1"}, foreign.body),
		"another issuer's company":               foreign.token(nil, changes{"sub": "reader", "company": "globex"}),
		"another issuer's user of nobody":        foreign.token(nil, changes{"sub": "nobody"}),
		"another issuer's token for a long time": foreign.token(nil, changes{"exp": now + 25*3600}),
		"another issuer's ID token":              foreign.token(nil, changes{"at_hash": "x"}),
		"our own: aud a list":                    own.token(nil, changes{"aud": []any{claims["aud"]}}),
		"our own: client_id of another key":      own.token(nil, changes{"client_id": "s42_0000000000000000000000"}),
		"our own: client_id missing":             own.token(nil, changes{"client_id": absent{}}),
		"our own: client_id empty":               own.token(nil, changes{"client_id": ""}),
		"our own: jti missing":                   own.token(nil, changes{"jti": absent{}}),
		"our own: family missing":                own.token(nil, changes{"family": absent{}}),
		"our own: another company":               own.token(nil, changes{"company": "globex", "sub": "globex/integration"}),
		"our own: another user":                  own.token(nil, changes{"user": "powerless", "sub": "acme/powerless"}),
		"our own: sub of another user":           own.token(nil, changes{"sub": "acme/powerless"}),
	})
	client := new(http.Client)
	send := func(token string) string {
		t.Helper()
		request, err := http.NewRequest(http.MethodPost, s.URL("/api/v1/data-api/default/few/execute"), strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+token)
		got, err := s.DoWith(client, request)
		if err != nil {
			t.Fatal(err)
		}
		var seen bytes.Buffer
		fmt.Fprintln(&seen, got.Status)
		for _, name := range slices.Sorted(maps.Keys(got.Header)) {
			if name != "X-Request-Id" && name != "Date" {
				fmt.Fprintln(&seen, name, got.Header[name])
			}
		}
		seen.Write(got.Body)
		return seen.String()
	}
	for name, good := range map[string]string{
		"our own": own.token(nil, nil), "another issuer's": foreign.token(nil, nil), "as it was minted": pair.Access,
		"another issuer's, aud a list": foreign.token(nil, changes{"aud": []string{"x", "urn:example:data-api"}}),
	} {
		if seen := send(good); !strings.HasPrefix(seen, "200\n") {
			t.Fatalf("the good token %s: %s", name, seen)
		}
	}
	answers := make(map[string][]string)
	for name, token := range all {
		seen := send(token)
		answers[seen] = append(answers[seen], name)
	}
	if len(all) < 200 {
		t.Errorf("only %d faults", len(all))
	}
	if len(answers) != 1 {
		for seen, names := range answers {
			t.Errorf("%d faults, such as %q, give:\n%s", len(names), names[:min(5, len(names))], seen)
		}
	}
	for seen := range answers {
		if !strings.HasPrefix(seen, "401\n") || !strings.Contains(seen, `Www-Authenticate [Bearer error="invalid_token"]`) {
			t.Errorf("the answer is %s", seen)
		}
		t.Logf("%d faults, %d answers:\n%s", len(all), len(answers), seen)
	}
	if strings.Contains(s.Log.String(), segment(private.Seed())) || strings.Contains(s.Log.String(), pair.Access) {
		t.Error("the log holds a secret")
	}
}
