package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// parts is a token before it is signed. Its header and payload are those of a good token, but for one change.
type parts struct{ header, payload string }

func goodParts(keys *KeyRing, config Config) parts {
	return parts{
		header: fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, keys.signingKey().Algorithm(), keys.signingKey().id),
		payload: fmt.Sprintf(`{"iss":%q,"sub":"acme/loader","aud":%q,"exp":%d,"iat":%d,"jti":"%s","client_id":"s42_x",`+
			`"company":"acme","user":"loader","family":"%s"}`, config.Issuer, config.Audience, epoch.Unix()+600, epoch.Unix(),
			strings.Repeat("J", 26), strings.Repeat("F", 26)),
	}
}

func (p parts) signed(tb testing.TB, keys *KeyRing) string {
	tb.Helper()
	input := encode(p.header) + "." + encode(p.payload)
	return input + "." + sign(tb, keys, input)
}

// replace changes one part of the good token, and fails when there is nothing to change: a case that changes nothing
// would prove nothing.
func replace(tb testing.TB, text, old, by string) string {
	tb.Helper()
	if strings.Count(text, old) != 1 {
		tb.Fatalf("%q is %d times in %s", old, strings.Count(text, old), text)
	}
	return strings.Replace(text, old, by, 1)
}

// textFaults are faults of the text of a good token.
func textFaults(good string) map[string]string {
	segments := strings.Split(good, ".")
	header, payload, signature := segments[0], segments[1], segments[2]
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	faults := map[string]string{
		"empty": "", "a dot": ".", "two dots": "..", "three dots": "...", "words": "not a token", "NUL": "\x00",
		"one segment": header, "two segments": header + "." + payload, "four segments": good + "." + signature,
		"five segments": good + "." + signature + "." + signature, "no signature": header + "." + payload + ".",
		"no payload": header + ".." + signature, "no header": "." + payload + "." + signature, "a dot more": good + ".",
		"a dot before": "." + good, "padded signature": good + "==", "padded once": good + "=", "padded payload": header + "." + payload + "=." + signature,
		"padded header": header + "=." + payload + "." + signature, "space before": " " + good, "space after": good + " ",
		"line break after": good + "\n", "CR LF after": good + "\r\n", "tab after": good + "\t", "NUL after": good + "\x00",
		"line break in the signature": header + "." + payload + "." + signature[:10] + "\n" + signature[10:],
		"CR in the signature":         header + "." + payload + "." + signature[:10] + "\r" + signature[10:],
		"line break in the header":    header[:4] + "\n" + header[4:] + "." + payload + "." + signature,
		"space in the payload":        header + "." + payload[:4] + " " + payload[4:] + "." + signature,
		"line break before the dot":   header + "\n." + payload + "." + signature,
		"Bearer before":               "Bearer " + good, "quoted": `"` + good + `"`,
		"signature cut": good[:len(good)-1], "signature cut by four": good[:len(good)-4], "signature longer": good + "A",
		"signature longer by four": good + "AAAA", "signature twice": good + signature,
		"signature of zeros":         header + "." + payload + "." + strings.Repeat("A", len(signature)),
		"header and payload swapped": payload + "." + header + "." + signature,
		"payload as signature":       header + "." + payload + "." + payload,
		"standard alphabet":          strings.NewReplacer("-", "+", "_", "/").Replace(good + "-_"),
		"percent-encoded":            strings.ReplaceAll(good, ".", "%2E"),
		"full-width dots":            strings.ReplaceAll(good, ".", "\uff0e"),
		"upper case":                 strings.ToUpper(good),
		"invalid UTF-8":              good + "\xff",
		"oversized":                  good + strings.Repeat("A", MaxLength),
		"one byte too long":          good + strings.Repeat("A", MaxLength+1-len(good)),
		"many dots":                  strings.Repeat(".", MaxLength),
		"JSON instead of compact":    `{"protected":"` + header + `","payload":"` + payload + `","signature":"` + signature + `"}`,
	}
	// Another last character that means the same bytes when a decoder does not look at the bits that are left over.
	last := strings.IndexByte(digits, good[len(good)-1])
	for i := 1; i < 4; i++ {
		faults[fmt.Sprintf("last character of the signature changed by %d", i)] = good[:len(good)-1] + string(digits[last^i])
	}
	return faults
}

