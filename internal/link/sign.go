package link

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"maps"
	"slices"
	"strings"
	"time"
)

// Request is what a URL asks for, without the link in it.
type Request struct {
	Namespace, Slug string
	Format          string // the suffix of the route
	Options         map[string]string
	Texts           map[string][]string // of the endpoint's parameters, by name
}

// idEncoding has digits before letters, so that texts sort as the bytes do.
var idEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// An ID is 6 bytes of time, 6 that nobody can guess, and 4 by which it is seen without a look into the store that somebody has made it
// up.
const (
	idBytes  = 16
	idOwn    = 12 // before the check
	idLength = 26 // in characters
)

func newID(secret []byte, now time.Time) string {
	var id [idBytes]byte
	binary.BigEndian.PutUint32(id[:4], uint32(now.UnixMilli()>>16))
	binary.BigEndian.PutUint16(id[4:6], uint16(now.UnixMilli()))
	rand.Read(id[6:idOwn]) // never fails: the process ends when the system has no randomness
	copy(id[idOwn:], checkOf(secret, id[:idOwn]))
	return strings.ToLower(idEncoding.EncodeToString(id[:]))
}

func checkOf(secret, own []byte) []byte {
	check := hmac.New(sha256.New, secret)
	_, _ = check.Write(own)
	return check.Sum(nil)[:idBytes-idOwn]
}

// decodeID returns the bytes of an ID, and when it was made.
func decodeID(id string) (decoded []byte, at time.Time, ok bool) {
	if len(id) != idLength || strings.ToLower(id) != id {
		return nil, time.Time{}, false
	}
	decoded, err := idEncoding.DecodeString(strings.ToUpper(id))
	if err != nil {
		return nil, time.Time{}, false
	}
	millis := int64(binary.BigEndian.Uint32(decoded))<<16 | int64(binary.BigEndian.Uint16(decoded[4:]))
	return decoded, time.UnixMilli(millis), true
}

// ValidID reports whether a text has the form of an ID.
func ValidID(id string) bool {
	_, _, ok := decodeID(id)
	return ok
}

// macEncoding takes each MAC in one way only: a text that differs is another MAC.
var macEncoding = base64.RawURLEncoding.Strict()

// split reads what is in a URL: an ID, a dot and a MAC.
func split(text string) (id string, mac []byte, ok bool) {
	id, encoded, found := strings.Cut(text, ".")
	if !found || len(encoded) != macEncoding.EncodedLen(sha256.Size) {
		return "", nil, false
	}
	mac, err := macEncoding.DecodeString(encoded)
	return id, mac, err == nil && len(mac) == sha256.Size
}

// sign returns the MAC of a link to what is asked for. Each part of the text follows its length, and each list behind its
// number of items, so that no two links have the same. Of the parameters it has all but those that are free.
func sign(secret []byte, l *Link, asked Request) []byte {
	s := signer{hmac.New(sha256.New, secret)}
	s.texts("data-api link 1", l.ID, l.Company, l.User, l.KeyID, asked.Namespace, asked.Slug, asked.Format)
	s.number(uint64(l.ExpiresAt.UnixMicro()))
	s.number(uint64(l.Uses))
	s.number(uint64(len(l.Free)))
	s.texts(l.Free...)
	s.number(uint64(len(asked.Options)))
	for _, name := range slices.Sorted(maps.Keys(asked.Options)) {
		s.texts(name, asked.Options[name])
	}
	for _, name := range slices.Sorted(maps.Keys(asked.Texts)) {
		if slices.Contains(l.Free, name) {
			continue
		}
		s.texts(name)
		s.number(uint64(len(asked.Texts[name])))
		s.texts(asked.Texts[name]...)
	}
	return s.Sum(nil)
}

type signer struct{ hash.Hash }

func (s signer) number(n uint64) { _, _ = s.Write(binary.BigEndian.AppendUint64(nil, n)) }

func (s signer) texts(texts ...string) {
	for _, text := range texts {
		s.number(uint64(len(text)))
		_, _ = s.Write([]byte(text))
	}
}
