package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

var (
	epoch   = time.Date(2026, 4, 11, 10, 30, 0, 0, time.UTC)
	someone = Subject{Company: "acme", User: "loader", KeyID: "s42_0123456789abcdefABCDEF"}

	edSeed     = bytes.Repeat([]byte{0x42}, ed25519.SeedSize)
	esScalar   = bytes.Repeat([]byte{0x11}, 32)
	hmacSecret = bytes.Repeat([]byte{0x24}, MinHMACSecret)
)

func ring(tb testing.TB, key Key, err error) *KeyRing {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	ring, err := NewKeyRing(key)
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

func edRing(tb testing.TB, seed []byte) *KeyRing {
	tb.Helper()
	key, err := NewEdDSAKey(seed)
	return ring(tb, key, err)
}

func hmacRing(tb testing.TB, secret []byte) *KeyRing {
	tb.Helper()
	key, err := NewHS256Key(secret)
	return ring(tb, key, err)
}

func esRing(tb testing.TB, scalar []byte) *KeyRing {
	tb.Helper()
	key, err := NewES256Key(scalar)
	return ring(tb, key, err)
}

// signingKey is the key that signs now.
func (r *KeyRing) signingKey() Key { return r.set.Load().signing(time.Now()).Key }

func (r *KeyRing) document() string {
	document, _ := r.JWKS()
	return string(document)
}

func testConfig(keys *KeyRing) (Config, *clock) {
	now := &clock{now: epoch}
	return Config{
		Issuer: "https://api.example.com", Audience: "https://api.example.com/data", AccessTTL: DefaultAccessTTL,
		RefreshTTL: DefaultRefreshTTL, Leeway: DefaultLeeway, Keys: keys, CacheEntries: 100, Now: now.Now,
	}, now
}

func mustNew(tb testing.TB, config Config) *Authority {
	tb.Helper()
	authority, err := New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return authority
}

func mint(tb testing.TB, authority *Authority) Pair {
	tb.Helper()
	pair, err := authority.Mint(someone, "")
	if err != nil {
		tb.Fatal(err)
	}
	return pair
}

func TestMintAndVerify(t *testing.T) {
	for name, keys := range map[string]*KeyRing{"EdDSA": edRing(t, edSeed), "HS256": hmacRing(t, hmacSecret)} {
		t.Run(name, func(t *testing.T) {
			config, now := testConfig(keys)
			now.set(epoch.Add(700 * time.Millisecond))
			authority := mustNew(t, config)
			pair := mint(t, authority)
			access, err := authority.VerifyAccess(pair.Access.Text)
			if err != nil {
				t.Fatal(err)
			}
			refresh, err := authority.VerifyRefresh(pair.Refresh.Text)
			if err != nil {
				t.Fatal(err)
			}
			if access != pair.Access.Claims || refresh != pair.Refresh.Claims {
				t.Errorf("what was minted: %+v\nwhat was read: %+v and %+v", pair, access, refresh)
			}
			want := Claims{Subject: someone, ID: access.ID, Family: access.Family, IssuedAt: epoch, ExpiresAt: epoch.Add(600 * time.Second)}
			if access != want {
				t.Errorf("got %+v, want %+v", access, want)
			}
			if refresh.ExpiresAt != epoch.Add(604800*time.Second) || refresh.Family != access.Family || refresh.ID == access.ID {
				t.Errorf("the refresh token: %+v", refresh)
			}
			again, err := authority.Mint(refresh.Subject, refresh.Family)
			if err != nil || again.Access.Claims.Family != refresh.Family || again.Access.Claims.ID == access.ID {
				t.Errorf("of the same family: %+v, %v", again, err)
			}
			if other := mint(t, authority); other.Access.Claims.Family == access.Family {
				t.Error("two exchanges of a key have one family")
			}
		})
	}
}

// TestWireFormat reads a token with nothing but the standard library: it is what other verifiers rely on.
func TestWireFormat(t *testing.T) {
	keys := edRing(t, edSeed)
	config, _ := testConfig(keys)
	pair := mint(t, mustNew(t, config))
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal([]byte(keys.document()), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s: %v", keys.document(), err)
	}
	x, err := base64.RawURLEncoding.DecodeString(set.Keys[0]["x"])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		token         Token
		typ, audience string
		lifetime      int
	}{
		{pair.Access, "at+jwt", "https://api.example.com/data", 600},
		{pair.Refresh, "rt+jwt", "https://api.example.com/api/v1/auth/refresh", 604800},
	} {
		parts := strings.Split(c.token.Text, ".")
		header, _ := base64.RawURLEncoding.DecodeString(parts[0])
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
		wantHeader := fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":%q}`, set.Keys[0]["kid"], c.typ)
		wantPayload := fmt.Sprintf(`{"iss":"https://api.example.com","sub":"acme/loader","aud":%q,"exp":%d,"iat":%d,"jti":%q,`+
			`"client_id":"s42_0123456789abcdefABCDEF","company":"acme","user":"loader","family":%q}`,
			c.audience, epoch.Unix()+int64(c.lifetime), epoch.Unix(), c.token.Claims.ID, c.token.Claims.Family)
		if string(header) != wantHeader || string(payload) != wantPayload {
			t.Errorf("got %s %s\nwant %s %s", header, payload, wantHeader, wantPayload)
		}
		if !ed25519.Verify(x, []byte(parts[0]+"."+parts[1]), signature) {
			t.Error("the published key does not verify the token")
		}
	}
}

