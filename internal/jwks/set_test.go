package jwks

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// publicJWK writes a public key as an issuer would publish it, with further members.
func publicJWK(tb testing.TB, key any, id, more string) string {
	tb.Helper()
	text, err := (jose.JSONWebKey{Key: key, KeyID: id}).MarshalJSON()
	if err != nil {
		tb.Fatal(err)
	}
	if more != "" {
		return strings.TrimSuffix(string(text), "}") + "," + more + "}"
	}
	return string(text)
}

func document(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

func edKey(tb testing.TB) ed25519.PublicKey {
	tb.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return public
}

func ecKey(tb testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func rsaKey(tb testing.TB, bits int) *rsa.PrivateKey {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func TestEachKeyServesItsOwnAlgorithms(t *testing.T) {
	rsaPublic := &rsaKey(t, 2048).PublicKey
	text := document(
		publicJWK(t, edKey(t), "ed", ""), publicJWK(t, &ecKey(t, elliptic.P256()).PublicKey, "p256", `"use":"sig"`),
		publicJWK(t, &ecKey(t, elliptic.P384()).PublicKey, "p384", `"key_ops":["verify"]`),
		publicJWK(t, &ecKey(t, elliptic.P521()).PublicKey, "p521", `"owner":"nobody"`),
		publicJWK(t, rsaPublic, "rsa", ""), publicJWK(t, rsaPublic, "ps", `"alg":"PS256"`),
	)
	set, err := Parse(text)
	if err != nil || len(set.ignored) > 0 {
		t.Fatal(err, set.ignored)
	}
	rsaAll := "PS256 PS384 PS512 RS256 RS384 RS512"
	want := map[string]string{"ed": "EdDSA", "p256": "ES256", "p384": "ES384", "p521": "ES512", "rsa": rsaAll, "ps": "PS256"}
	for id, algorithms := range want {
		for _, algorithm := range append(Algorithms(), "HS256", "none", "") {
			_, found := set.Find(id, algorithm)
			if wanted := algorithm != "" && strings.Contains(" "+algorithms+" ", " "+algorithm+" "); found != wanted {
				t.Errorf("%s for %q: found %v", id, algorithm, found)
			}
		}
	}
	if _, found := set.Find("absent", "EdDSA"); found {
		t.Error("an absent key is found")
	}
}

func TestUnusableKeysAreIgnoredAlone(t *testing.T) {
	ed := edKey(t)
	private, err := (jose.JSONWebKey{Key: ecKey(t, elliptic.P256()), KeyID: "bad"}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	point := publicJWK(t, &ecKey(t, elliptic.P256()).PublicKey, "bad", "")
	for name, bad := range map[string]string{
		"symmetric":            `{"kty":"oct","kid":"bad","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`,
		"private":              string(private),
		"for encryption":       publicJWK(t, ed, "bad", `"use":"enc"`),
		"not to verify":        publicJWK(t, ed, "bad", `"key_ops":["sign"]`),
		"another algorithm":    publicJWK(t, ed, "bad", `"alg":"RS256"`),
		"HS256 with EC":        publicJWK(t, &ecKey(t, elliptic.P256()).PublicKey, "bad", `"alg":"HS256"`),
		"none":                 publicJWK(t, ed, "bad", `"alg":"none"`),
		"no kid":               publicJWK(t, ed, "", ""),
		"long kid":             publicJWK(t, ed, strings.Repeat("k", maxKeyID+1), ""),
		"short RSA":            publicJWK(t, &rsaKey(t, 1024).PublicKey, "bad", ""),
		"off the curve":        replaceY(t, point),
		"unknown type":         `{"kty":"AKP","kid":"bad","pub":"AAAA"}`,
		"unknown curve":        `{"kty":"OKP","kid":"bad","crv":"X25519","x":"AAAA"}`,
		"a list":               `[]`,
		"a number":             `7`,
		"the kid of another":   publicJWK(t, edKey(t), "good", ""),
		"an Ed25519 too short": `{"kty":"OKP","kid":"bad","crv":"Ed25519","x":"AAAA"}`,
	} {
		set, err := Parse(document(publicJWK(t, ed, "good", ""), bad))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		key, ok := set.Find("good", "EdDSA")
		if !ok || !ed.Equal(key) || set.Len() != 1 || len(set.ignored) != 1 || !strings.HasPrefix(set.ignored[0], "keys[1]: ") {
			t.Errorf("%s: %d keys, ignored %q", name, set.Len(), set.ignored)
		}
	}
}

// Certificates and their addresses beside a key are not looked at: the members of the key itself decide.
func TestWhatIsSaidOfCertificatesDoesNotSpoilAKey(t *testing.T) {
	negative := certificate(t, ecKey(t, elliptic.P256()))
	for name, more := range map[string]string{
		"no base64":                `"x5c":["%%%"]`,
		"no certificate":           `"x5c":["MIIB"]`,
		"empty text":               `"x5c":[""]`,
		"no list":                  `"x5c":"MIIB"`,
		"null":                     `"x5c":null`,
		"another key's":            `"x5c":["` + base64.StdEncoding.EncodeToString(negative) + `"]`,
		"negative serial":          `"x5c":["` + base64.StdEncoding.EncodeToString(withNegativeSerial(t, negative)) + `"]`,
		"thumbprint no base64":     `"x5t":"+/+/"`,
		"thumbprint padded":        `"x5t":"AAAA="`,
		"thumbprint of wrong size": `"x5t":"AAAA","x5t#S256":"AAAA"`,
		"address no URL":           `"x5u":"://"`,
	} {
		for kind, key := range map[string]crypto.PublicKey{"RSA": &rsaKey(t, 2048).PublicKey, "EC": &ecKey(t, elliptic.P256()).PublicKey, "OKP": edKey(t)} {
			set, err := Parse(document(publicJWK(t, key, "k", more)))
			if err != nil || len(set.ignored) > 0 || set.Len() == 0 {
				t.Errorf("%s, %s: %v, ignored %q", name, kind, err, set.ignored)
				continue
			}
			for _, algorithm := range Algorithms() {
				if found, ok := set.Find("k", algorithm); ok && !found.(interface{ Equal(crypto.PublicKey) bool }).Equal(key) {
					t.Errorf("%s, %s: another key", name, kind)
				}
			}
		}
	}
}

// certificate is a certificate of a key by itself, whose serial number is 0x11223344.
func certificate(tb testing.TB, key *ecdsa.PrivateKey) []byte {
	tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(0x11223344), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// withNegativeSerial makes a certificate's serial number negative, as some appliances write it.
func withNegativeSerial(tb testing.TB, der []byte) []byte {
	tb.Helper()
	changed := bytes.Replace(der, []byte{0x11, 0x22, 0x33, 0x44}, []byte{0x91, 0x22, 0x33, 0x44}, 1)
	if _, err := x509.ParseCertificate(changed); err == nil {
		tb.Fatal("the certificate is accepted, so that it shows nothing")
	}
	return changed
}

// replaceY gives a point another y.
func replaceY(tb testing.TB, key string) string {
	tb.Helper()
	var members map[string]string
	if err := json.Unmarshal([]byte(key), &members); err != nil {
		tb.Fatal(err)
	}
	members["y"] = members["x"]
	text, err := json.Marshal(members)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func TestDocumentsThatAreNoKeySet(t *testing.T) {
	ed := edKey(t)
	var many []string
	for i := range MaxKeys + 1 {
		many = append(many, publicJWK(t, ed, fmt.Sprint(i), ""))
	}
	for name, text := range map[string]string{
		"empty": "", "a page": "<html>", "a list": "[]", "no keys": "{}", "keys no list": `{"keys":{}}`, "null": `{"keys":null}`,
		"more behind": `{"keys":[]}{}`, "keys twice": `{"keys":[],"keys":[]}`, "a key's member twice": `{"keys":[{"kid":"a","kid":"b"}]}`, "too many": string(document(many...)),
		"too long": `{"keys":[],"x":"` + strings.Repeat("x", MaxBytes) + `"}`, "invalid UTF-8": "{\"keys\":[],\"x\":\"\xff\"}",
	} {
		if set, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s: %d keys", name, set.Len())
		}
	}
	if set, err := Parse(append([]byte("\ufeff"), document(publicJWK(t, ed, "k", ""))...)); err != nil || set.Len() != 1 {
		t.Errorf("a byte order mark: %v", err)
	}
	if set, err := Parse([]byte(`{"keys":[]}`)); err != nil || set.Len() != 0 {
		t.Errorf("an issuer without keys: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(document(publicJWK(f, edKey(f), "a", ""), publicJWK(f, &ecKey(f, elliptic.P256()).PublicKey, "b", `"alg":"ES256"`)))
	f.Add(document(publicJWK(f, &rsaKey(f, 2048).PublicKey, "c", `"x5c":["MIIB"]`)))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"x","n":"AAAA","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"","y":""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := Parse(text)
		if err != nil {
			return
		}
		for name, key := range set.keys {
			algorithms, err := algorithmsOf(key)
			if err != nil || name.id == "" || !strings.Contains(strings.Join(algorithms, " "), name.algorithm) {
				t.Errorf("%q serves %q: %v", name.id, name.algorithm, err)
			}
		}
	})
}
