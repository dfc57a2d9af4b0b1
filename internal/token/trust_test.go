package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/jwks"
)

const (
	foreignIssuer   = "https://idp.example.com/realms/acme"
	foreignAudience = "urn:example:data-api"
)

// provider is a company's identity provider: its keys, and the file that it publishes them in.
type provider struct {
	testing.TB
	file    string
	source  *jwks.Source
	private map[string]crypto.Signer // by kid, which is the algorithm
}

// providerKeys are made once: making RSA keys takes its time.
var providerKeys = sync.OnceValues(func() (map[string]crypto.Signer, error) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	return map[string]crypto.Signer{"EdDSA": ed, "ES256": ec, "RS256": rsaKey, "PS256": rsaKey}, err
})

func newProvider(tb testing.TB, clock func() time.Time) *provider {
	tb.Helper()
	private, err := providerKeys()
	if err != nil {
		tb.Fatal(err)
	}
	p := &provider{TB: tb, file: filepath.Join(tb.TempDir(), "jwks.json"), private: private}
	p.publish("EdDSA", "ES256", "RS256", "PS256")
	p.source, err = jwks.New(jwks.Config{Location: p.file, Logger: slog.New(slog.DiscardHandler), Now: clock})
	if err != nil {
		tb.Fatal(err)
	}
	p.source.Start()
	tb.Cleanup(func() { _ = p.source.Close() })
	if _, _, err := p.source.Find(tb.Context(), "EdDSA", "EdDSA"); err != nil {
		tb.Fatal(err)
	}
	return p
}

// publish writes the public keys of these ids.
func (p *provider) publish(ids ...string) {
	p.Helper()
	var set jose.JSONWebKeySet
	for _, id := range ids {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: p.private[id].Public(), KeyID: id, Algorithm: id, Use: "sig"})
	}
	document, err := json.Marshal(set)
	if err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(p.file+"~", document, 0o600); err != nil {
		p.Fatal(err)
	}
	if err := os.Rename(p.file+"~", p.file); err != nil {
		p.Fatal(err)
	}
}

func (p *provider) trust() Trust {
	return Trust{
		Name: "acme-idp", Issuer: foreignIssuer, Audience: foreignAudience, Types: []string{"at+jwt"},
		Algorithms: []string{"EdDSA", "ES256", "RS256", "PS256"}, Company: "acme", UserClaim: "sub", Keys: p.source,
	}
}

// sign signs with the key of an id, as its algorithm says, and not as the header does.
func (p *provider) sign(id, header, payload string) string {
	p.Helper()
	input := encode(header) + "." + encode(payload)
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch key := p.private[id].(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(input))
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, key, digest[:])
		signature, err = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), signErr
	case *rsa.PrivateKey:
		if id == "RS256" {
			signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		} else {
			signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
	}
	if err != nil {
		p.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func foreignParts(id string) parts {
	return parts{
		header: fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, id, id),
		payload: fmt.Sprintf(`{"iss":%q,"sub":"loader","aud":%q,"exp":%d,"iat":%d,"jti":"x1","client_id":"app"}`,
			foreignIssuer, foreignAudience, epoch.Unix()+600, epoch.Unix()),
	}
}

func (p *provider) good(id string) string {
	good := foreignParts(id)
	return p.sign(id, good.header, good.payload)
}

// trusting is an authority that trusts a provider, changed as a test wants it.
func trusting(tb testing.TB, change func(*Trust)) (*Authority, *provider, *clock) {
	tb.Helper()
	config, now := testConfig(edRing(tb, edSeed))
	p := newProvider(tb, now.Now)
	trust := p.trust()
	if change != nil {
		change(&trust)
	}
	config.Trusts = []Trust{trust}
	return mustNew(tb, config), p, now
}

func TestForeignTokenIsReadAsItIs(t *testing.T) {
	authority, p, _ := trusting(t, nil)
	want := Claims{
		Issuer: "acme-idp", Subject: Subject{Company: "acme", User: "loader"}, IssuedAt: epoch, ExpiresAt: epoch.Add(600 * time.Second),
	}
	for id := range p.private {
		for range 2 {
			if got, err := authority.Verify(t.Context(), p.good(id)); err != nil || got != want {
				t.Errorf("%s: got %+v, %v", id, got, err)
			}
		}
		if _, err := authority.VerifyAccess(p.good(id)); err == nil {
			t.Errorf("%s: accepted as a token of this server", id)
		}
		if _, err := authority.VerifyRefresh(p.good(id)); err == nil {
			t.Errorf("%s: accepted as a refresh token", id)
		}
	}
	own := mint(t, authority).Access
	for range 2 {
		if got, err := authority.Verify(t.Context(), own.Text); err != nil || got != own.Claims {
			t.Errorf("our own: %+v, %v", got, err)
		}
	}
}

