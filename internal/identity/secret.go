package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"math/big"
	"strings"
)

const (
	keyPrefix = "s42_"
	base62    = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" // the digits of math/big in base 62

	keyBytes    = 16 // 128 random bits
	keyDigits   = 22 // digits that 16 bytes take in base 62
	keyIDLength = len(keyPrefix) + keyDigits

	secretBytes    = 32 // 256 random bits: no slow hash can add to them
	secretDigits   = 43 // digits that 32 bytes take in base 62
	checksumDigits = 6  // digits that a CRC-32 takes in base 62
	secretLength   = secretDigits + checksumDigits
)

// newKeyID makes a public api_key.
func newKeyID() string { return keyPrefix + randomDigits(keyBytes, keyDigits) }

// newSecret makes an api_secret: 256 random bits in base 62, then their CRC-32. The checksum tells a mistyped or
// truncated secret from a wrong one without looking anything up, and lets scanners of leaked credentials tell a
// secret from chance.
func newSecret() string {
	digits := randomDigits(secretBytes, secretDigits)
	return digits + checksum(digits)
}

func randomDigits(size, width int) string {
	random := make([]byte, size)
	rand.Read(random) // never fails: the process ends when the system has no randomness
	return encodeDigits(random, width)
}

func encodeDigits(number []byte, width int) string {
	digits := new(big.Int).SetBytes(number).Text(62)
	return strings.Repeat("0", width-len(digits)) + digits
}

func checksum(digits string) string {
	return encodeDigits(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(digits))), checksumDigits)
}

// wellFormedKeyID reports whether text has the form of an api_key.
func wellFormedKeyID(text string) bool {
	return len(text) == keyIDLength && strings.HasPrefix(text, keyPrefix) && allBase62(text[len(keyPrefix):])
}

// wellFormedSecret reports whether text has the form of an api_secret and its checksum is right. It says nothing that
// the caller could not work out, so it may answer early.
func wellFormedSecret(text string) bool {
	return len(text) == secretLength && allBase62(text) && checksum(text[:secretDigits]) == text[secretDigits:]
}

func allBase62(text string) bool {
	for i := range len(text) {
		if strings.IndexByte(base62, text[i]) < 0 {
			return false
		}
	}
	return true
}

// secretMAC authenticates a secret under the server's pepper. The key's id is part of it, so that a record copied over
// another one in the store does not lend its secret to the other key. Both strings are of fixed length, which makes
// their concatenation unambiguous.
func secretMAC(pepper []byte, keyID, secret string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(keyID))
	mac.Write([]byte(secret))
	mac.Sum(sum[:0])
	return sum
}

// ValidKeyID reports whether text has the form of an api_key. Anything else, such as a secret in the wrong
// field, must not be repeated where others can read it.
func ValidKeyID(text string) bool { return wellFormedKeyID(text) }
