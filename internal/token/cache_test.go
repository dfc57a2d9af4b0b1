package token

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

func TestExpiryIsCheckedOnEachHit(t *testing.T) {
	config, now := testConfig(edRing(t, edSeed))
	for _, cached := range []bool{true, false} {
		now.set(epoch)
		authority := mustNew(t, config)
		token := mint(t, authority).Access.Text
		if cached {
			if _, err := authority.VerifyAccess(token); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			after time.Duration
			valid bool
		}{
			{0, true}, {599 * time.Second, true}, {600 * time.Second, true}, // within the leeway of 5 s
			{605*time.Second - 1, true}, {605 * time.Second, false}, {606 * time.Second, false}, {time.Hour, false},
			{604 * time.Second, true}, // a clock that is set back
		} {
			if !cached {
				authority = mustNew(t, config)
			}
			now.set(epoch.Add(c.after))
			_, err := authority.VerifyAccess(token)
			if (err == nil) != c.valid {
				t.Errorf("cached %v, after %v: %v", cached, c.after, err)
			}
			if err != nil && (!errors.Is(err, jwt.ErrTokenExpired) || !dataapi.HasCode(err, dataapi.CodeUnauthenticated)) {
				t.Errorf("cached %v, after %v: the cause is %v", cached, c.after, err)
			}
		}
	}
}

// TestCacheIsUsed makes the first verification's work impossible to repeat: with the parsers gone, only the cache can
// answer.
func TestCacheIsUsed(t *testing.T) {
	config, _ := testConfig(edRing(t, edSeed))
	authority := mustNew(t, config)
	first, second := mint(t, authority).Access.Text, mint(t, authority).Access.Text
	want, err := authority.VerifyAccess(first)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm := range authority.access.parsers {
		authority.access.parsers[algorithm] = jwt.NewParser(jwt.WithValidMethods([]string{"none"}))
	}
	if got, err := authority.VerifyAccess(first); err != nil || got != want {
		t.Errorf("a verified token was verified again: %+v, %v", got, err)
	}
	if _, err := authority.VerifyAccess(second); err == nil {
		t.Error("a token that was never verified is accepted without being verified")
	}
}

func TestNothingOfAnotherConfigurationIsAccepted(t *testing.T) {
	keys := edRing(t, edSeed)
	config, _ := testConfig(keys)
	token := mint(t, mustNew(t, config)).Access.Text
	for name, change := range map[string]func(*Config){
		"issuer":    func(c *Config) { c.Issuer = "https://other.example.com" },
		"audience":  func(c *Config) { c.Audience = "https://other.example.com" },
		"keys":      func(c *Config) { c.Keys = edRing(t, bytes.Repeat([]byte{1}, ed25519.SeedSize)) },
		"algorithm": func(c *Config) { c.Keys = hmacRing(t, hmacSecret) },
	} {
		before := mustNew(t, config)
		if _, err := before.VerifyAccess(token); err != nil {
			t.Fatal(err)
		}
		changed := config
		change(&changed)
		if _, err := mustNew(t, changed).VerifyAccess(token); !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
			t.Errorf("another %s: %v", name, err)
		}
		if _, err := before.VerifyAccess(token); err != nil {
			t.Errorf("another %s: a request of the old configuration is refused: %v", name, err)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	config, now := testConfig(hmacRing(t, hmacSecret))
	config.CacheEntries = 50
	authority := mustNew(t, config)
	for range 500 {
		if _, err := authority.VerifyAccess(mint(t, authority).Access.Text); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 500 {
		_, err := authority.VerifyAccess(fmt.Sprintf("%s%d", mint(t, authority).Access.Text, i))
		if err == nil {
			t.Fatal("a changed token is accepted")
		}
	}
	authority.verified.CleanUp()
	if size := authority.verified.EstimatedSize(); size == 0 || size > 50 {
		t.Errorf("%d entries are kept, want up to 50", size)
	}
	now.set(epoch.Add(605 * time.Second))
	for range 50 { // otter's clean-up advances in steps of about a second
		authority.verified.CleanUp()
		now.set(now.Now().Add(time.Second))
	}
	if size := authority.verified.EstimatedSize(); size != 0 {
		t.Errorf("%d entries are kept after their tokens have expired", size)
	}
}

func TestRefusedTokensAreNotKept(t *testing.T) {
	config, _ := testConfig(edRing(t, edSeed))
	authority := mustNew(t, config)
	token := mint(t, authority).Access.Text
	bad := token[:len(token)-8] + "AAAAAAAA" // the last four characters alone would at times be those
	for range 3 {
		if _, err := authority.VerifyAccess(bad); err == nil {
			t.Fatal("accepted")
		}
	}
	if _, err := authority.VerifyAccess(mint(t, authority).Refresh.Text); err == nil {
		t.Fatal("accepted")
	}
	if size := authority.verified.EstimatedSize(); size != 0 {
		t.Errorf("%d refused tokens are kept", size)
	}
}

func TestHitDoesNotAllocate(t *testing.T) {
	config, _ := testConfig(edRing(t, edSeed))
	config.Now = time.Now
	authority := mustNew(t, config)
	token := mint(t, authority).Access.Text
	ok := true
	hit := func() {
		claims, err := authority.VerifyAccess(token)
		ok = ok && err == nil && claims.User == "loader"
	}
	hit()
	if allocations := testing.AllocsPerRun(2000, hit); allocations != 0 || !ok {
		t.Errorf("%v allocations for a hit, accepted %v", allocations, ok)
	}
}

func TestConcurrentVerification(t *testing.T) {
	config, now := testConfig(edRing(t, edSeed))
	config.CacheEntries = 8
	authority := mustNew(t, config)
	tokens := make([]Token, 24)
	for i := range tokens {
		pair, err := authority.Mint(Subject{"acme", fmt.Sprintf("user-%d", i), "s42_x"}, "")
		if err != nil {
			t.Fatal(err)
		}
		tokens[i] = pair.Access
	}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 200 {
				token := tokens[(i*7+worker)%len(tokens)]
				claims, err := authority.VerifyAccess(token.Text)
				if err != nil || claims != token.Claims {
					t.Errorf("got %+v, %v; want %+v", claims, err, token.Claims)
				}
				if _, err := authority.VerifyAccess(strings.ToUpper(token.Text)); err == nil {
					t.Error("a changed token is accepted")
				}
				now.set(epoch.Add(time.Duration(i) * time.Second))
			}
		})
	}
	group.Wait()
}

func BenchmarkVerifyAccessHit(b *testing.B) {
	config, _ := testConfig(edRing(b, edSeed))
	config.Now = time.Now
	authority := mustNew(b, config)
	token := mint(b, authority).Access.Text
	b.ReportAllocs()
	for b.Loop() {
		if _, err := authority.VerifyAccess(token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyAccessMiss(b *testing.B) {
	for name, keys := range map[string]*KeyRing{
		"EdDSA": edRing(b, edSeed), "ES256": esRing(b, esScalar), "HS256": hmacRing(b, hmacSecret),
	} {
		b.Run(name, func(b *testing.B) {
			config, _ := testConfig(keys)
			config.Now = time.Now
			authority := mustNew(b, config)
			token := mint(b, authority).Access.Text
			b.ReportAllocs()
			for b.Loop() {
				if _, err := authority.verify(authority.access, config.Keys.set.Load(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMint(b *testing.B) {
	config, _ := testConfig(edRing(b, edSeed))
	authority := mustNew(b, config)
	b.ReportAllocs()
	for b.Loop() {
		mint(b, authority)
	}
}
