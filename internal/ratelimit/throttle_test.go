package ratelimit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

var throttleLimits = ratelimit.ThrottleLimits{
	Address:  ratelimit.Limit{Count: 100, Period: time.Minute, Burst: 100},
	Failures: ratelimit.Limit{Count: 10, Period: time.Minute, Burst: 10},
	Identity: ratelimit.Limit{Count: 20, Period: time.Minute, Burst: 20},
	Total:    ratelimit.Limit{Count: 1000, Period: time.Minute, Burst: 1000},
}

// attempt is one request with a good or a bad secret; refused says that it was not verified.
func attempt(throttle *ratelimit.Throttle, address, apiKey string, good bool) (refused bool) {
	attempt, wait := throttle.Begin(throttleLimits, address)
	if wait > 0 {
		return true
	}
	if attempt.Present("acme", apiKey) > 0 {
		return true
	}
	if !good {
		attempt.Failed()
	}
	return false
}

func verified(n int, f func(i int) (refused bool)) (count int) {
	for i := range n {
		if !f(i) {
			count++
		}
	}
	return count
}

func TestThrottleOfAnAddress(t *testing.T) {
	clock := new(clock)
	throttle := ratelimit.NewThrottle(clock.now)
	if n := verified(1000, func(int) bool { return attempt(throttle, "192.0.2.1", "k", true) }); n != 100 {
		t.Errorf("%d good requests of an address were let in, want 100", n)
	}
	if n := verified(1000, func(i int) bool { return attempt(throttle, "192.0.2.2", fmt.Sprint("k", i), false) }); n != 10 {
		t.Errorf("%d failures of an address were verified, want 10", n)
	}
	clock.advance(6 * time.Second)
	if n := verified(1000, func(int) bool { return attempt(throttle, "192.0.2.2", "k", false) }); n != 1 {
		t.Errorf("%d further failures were verified after 6 s, want 1", n)
	}
	if attempt(throttle, "192.0.2.3", "k", true) {
		t.Error("another address was refused")
	}
	// One host can have all addresses of an IPv6 network of 64 bits.
	n := verified(1000, func(i int) bool { return attempt(throttle, fmt.Sprintf("2001:db8::%x", i), "k", false) })
	if n != 10 {
		t.Errorf("%d failures of an IPv6 network were verified, want 10", n)
	}
	if attempt(throttle, "2001:db8:0:1::1", "k", true) {
		t.Error("another network was refused")
	}
	// The same address, written as IPv6.
	if !attempt(throttle, "::ffff:192.0.2.2", "k", false) {
		t.Error("an IPv4-mapped address counts as another one")
	}
}

// Nobody can be locked out from elsewhere, and a network of guessers gains little.
func TestGuessersLockNobodyOut(t *testing.T) {
	clock := new(clock)
	throttle := ratelimit.NewThrottle(clock.now)
	guesser := func(i int) string { return fmt.Sprintf("10.0.%d.%d", i/250, i%250) }
	const guessers, minutes = 300, 2
	guesses := 0
	for minute := range minutes {
		for second := range 60 {
			guesses += verified(guessers, func(i int) bool { return attempt(throttle, guesser(i), "target", false) })
			if attempt(throttle, fmt.Sprintf("198.51.100.%d", second%4), "target", true) {
				t.Fatalf("minute %d: the owner was refused at a quiet address", minute)
			}
			clock.advance(time.Second)
		}
	}
	// By their addresses alone they would have 10 guesses a minute each.
	if most := guessers * (minutes + 1); guesses > most+20*(minutes+1) {
		t.Errorf("%d guesses at one key from %d addresses in %d minutes", guesses, guessers, minutes)
	}
	// Nor by guessing at every key that there is, or is not.
	for i := range 150_000 {
		attempt(throttle, fmt.Sprintf("2001:db8:%x:%x::1", i>>16, i&0xffff), fmt.Sprint("made-up", i), false)
	}
	for i := range 200 {
		if attempt(throttle, fmt.Sprintf("203.0.113.%d", i), "target", true) {
			t.Fatal("a hundred and fifty thousand addresses lock a quiet one out")
		}
	}
}

func TestThrottleUnlimited(t *testing.T) {
	throttle := ratelimit.NewThrottle(time.Now)
	for range 10_000 {
		attempt, wait := throttle.Begin(ratelimit.ThrottleLimits{}, "192.0.2.1")
		if wait != 0 || attempt.Present("acme", "k") != 0 {
			t.Fatal("refused without a limit")
		}
		attempt.Failed()
	}
}