func TestEveryForeignFaultLooksTheSame(t *testing.T) {
	authority, p, _ := trusting(t, nil)
	own := authority.config.Keys.signingKey()
	seen := make(map[string]string)
	for id := range p.private {
		good := foreignParts(id)
		faults := make(map[string]string)
		for name, change := range foreignPayloadFaults {
			faults["payload: "+name] = p.sign(id, good.header, replace(t, good.payload, change[0], change[1]))
		}
		for name, header := range foreignHeaders {
			header = strings.NewReplacer("KID", id, "ALG", id, "OWN", own.id).Replace(header)
			faults["header: "+name] = p.sign(id, header, good.payload)
		}
		for name, text := range textFaults(p.good(id)) {
			faults["text: "+name] = text
		}
		for other := range p.private {
			if other != id {
				faults["signed by "+other] = p.sign(other, good.header, good.payload)
			}
		}
		// Confusion with our own keys: theirs in our name, ours in theirs, and a MAC under what is public.
		ownHeader := goodParts(authority.config.Keys, authority.config).header
		faults["our header, their key"] = p.sign(id, ownHeader, good.payload)
		ownPayload := goodParts(authority.config.Keys, authority.config).payload
		faults["our claims, their key"] = p.sign(id, good.header, ownPayload)
		faults["our header and claims, their key"] = p.sign(id, ownHeader, ownPayload)
		faults["our key, their claims"] = (parts{ownHeader, good.payload}).signed(t, authority.config.Keys)
		faults["our key, their header and claims"] = (parts{good.header, good.payload}).signed(t, authority.config.Keys)
		document, err := os.ReadFile(p.file)
		if err != nil {
			t.Fatal(err)
		}
		input := encode(replace(t, good.header, `"alg":"`+id+`"`, `"alg":"HS256"`)) + "." + encode(good.payload)
		for name, secret := range map[string][]byte{"the key set": document, "nothing": nil, "the kid": []byte(id)} {
			faults["a MAC under "+name] = input + "." + base64.RawURLEncoding.EncodeToString(macOf(secret, input))
		}
		if len(faults) < 120 {
			t.Errorf("only %d faults", len(faults))
		}
		for name, text := range faults {
			for range 2 {
				claims, err := authority.Verify(t.Context(), text)
				if err == nil || claims != (Claims{}) {
					t.Fatalf("%s, %s: accepted: %+v", id, name, claims)
				}
				seen[callerSees(t, err)] = id + ", " + name
			}
		}
	}
	if len(seen) != 1 {
		t.Errorf("a caller can tell faults apart: %q", seen)
	}
}

