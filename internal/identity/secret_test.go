package identity

import (
	"strings"
	"testing"
)

func TestSecretForm(t *testing.T) {
	seen := make(map[string]bool)
	for range 2000 {
		id, secret := newKeyID(), newSecret()
		if !wellFormedKeyID(id) || !wellFormedSecret(secret) {
			t.Fatalf("own credentials are refused: %q, %d characters", id, len(secret))
		}
		if seen[id] || seen[secret] {
			t.Fatal("a credential was made twice")
		}
		seen[id], seen[secret] = true, true
	}
}

// TestEncodeDigits checks the width at both ends of the range: a number that needs fewer digits is padded, the largest
// one still fits.
func TestEncodeDigits(t *testing.T) {
	for _, c := range []struct{ size, width int }{
		{keyBytes, keyDigits}, {secretBytes, secretDigits}, {4, checksumDigits},
	} {
		zero, most := make([]byte, c.size), []byte(strings.Repeat("\xff", c.size))
		if got := encodeDigits(zero, c.width); got != strings.Repeat("0", c.width) {
			t.Errorf("%d zero bytes: %q", c.size, got)
		}
		if got := encodeDigits(most, c.width); len(got) != c.width || got[0] == '0' {
			t.Errorf("%d bytes of ones: %q", c.size, got)
		}
	}
}

func TestMalformedCredentials(t *testing.T) {
	id, secret := newKeyID(), newSecret()
	for _, text := range []string{
		"", "s42_", id[:len(id)-1], id + "0", "S42_" + id[4:], "x42_" + id[4:], id[:10] + "-" + id[11:],
		id[:10] + "\x00" + id[11:], id[:10] + "é" + id[12:], " " + id[1:], id[:len(id)-1] + "\n",
	} {
		if wellFormedKeyID(text) {
			t.Errorf("the key id %q is accepted", text)
		}
	}
	for at := range len(secret) {
		for _, other := range []byte("0aZ-_ \x00\xff") {
			if secret[at] == other {
				continue
			}
			if changed := secret[:at] + string(other) + secret[at+1:]; wellFormedSecret(changed) {
				t.Errorf("a secret with another character at %d is accepted", at)
			}
		}
		cut := secret[:at] + secret[at+1:] + "0" // which is the secret itself when all that follows is a 0
		if wellFormedSecret(secret[:at]) || cut != secret && wellFormedSecret(cut) {
			t.Errorf("a secret that is cut at %d is accepted", at)
		}
	}
	if wellFormedSecret(secret + "0") {
		t.Error("a secret with one more character is accepted")
	}
}

func TestSecretMACDependsOnEverything(t *testing.T) {
	pepper, other := []byte(strings.Repeat("p", MinPepper)), []byte(strings.Repeat("q", MinPepper))
	id, secret := newKeyID(), newSecret()
	sum := secretMAC(pepper, id, secret)
	if secretMAC(other, id, secret) == sum || secretMAC(pepper, newKeyID(), secret) == sum || secretMAC(pepper, id, newSecret()) == sum {
		t.Error("a different pepper, key or secret gives the same MAC")
	}
	if secretMAC(pepper, id, secret) != sum {
		t.Error("the MAC is not stable")
	}
}