// confusions are tokens that were signed with something that is no secret, or with a key of the caller's own.
func confusions(t *testing.T, keys *KeyRing, good parts) map[string]string {
	t.Helper()
	faults := make(map[string]string)
	kid := keys.signingKey().id
	add := func(name, header string, signature func(input string) []byte) {
		input := encode(header) + "." + encode(good.payload)
		faults[name] = input + "." + base64.RawURLEncoding.EncodeToString(signature(input))
	}
	ours := func(algorithm string) string {
		return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, algorithm, kid)
	}

	if public, ok := keys.signingKey().public.(ed25519.PublicKey); ok {
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		for form, secret := range map[string][]byte{
			"raw": public, "DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
			"JWKS": []byte(keys.document()), "kid": []byte(kid), "nothing": nil,
		} {
			add("HS256 under the public key as "+form, ours("HS256"), func(input string) []byte { return macOf(secret, input) })
			add("EdDSA in name, a MAC under the public key as "+form, ours("EdDSA"), func(input string) []byte { return macOf(secret, input) })
		}
	}
	if secret, ok := keys.signingKey().private.([]byte); ok {
		add("HS512 under the HS256 secret", ours("HS512"), func(input string) []byte {
			mac := hmac.New(sha512.New, secret)
			mac.Write([]byte(input))
			return mac.Sum(nil)
		})
	}
	for name, secret := range map[string][]byte{"nothing": nil, "kid": []byte(kid), "zeros": make([]byte, 32), "secret": []byte("secret")} {
		add("HS256 under "+name, ours("HS256"), func(input string) []byte { return macOf(secret, input) })
	}

	_, foreign, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	foreignKey, err := NewEdDSAKey(foreign.Seed())
	if err != nil {
		t.Fatal(err)
	}
	bring, err := json.Marshal(foreignKey.jwk)
	if err != nil {
		t.Fatal(err)
	}
	byForeign := func(input string) []byte { return ed25519.Sign(foreign, []byte(input)) }
	add("EdDSA by another key under our kid", ours("EdDSA"), byForeign)
	add("EdDSA by another key under its own kid", fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"at+jwt"}`, foreignKey.id), byForeign)
	add("EdDSA by a key that the token brings", fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"at+jwt","jwk":%s}`, kid, bring), byForeign)

	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	add("RS256 by another key", ours("RS256"), func(input string) []byte {
		digest := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPKCS1v15(rand.Reader, rsaKey, crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	})
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	add("ES256 by another key", ours("ES256"), func(input string) []byte {
		digest := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, ecKey, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	})
	add("ES256 of zeros", ours("ES256"), func(string) []byte { return make([]byte, 64) }) // CVE-2022-21449
	add("none with no signature", ours("none"), func(string) []byte { return nil })
	add("our algorithm with no signature", ours(keys.signingKey().Algorithm()), func(string) []byte { return nil })
	add("signature over another header", good.header, func(string) []byte {
		signature, err := base64.RawURLEncoding.DecodeString(sign(t, keys, encode(`{"alg":"EdDSA"}`)+"."+encode(good.payload)))
		if err != nil {
			t.Fatal(err)
		}
		return signature
	})
	return faults
}

// callerSees is every part of an error that can reach a caller.
func callerSees(tb testing.TB, err error) string {
	tb.Helper()
	known, ok := errors.AsType[*dataapi.Error](err)
	if !ok {
		tb.Fatalf("%T is no error of the catalogue: %v", err, err)
	}
	if known.Err == nil {
		tb.Error("the log is not told the cause")
	}
	definition, err := json.Marshal(struct {
		Definition dataapi.Definition
		Detail     string
		Faults     []dataapi.Fault
		After      time.Duration
	}{known.Code.Definition(), known.Detail, known.Faults, known.RetryAfter})
	if err != nil {
		tb.Fatal(err)
	}
	return string(definition)
}