func TestMintRefusesWhatCannotBeVerified(t *testing.T) {
	config, _ := testConfig(edRing(t, edSeed))
	authority := mustNew(t, config)
	for _, c := range []struct {
		subject Subject
		family  string
	}{
		{Subject{}, ""}, {Subject{"Acme", "loader", "s42_x"}, ""}, {Subject{"acme", "a/b", "s42_x"}, ""},
		{Subject{"acme", "loader", ""}, ""}, {Subject{"acme", "loader", "s42 x"}, ""},
		{Subject{"acme", "loader", strings.Repeat("x", 65)}, ""}, {someone, "short"}, {someone, strings.Repeat("a", 26)},
		{someone, strings.Repeat("A", 65)},
	} {
		if pair, err := authority.Mint(c.subject, c.family); err == nil || pair.Access.Text != "" {
			t.Errorf("%+v of family %q: %+v, %v", c.subject, c.family, pair, err)
		}
	}
}

func TestNewRefusesEveryGap(t *testing.T) {
	good, _ := testConfig(edRing(t, edSeed))
	mustNew(t, good)
	for want, change := range map[string]func(*Config){
		"the issuer must be":                          func(c *Config) { c.Issuer = "" },
		"the issuer must":                             func(c *Config) { c.Issuer = "https://api.example.com\n" },
		"the audience must be":                        func(c *Config) { c.Audience = "" },
		"the audience must":                           func(c *Config) { c.Audience = strings.Repeat("a", 256) },
		"that of refresh tokens":                      func(c *Config) { c.Audience = "https://api.example.com/api/v1/auth/refresh" },
		"tokens live is missing":                      func(c *Config) { c.AccessTTL = 0 },
		"tokens.access_ttl is 1.5s: it must be whole": func(c *Config) { c.AccessTTL = 1500 * time.Millisecond },
		"tokens.access_ttl is 24h0m1":                 func(c *Config) { c.AccessTTL = MaxAccessTTL + time.Second; c.RefreshTTL = MaxRefreshTTL },
		"tokens.access_ttl is -1s":                    func(c *Config) { c.AccessTTL = -time.Second },
		"how long tokens live is missing":             func(c *Config) { c.RefreshTTL = 0 },
		"tokens.refresh_ttl is shorter":               func(c *Config) { c.RefreshTTL = 599 * time.Second },
		"tokens.refresh_ttl is 8760h0m1":              func(c *Config) { c.RefreshTTL = MaxRefreshTTL + time.Second },
		"the leeway is 30.":                           func(c *Config) { c.Leeway = MaxLeeway + 1 },
		"the leeway is -":                             func(c *Config) { c.Leeway = -1 },
		"no signing key":                              func(c *Config) { c.Keys = nil },
		"is no signing key":                           func(c *Config) { c.Keys = &KeyRing{} },
		"the cache has 0":                             func(c *Config) { c.CacheEntries = 0 },
		"no clock":                                    func(c *Config) { c.Now = nil },
	} {
		config := good
		change(&config)
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestKeys(t *testing.T) {
	// RFC 8037, appendix A: the key, its public half and its thumbprint.
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	if err != nil {
		t.Fatal(err)
	}
	keys := edRing(t, seed)
	want := `{"keys":[{"use":"sig","kty":"OKP","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","crv":"Ed25519","alg":"EdDSA",` +
		`"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	if got := keys.document(); got != want || keys.signingKey().ID() != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("got %s, want %s", got, want)
	}
	// RFC 7515, appendix A.3: a P-256 key and its public half.
	scalar, err := base64.RawURLEncoding.DecodeString("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")
	if err != nil {
		t.Fatal(err)
	}
	const x, y = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
	if got := esRing(t, scalar).document(); !strings.Contains(got, `"x":"`+x+`","y":"`+y+`"`) || strings.Contains(got, `"d"`) {
		t.Errorf("got %s", got)
	}
	symmetric := hmacRing(t, hmacSecret)
	if got := symmetric.document(); got != `{"keys":[]}` {
		t.Errorf("an HS256 ring publishes %s", got)
	}
	plainHash := sha256.Sum256(hmacSecret)
	if symmetric.signingKey().ID() == base64.RawURLEncoding.EncodeToString(plainHash[:]) {
		t.Error("the id of an HS256 key is a plain hash of its secret")
	}
	for name, scalar := range map[string][]byte{"short": esScalar[:31], "zero": make([]byte, 32), "too large": bytes.Repeat([]byte{0xff}, 32)} {
		if _, err := NewES256Key(scalar); err == nil {
			t.Errorf("a %s scalar is accepted", name)
		}
	}
	if _, err := NewEdDSAKey(seed[:31]); err == nil {
		t.Error("a short seed is accepted")
	}
	if _, err := NewHS256Key(hmacSecret[:MinHMACSecret-1]); err == nil {
		t.Error("a short HS256 secret is accepted")
	}
	if _, err := NewHS256Key(nil); err == nil {
		t.Error("an empty HS256 secret is accepted")
	}
	if _, err := NewKeyRing(Key{}); err == nil {
		t.Error("a ring of an empty key is accepted")
	}
}

func TestKeysDoNotPrintTheirSecrets(t *testing.T) {
	for _, keys := range []*KeyRing{edRing(t, edSeed), esRing(t, esScalar), hmacRing(t, hmacSecret)} {
		config, _ := testConfig(keys)
		authority := mustNew(t, config)
		for _, printed := range []any{keys, keys.signingKey(), authority, config, []any{keys}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
				text := fmt.Sprintf(verb, printed)
				for _, secret := range []string{"66 66 66 66", "36 36 36 36", "17 17 17 17", "BBBB", "$$$$", "0x42, 0x42", "0x24, 0x24", "0x11, 0x11"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s of a %T shows the secret", verb, printed)
					}
				}
			}
		}
	}
}

func sign(tb testing.TB, keys *KeyRing, input string) string {
	tb.Helper()
	var signature []byte
	switch private := keys.signingKey().private.(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	case *ecdsa.PrivateKey:
		digest := sha256.Sum256([]byte(input))
		// Without randomness, by RFC 6979: the processes that fuzz together make the same token.
		der, err := private.Sign(nil, digest[:], crypto.SHA256)
		if err != nil {
			tb.Fatal(err)
		}
		var point struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &point); err != nil {
			tb.Fatal(err)
		}
		signature = append(point.R.FillBytes(make([]byte, 32)), point.S.FillBytes(make([]byte, 32))...)
	case []byte:
		signature = macOf(private, input)
	}
	return base64.RawURLEncoding.EncodeToString(signature)
}

func macOf(secret []byte, input string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return mac.Sum(nil)
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