// TestWhatIsNoForeignFault keeps the table honest.
func TestWhatIsNoForeignFault(t *testing.T) {
	authority, p, _ := trusting(t, nil)
	good := foreignParts("EdDSA")
	for name, change := range map[string][2]string{
		"aud a list":            {`"urn:example:data-api"`, `["x","urn:example:data-api"]`},
		"other claims":          {`"jti"`, `"scope":"a b","roles":["x",{"y":null}],"nonce":"n","jti"`},
		"nbf past":              {`"jti"`, `"nbf":1775903400,"jti"`},
		"within the leeway":     {`"iat":1775903400`, `"iat":1775903405`},
		"a day":                 {`1775904000`, `1775989800`},
		"no jti and client_id":  {`,"jti":"x1","client_id":"app"`, ``},
		"a user in other signs": {`"loader"`, `"auth0|São Paulo/1"`},
	} {
		if _, err := authority.Verify(t.Context(), p.sign("EdDSA", good.header, replace(t, good.payload, change[0], change[1]))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, header := range []string{
		`{"typ":"AT+JWT","alg":"EdDSA","kid":"EdDSA"}`, `{"typ":"application/at+jwt","alg":"EdDSA","kid":"EdDSA"}`,
		`{"typ":"at+jwt","alg":"EdDSA","kid":"EdDSA","x5t":"abc","nonce":"x"}`,
	} {
		if _, err := authority.Verify(t.Context(), p.sign("EdDSA", header, good.payload)); err != nil {
			t.Errorf("%s: %v", header, err)
		}
	}
}

func TestClaimsOfCompanyAndUser(t *testing.T) {
	several := func(trust *Trust) {
		trust.Company, trust.CompanyClaim, trust.Companies = "", "https://idp.example.com/tenant", []string{"acme", "globex"}
	}
	byEmail := func(trust *Trust) { trust.UserClaim = "email" }
	for _, c := range []struct {
		name    string
		change  func(*Trust)
		more    string
		company string
		user    string // empty: refused
	}{
		{"the first company", several, `"https://idp.example.com/tenant":"acme"`, "acme", "loader"},
		{"the second company", several, `"https://idp.example.com/tenant":"globex"`, "globex", "loader"},
		{"a company that is not listed", several, `"https://idp.example.com/tenant":"initech"`, "", ""},
		{"a company in other letters", several, `"https://idp.example.com/tenant":"ACME"`, "", ""},
		{"a list of companies", several, `"https://idp.example.com/tenant":["acme"]`, "", ""},
		{"no company", several, `"x":1`, "", ""},
		{"a company claim that nobody asked for", nil, `"company":"globex"`, "acme", "loader"},
		{"a verified address", byEmail, `"email":"ana@acme.example","email_verified":true`, "acme", "ana@acme.example"},
		{"an address that is not verified", byEmail, `"email":"ana@acme.example","email_verified":false`, "", ""},
		{"an address that is said to be verified", byEmail, `"email":"ana@acme.example","email_verified":"true"`, "", ""},
		{"an address of which nothing is known", byEmail, `"email":"ana@acme.example"`, "", ""},
		{"no address", byEmail, `"email_verified":true`, "", ""},
		{"another claim", func(trust *Trust) { trust.UserClaim = "oid" }, `"oid":"6f9619ff"`, "acme", "6f9619ff"},
		{"another claim that is a number", func(trust *Trust) { trust.UserClaim = "oid" }, `"oid":7`, "", ""},
	} {
		authority, p, _ := trusting(t, c.change)
		good := foreignParts("ES256")
		claims, err := authority.Verify(t.Context(), p.sign("ES256", good.header, replace(t, good.payload, `"jti"`, c.more+`,"jti"`)))
		if (err == nil) != (c.user != "") || claims.Company != c.company || claims.User != c.user || claims.KeyID != "" {
			t.Errorf("%s: %+v, %v", c.name, claims, err)
		}
	}
}

func TestTypeJWTOnlyWhereItIsAllowed(t *testing.T) {
	authority, p, _ := trusting(t, func(trust *Trust) { trust.Types = []string{"jwt"} })
	good := foreignParts("RS256")
	if _, err := authority.Verify(t.Context(), p.sign("RS256", replace(t, good.header, "at+jwt", "JWT"), good.payload)); err != nil {
		t.Error(err)
	}
	if _, err := authority.Verify(t.Context(), p.good("RS256")); err == nil {
		t.Error("a type that is not listed is accepted")
	}
}

func TestForeignTokenEndsWithItsTimeAndWithItsKey(t *testing.T) {
	authority, p, now := trusting(t, nil)
	token, other := p.good("EdDSA"), p.good("ES256")
	accepts := func(text string, want bool) {
		t.Helper()
		if _, err := authority.Verify(t.Context(), text); (err == nil) != want || err != nil && !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
			t.Errorf("accepted %v, want %v: %v", err == nil, want, err)
		}
	}
	accepts(token, true)
	accepts(other, true)
	now.set(epoch.Add(605 * time.Second))
	accepts(token, false)
	now.set(epoch.Add(jwks.UnknownKeyInterval))
	accepts(token, true)
	p.publish("ES256") // the issuer withdraws its other keys
	if _, _, err := p.source.Find(t.Context(), "unknown", "EdDSA"); err == nil {
		t.Error("an unknown key is found")
	}
	accepts(token, false)
	accepts(other, true)
	p.publish("ES256", "EdDSA")
	now.set(epoch.Add(2 * jwks.UnknownKeyInterval))
	accepts(token, true) // it is looked for at once
}

// A provider whose keys are not known makes nobody wait who has a token of this server, and calls no token bad.
func TestProviderThatIsDown(t *testing.T) {
	config, now := testConfig(edRing(t, edSeed))
	p := newProvider(t, now.Now)
	missing, err := jwks.New(jwks.Config{Location: p.file + ".missing", Logger: slog.New(slog.DiscardHandler), Now: now.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer missing.Close()
	missing.Start()
	trust := p.trust()
	trust.Keys = missing
	config.Trusts = []Trust{trust}
	authority := mustNew(t, config)
	_, err = authority.Verify(t.Context(), p.good("EdDSA"))
	if !dataapi.HasCode(err, dataapi.CodeOverloaded) || dataapi.AsError(err).RetryAfter <= 0 {
		t.Errorf("got %v", err)
	}
	if strings.Contains(callerSees(t, err), "acme") {
		t.Error("the answer names the issuer")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := authority.Verify(ended, mint(t, authority).Access.Text); err != nil {
		t.Errorf("a token of this server waits for the issuer: %v", err)
	}
}

func TestNewRefusesEveryGapOfATrust(t *testing.T) {
	good, now := testConfig(edRing(t, edSeed))
	p := newProvider(t, now.Now)
	for name, change := range map[string]func(*Trust){
		"no issuer": func(trust *Trust) { trust.Issuer = "" }, "our own issuer": func(trust *Trust) { trust.Issuer = good.Issuer },
		"no audience": func(trust *Trust) { trust.Audience = "" }, "no types": func(trust *Trust) { trust.Types = nil },
		"an empty type": func(trust *Trust) { trust.Types = []string{""} }, "a type in upper case": func(trust *Trust) { trust.Types = []string{"JWT"} },
		"no algorithms": func(trust *Trust) { trust.Algorithms = nil }, "HS256": func(trust *Trust) { trust.Algorithms = []string{"ES256", "HS256"} },
		"none": func(trust *Trust) { trust.Algorithms = []string{"none"} }, "no user": func(trust *Trust) { trust.UserClaim = "" },
		"no keys": func(trust *Trust) { trust.Keys = nil }, "no company": func(trust *Trust) { trust.Company = "" },
		"both":                func(trust *Trust) { trust.CompanyClaim, trust.Companies = "c", []string{"acme"} },
		"a claim and no list": func(trust *Trust) { trust.Company, trust.CompanyClaim = "", "c" },
		"a list and no claim": func(trust *Trust) { trust.Companies = []string{"acme"} },
		"no slug":             func(trust *Trust) { trust.Company = "Acme" },
	} {
		config, trust := good, p.trust()
		change(&trust)
		config.Trusts = []Trust{trust}
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), "trusts.acme-idp") {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.Trusts = []Trust{p.trust(), p.trust()}
	if _, err := New(good); err == nil {
		t.Error("two trusts of one issuer are accepted")
	}
}

// FuzzForeignMutations changes a good token of a trusted issuer in place: what is not the token is refused.
func FuzzForeignMutations(f *testing.F) {
	authority, p, _ := trusting(f, nil)
	good := p.good("EdDSA")
	f.Add(uint16(0), uint8(0), []byte("e"))
	f.Add(uint16(40), uint8(1), []byte("\n"))
	f.Add(uint16(120), uint8(2), []byte("..."))
	f.Add(uint16(0xffff), uint8(1), []byte("="))
	f.Add(uint16(3), uint8(4), []byte{0x20})
	f.Fuzz(func(t *testing.T, at uint16, operation uint8, data []byte) {
		changed := string(mutate([]byte(good), int(at), operation, data))
		if _, err := authority.Verify(t.Context(), changed); (err == nil) != (changed == good) {
			t.Fatalf("accepted %v: %q", err == nil, changed)
		} else if err != nil {
			callerSees(t, err)
		}
	})
}

func TestForeignHitDoesNotAllocate(t *testing.T) {
	authority, p, _ := trusting(t, nil)
	token, ok := p.good("EdDSA"), true
	ctx := t.Context()
	hit := func() {
		claims, err := authority.Verify(ctx, token)
		ok = ok && err == nil && claims.User == "loader"
	}
	hit()
	if allocations := testing.AllocsPerRun(2000, hit); allocations != 0 || !ok {
		t.Errorf("%v allocations for a hit, accepted %v", allocations, ok)
	}
}
