package contract

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"

	"github.com/go-jose/go-jose/v4"
)

// signingKey takes the server's own Ed25519 key out of its store, with which a forger could do the most: a token that it
// signs is refused for its fault alone.
func (s *server) signingKey() (kid string, private ed25519.PrivateKey) {
	s.T.Helper()
	records, err := s.Services().Store.TokenKeys(s.T.Context())
	if err != nil || len(records) != 1 {
		s.T.Fatalf("%d keys: %v", len(records), err)
	}
	return records[0].ID, ed25519.NewKeyFromSeed(records[0].Private)
}

// tokenFaults are what RFC 7515, 7519, 8725 and 9068 and the attacks on their implementations have to tell, for one issuer's
// tokens.
func tokenFaults(f servertest.Forger) map[string]string {
	f.T.Helper()
	good := f.Token(nil, nil)
	parts := strings.Split(good, ".")
	header, payload := servertest.Encoded(f.T, f.Head), servertest.Encoded(f.T, f.Body)
	algorithm, now := f.Head["alg"].(string), time.Now().Unix()
	public, err := x509.MarshalPKIXPublicKey(f.Key.Public())
	if err != nil {
		f.T.Fatal(err)
	}
	embedded := json.RawMessage(servertest.Encoded(f.T, jose.JSONWebKey{Key: f.Key.Public()}))
	last := strings.IndexByte(base64Digits, good[len(good)-1])
	faults := map[string]string{
		// Algorithms (RFC 8725, 2.1, 3.1, 3.2).
		"alg none":                       f.Token(servertest.Changes{"alg": "none"}, nil),
		"alg none, no signature":         servertest.Segment([]byte(strings.Replace(header, algorithm, "none", 1))) + "." + parts[1] + ".",
		"alg None":                       f.Token(servertest.Changes{"alg": "None"}, nil),
		"alg missing":                    f.Token(servertest.Changes{"alg": servertest.Absent{}}, nil),
		"alg empty":                      f.Token(servertest.Changes{"alg": ""}, nil),
		"alg in other letters":           f.Token(servertest.Changes{"alg": strings.ToLower(algorithm)}, nil),
		"alg HS512 by name":              f.Token(servertest.Changes{"alg": "HS512"}, nil),
		"alg ES384 by name":              f.Token(servertest.Changes{"alg": "ES384"}, nil),
		"alg twice":                      f.Raw(strings.Replace(header, `{`, `{"alg":"none",`, 1), payload),
		"HS256 under the public key":     f.MAC(servertest.Changes{"alg": "HS256"}, public),
		"HS256 under the public key PEM": f.MAC(servertest.Changes{"alg": "HS256"}, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"HS256 under nothing":            f.MAC(servertest.Changes{"alg": "HS256"}, nil),
		"HS256 under the kid":            f.MAC(servertest.Changes{"alg": "HS256"}, []byte(f.Head["kid"].(string))),
		"a MAC in the algorithm's name":  f.MAC(nil, public),
		"ES256 of zeros":                 strings.Join([]string{servertest.Segment([]byte(strings.Replace(header, algorithm, "ES256", 1))), parts[1], servertest.Segment(make([]byte, 64))}, "."),
		"RS256 by a key of its own":      f.By(servertest.NewRSA(f.T)).Token(servertest.Changes{"alg": "RS256"}, nil),
		"ES256 by a key of its own":      f.By(servertest.NewEC(f.T)).Token(servertest.Changes{"alg": "ES256"}, nil),
		"EdDSA by a key of its own":      f.By(servertest.NewEd(f.T)).Token(servertest.Changes{"alg": "EdDSA"}, nil),
		// Keys (RFC 8725, 2.4, 3.5, 3.10; RFC 7515, 4.1).
		"kid missing":     f.Token(servertest.Changes{"kid": servertest.Absent{}}, nil),
		"kid empty":       f.Token(servertest.Changes{"kid": ""}, nil),
		"kid unknown":     f.Token(servertest.Changes{"kid": "unknown"}, nil),
		"kid a path":      f.Token(servertest.Changes{"kid": "../../../../dev/null"}, nil),
		"kid SQL":         f.Token(servertest.Changes{"kid": "x' UNION SELECT 'k"}, nil),
		"kid a number":    f.Token(servertest.Changes{"kid": 1}, nil),
		"kid with a NUL":  f.Token(servertest.Changes{"kid": f.Head["kid"].(string) + "\x00"}, nil),
		"jwk embedded":    f.Token(servertest.Changes{"jwk": embedded}, nil),
		"jwk of a forger": f.By(servertest.NewEd(f.T)).Embedding(),
		"jku":             f.Token(servertest.Changes{"jku": "https://evil.example/keys"}, nil),
		"x5u":             f.Token(servertest.Changes{"x5u": "https://evil.example/chain"}, nil),
		"x5c":             f.Token(servertest.Changes{"x5c": []string{"MIIB"}}, nil),
		// Extensions and content (RFC 7515, 4.1.11; RFC 7797; RFC 8725, 3.3, 3.6).
		"crit empty":            f.Token(servertest.Changes{"crit": []string{}}, nil),
		"crit of exp":           f.Token(servertest.Changes{"crit": []string{"exp"}, "exp": now + 60}, nil),
		"crit of nothing known": f.Token(servertest.Changes{"crit": []string{"x-bork"}, "x-bork": 1}, nil),
		"b64 false":             f.Token(servertest.Changes{"b64": false}, nil),
		"b64 false, critical":   f.Token(servertest.Changes{"b64": false, "crit": []string{"b64"}}, nil),
		"nested JWT":            f.Raw(servertest.Encoded(f.T, servertest.With(f.Head, servertest.Changes{"cty": "JWT"})), good),
		"cty JWT":               f.Token(servertest.Changes{"cty": "JWT"}, nil),
		"zip":                   f.Token(servertest.Changes{"zip": "DEF"}, nil),
		"JWE":                   strings.Join([]string{servertest.Segment([]byte(`{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}`)), "", parts[2], parts[1], "AAAA"}, "."),
		"enc":                   f.Token(servertest.Changes{"enc": "A256GCM"}, nil),
		// Types (RFC 8725, 2.8, 3.11; RFC 9068, 2.1, 4).
		"typ missing":    f.Token(servertest.Changes{"typ": servertest.Absent{}}, nil),
		"typ JWT":        f.Token(servertest.Changes{"typ": "JWT"}, nil),
		"typ of refresh": f.Token(servertest.Changes{"typ": "rt+jwt"}, nil),
		"typ of logout":  f.Token(servertest.Changes{"typ": "logout+jwt"}, nil),
		"typ a list":     f.Token(servertest.Changes{"typ": []string{"at+jwt"}}, nil),
		// Issuer and audience (RFC 8725, 3.8, 3.9; RFC 9068, 4).
		"iss missing":               f.Token(nil, servertest.Changes{"iss": servertest.Absent{}}),
		"iss empty":                 f.Token(nil, servertest.Changes{"iss": ""}),
		"iss of somebody":           f.Token(nil, servertest.Changes{"iss": "https://somebody.example.com"}),
		"iss with a slash more":     f.Token(nil, servertest.Changes{"iss": f.Body["iss"].(string) + "/"}),
		"iss in other letters":      f.Token(nil, servertest.Changes{"iss": strings.ToUpper(f.Body["iss"].(string))}),
		"iss a list":                f.Token(nil, servertest.Changes{"iss": []any{f.Body["iss"]}}),
		"aud missing":               f.Token(nil, servertest.Changes{"aud": servertest.Absent{}}),
		"aud null":                  f.Token(nil, servertest.Changes{"aud": nil}),
		"aud of somebody":           f.Token(nil, servertest.Changes{"aud": "https://somebody.example.com"}),
		"aud a list of others":      f.Token(nil, servertest.Changes{"aud": []string{"a", "b"}}),
		"aud an empty list":         f.Token(nil, servertest.Changes{"aud": []string{}}),
		"aud an object":             f.Token(nil, servertest.Changes{"aud": map[string]any{"x": f.Body["aud"]}}),
		"aud a part":                f.Token(nil, servertest.Changes{"aud": f.Body["aud"].(string)[:5]}),
		"aud of the refresh tokens": f.Token(nil, servertest.Changes{"aud": "https://api.example.com/api/v1/auth/refresh"}),
		// Times (RFC 7519, 2, 4.1.4 to 4.1.6).
		"exp missing":     f.Token(nil, servertest.Changes{"exp": servertest.Absent{}}),
		"exp null":        f.Token(nil, servertest.Changes{"exp": nil}),
		"exp past":        f.Token(nil, servertest.Changes{"exp": now - 60}),
		"exp a text":      f.Token(nil, servertest.Changes{"exp": fmt.Sprint(now + 600)}),
		"exp a fraction":  f.Token(nil, servertest.Changes{"exp": json.RawMessage(fmt.Sprintf("%d.5", now+600))}),
		"exp an exponent": f.Token(nil, servertest.Changes{"exp": json.RawMessage("9e9")}),
		"exp negative":    f.Token(nil, servertest.Changes{"exp": -1}),
		"exp zero":        f.Token(nil, servertest.Changes{"exp": 0}),
		"exp huge":        f.Token(nil, servertest.Changes{"exp": json.RawMessage("1e999")}),
		"exp overflowing": f.Token(nil, servertest.Changes{"exp": json.RawMessage("9223372036854775808")}),
		"exp at the end":  f.Token(nil, servertest.Changes{"exp": json.RawMessage("9223372036854775807")}),
		"exp a truth":     f.Token(nil, servertest.Changes{"exp": true}),
		"exp a list":      f.Token(nil, servertest.Changes{"exp": []int64{now + 600}}),
		"iat missing":     f.Token(nil, servertest.Changes{"iat": servertest.Absent{}}),
		"iat ahead":       f.Token(nil, servertest.Changes{"iat": now + 300}),
		"iat a text":      f.Token(nil, servertest.Changes{"iat": "now"}),
		"nbf ahead":       f.Token(nil, servertest.Changes{"nbf": now + 300}),
		"nbf a text":      f.Token(nil, servertest.Changes{"nbf": "0"}),
		"nbf negative":    f.Token(nil, servertest.Changes{"nbf": -1}),
		// Who it is for (RFC 9068, 2.2; RFC 8725, 3.8).
		"sub missing":  f.Token(nil, servertest.Changes{"sub": servertest.Absent{}}),
		"sub empty":    f.Token(nil, servertest.Changes{"sub": ""}),
		"sub a number": f.Token(nil, servertest.Changes{"sub": 7}),
		"sub unknown":  f.Token(nil, servertest.Changes{"sub": "acme/nobody"}),
		// JSON that parsers read differently (RFC 8725, 2.6, 3.7).
		"a claim twice":          f.Raw(header, strings.Replace(payload, `{`, `{"sub":"admin",`, 1)),
		"a claim twice, escaped": f.Raw(header, strings.Replace(payload, `{`, `{"\u0073ub":"admin",`, 1)),
		"payload a list":         f.Raw(header, "["+payload+"]"),
		"payload a text":         f.Raw(header, `"x"`),
		"payload null":           f.Raw(header, `null`),
		"payload empty":          f.Raw(header, ``),
		"payload and more":       f.Raw(header, payload+"{}"),
		"payload a form":         f.Raw(header, "sub=acme/integration"),
		"payload in UTF-16":      f.Raw(header, "\xff\xfe{\x00}\x00"),
		"payload invalid UTF-8":  f.Raw(header, strings.Replace(payload, `{`, "{\"x\":\"\xff\",", 1)),
		"payload with a mark":    f.Raw(header, "\xef\xbb\xbf"+payload),
		"payload nested deep":    f.Raw(header, strings.Repeat("[", 1000)+strings.Repeat("]", 1000)),
		"header a list":          f.Raw("["+header+"]", payload),
		"header null":            f.Raw("null", payload),
		"header and more":        f.Raw(header+"{}", payload),
		// Text (RFC 7515, 2, 7.1; RFC 8725, 3.3).
		"signature missing":        parts[0] + "." + parts[1],
		"signature empty":          parts[0] + "." + parts[1] + ".",
		"signature cut":            good[:len(good)-1],
		"signature cut more":       good[:len(good)-8],
		"signature longer":         good + "A",
		"last character changed 1": good[:len(good)-1] + string(base64Digits[last^1]),
		"last character changed 2": good[:len(good)-1] + string(base64Digits[last^2]),
		"last character changed 3": good[:len(good)-1] + string(base64Digits[last^3]),
		"header of another token":  servertest.Segment([]byte(`{"typ":"at+jwt"}`)) + "." + parts[1] + "." + parts[2],
		"payload changed":          parts[0] + "." + servertest.Segment([]byte(strings.Replace(payload, "integration", "powerless", 1))) + "." + parts[2],
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
		"over-long, well-formed":   f.Token(nil, servertest.Changes{"x": strings.Repeat("x", 8<<10)}),
		"JSON serialization":       `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"no token at all":          "x",
	}
	return faults
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// TestTokenFaultsGiveOneAnswer sends every fault through the whole server. All get one and the same 401.
func TestTokenFaultsGiveOneAnswer(t *testing.T) {
	t.Parallel()
	e := engines[0]
	keys := filepath.Join(t.TempDir(), "jwks.json")
	provider := servertest.NewRSA(t)
	servertest.WriteJWKS(t, keys, "rsa-1", provider)
	s := newServer(t, servertest.Config{
		Database: e.Source(t, t.TempDir(), sales), Files: files(e), Settings: trusting(t, keys),
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
	own := servertest.Forger{T: t, Key: private, Head: servertest.Changes{"alg": "EdDSA", "kid": kid, "typ": "at+jwt"}, Body: claims}
	foreign := servertest.Forger{T: t, Key: provider, Head: servertest.Changes{"alg": "RS256", "kid": "rsa-1", "typ": "at+jwt"}, Body: servertest.Changes{
		"iss": "https://idp.example.com", "aud": "urn:example:data-api", "sub": "integration", "iat": now, "exp": now + 600,
		"client_id": "app", "jti": "1",
	}}
	all := make(map[string]string)
	for name, token := range tokenFaults(own) {
		all["our own: "+name] = token
	}
	for name, token := range tokenFaults(foreign) {
		all["another issuer's: "+name] = token
	}
	maps.Copy(all, map[string]string{
		"a refresh token":                        pair.Refresh,
		"another issuer in our name":             own.By(provider).Token(servertest.Changes{"alg": "RS256"}, nil),
		"another issuer's key with our kid":      own.By(provider).Token(nil, nil),
		"another issuer's kid for our claims":    own.By(provider).Token(servertest.Changes{"alg": "RS256", "kid": "rsa-1"}, nil),
		"our key for another issuer's claims":    own.Token(nil, foreign.Body),
		"our key with another issuer's kid":      own.Token(servertest.Changes{"kid": "rsa-1"}, foreign.Body),
		"another issuer's company":               foreign.Token(nil, servertest.Changes{"sub": "reader", "company": "globex"}),
		"another issuer's user of nobody":        foreign.Token(nil, servertest.Changes{"sub": "nobody"}),
		"another issuer's token for a long time": foreign.Token(nil, servertest.Changes{"exp": now + 25*3600}),
		"another issuer's ID token":              foreign.Token(nil, servertest.Changes{"at_hash": "x"}),
		"our own: aud a list":                    own.Token(nil, servertest.Changes{"aud": []any{claims["aud"]}}),
		"our own: client_id of another key":      own.Token(nil, servertest.Changes{"client_id": "s42_0000000000000000000000"}),
		"our own: client_id missing":             own.Token(nil, servertest.Changes{"client_id": servertest.Absent{}}),
		"our own: client_id empty":               own.Token(nil, servertest.Changes{"client_id": ""}),
		"our own: jti missing":                   own.Token(nil, servertest.Changes{"jti": servertest.Absent{}}),
		"our own: family missing":                own.Token(nil, servertest.Changes{"family": servertest.Absent{}}),
		"our own: another company":               own.Token(nil, servertest.Changes{"company": "globex", "sub": "globex/integration"}),
		"our own: another user":                  own.Token(nil, servertest.Changes{"user": "powerless", "sub": "acme/powerless"}),
		"our own: sub of another user":           own.Token(nil, servertest.Changes{"sub": "acme/powerless"}),
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
		seen.WriteString(got.Text())
		return seen.String()
	}
	for name, good := range map[string]string{
		"our own": own.Token(nil, nil), "another issuer's": foreign.Token(nil, nil), "as it was minted": pair.Access,
		"another issuer's, aud a list": foreign.Token(nil, servertest.Changes{"aud": []string{"x", "urn:example:data-api"}}),
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
	if strings.Contains(s.Log.String(), servertest.Segment(private.Seed())) || strings.Contains(s.Log.String(), pair.Access) {
		t.Error("the log holds a secret")
	}
}