func TestEveryTokenFaultLooksTheSame(t *testing.T) {
	seen := make(map[string]string)
	for algorithm, keys := range map[string]*KeyRing{"EdDSA": edRing(t, edSeed), "ES256": esRing(t, esScalar), "HS256": hmacRing(t, hmacSecret)} {
		config, _ := testConfig(keys)
		authority := mustNew(t, config)
		good := goodParts(keys, config)
		if _, err := authority.VerifyAccess(good.signed(t, keys)); err != nil {
			t.Fatalf("the token that every case is made from: %v", err)
		}
		faults := confusions(t, keys, good)
		for name, change := range payloadFaults {
			faults[name] = parts{good.header, replace(t, good.payload, change[0], change[1])}.signed(t, keys)
		}
		for name, payload := range wholePayloads {
			faults[name] = parts{good.header, payload}.signed(t, keys)
		}
		for name, header := range headerFaults {
			header = strings.NewReplacer("KID", keys.signingKey().id, "ALG", algorithm, `"alg":"alg"`, `"alg":"`+strings.ToLower(algorithm)+`"`).Replace(header)
			faults[name] = parts{header, good.payload}.signed(t, keys)
		}
		maps.Copy(faults, textFaults(good.signed(t, keys)))
		pair := mint(t, authority)
		faults["a refresh token"] = pair.Refresh.Text
		faults["a token of another server"] = mint(t, mustNew(t, otherServer(t, config))).Access.Text
		if len(faults) < 150 {
			t.Errorf("only %d faults", len(faults))
		}
		for name, text := range faults {
			t.Run(algorithm+"/"+name, func(t *testing.T) {
				for range 2 { // the second time a cache might answer
					claims, err := authority.VerifyAccess(text)
					if err == nil || claims != (Claims{}) {
						t.Fatalf("accepted: %+v, %v", claims, err)
					}
					seen[callerSees(t, err)] = name
					if segments := strings.Split(text, "."); len(segments) == 3 && len(segments[2]) > 40 && strings.Contains(err.Error(), segments[2]) {
						t.Error("the log would hold the signature")
					}
				}
				if _, err := authority.VerifyRefresh(text); name != "a refresh token" {
					if err == nil {
						t.Fatal("accepted as a refresh token")
					}
					seen[callerSees(t, err)] = name
				}
			})
		}
		if _, err := authority.VerifyRefresh(pair.Access.Text); err == nil {
			t.Error("an access token is accepted as a refresh token")
		} else {
			seen[callerSees(t, err)] = "an access token"
		}
		if _, err := authority.VerifyRefresh(pair.Refresh.Text); err != nil {
			t.Errorf("the refresh token itself: %v", err)
		}
	}
	if len(seen) != 1 {
		t.Errorf("a caller can tell faults apart: %q", seen)
	}
}

// TestRefreshTypeAndAudienceAreBothChecked signs refresh tokens of which one of the two is an access token's.
func TestRefreshTypeAndAudienceAreBothChecked(t *testing.T) {
	keys := edRing(t, edSeed)
	config, _ := testConfig(keys)
	authority := mustNew(t, config)
	good := goodParts(keys, config)
	header := replace(t, good.header, "at+jwt", "rt+jwt")
	payload := replace(t, good.payload, `"aud":"https://api.example.com/data"`, `"aud":"https://api.example.com/api/v1/auth/refresh"`)
	if _, err := authority.VerifyRefresh((parts{header, payload}).signed(t, keys)); err != nil {
		t.Fatalf("both right: %v", err)
	}
	for name, mixed := range map[string]parts{"typ": {good.header, payload}, "aud": {header, good.payload}} {
		if _, err := authority.VerifyRefresh(mixed.signed(t, keys)); err == nil {
			t.Errorf("%s of an access token is accepted", name)
		}
		if _, err := authority.VerifyAccess(mixed.signed(t, keys)); err == nil {
			t.Errorf("the mixture is accepted as an access token")
		}
	}
}

// otherServer is a server like this one with a key of its own.
func otherServer(tb testing.TB, config Config) Config {
	tb.Helper()
	seed := sha256.Sum256([]byte("another server"))
	config.Keys = edRing(tb, seed[:])
	return config
}

// TestWhatIsNotAFault keeps the table honest: these differ from a good token, and are good.
func TestWhatIsNotAFault(t *testing.T) {
	keys := edRing(t, edSeed)
	config, _ := testConfig(keys)
	authority := mustNew(t, config)
	good := goodParts(keys, config)
	for name, change := range map[string][2]string{
		"a claim of a later version": {`"iat"`, `"scope":["x",{"y":null}],"iat"`},
		"nbf in the past":            {`"iat"`, `"nbf":1775903400,"iat"`},
		"nbf within the leeway":      {`"iat"`, `"nbf":1775903405,"iat"`},
		"iat within the leeway":      {`1775903400`, `1775903405`},
		"exp just past":              {`1775904000`, `1775903401`},
		"spaces in the JSON":         {`"iat":`, ` "iat" : `},
	} {
		if _, err := authority.VerifyAccess((parts{good.header, replace(t, good.payload, change[0], change[1])}).signed(t, keys)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
