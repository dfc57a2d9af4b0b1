package job

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ID names a job: 4 bytes of seconds since 1970, then 8 random bytes, so that IDs sort by time and cannot be guessed.
type ID [12]byte

// NewID returns a fresh ID for a job that is created at this time, which must lie between 1970 and 2106.
func NewID(at time.Time) ID {
	var id ID
	binary.BigEndian.PutUint32(id[:4], uint32(at.Unix()))
	_, _ = rand.Read(id[4:]) // never fails: see crypto/rand
	return id
}

// ErrInvalidID says that a text is not an ID.
var ErrInvalidID = errors.New("a job id is 24 lower-case hexadecimal digits")

// ParseID reads the form that String writes, and no other: no upper case, no spaces.
func ParseID(text string) (ID, error) {
	var id ID
	if len(text) != 2*len(id) {
		return ID{}, ErrInvalidID
	}
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ID{}, ErrInvalidID
		}
	}
	if _, err := hex.Decode(id[:], []byte(text)); err != nil {
		return ID{}, ErrInvalidID
	}
	return id, nil
}

// String returns the ID as 24 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Before is the greatest ID that sorts before this one; that of the zero ID is the zero ID.
func (id ID) Before() ID {
	if id == (ID{}) {
		return id
	}
	for i := len(id) - 1; ; i-- {
		id[i]--
		if id[i] != 0xff {
			return id
		}
	}
}

// Time is when the job was created, in whole seconds.
func (id ID) Time() time.Time { return time.Unix(int64(binary.BigEndian.Uint32(id[:4])), 0).UTC() }

// MarshalText writes the form of String.
func (id ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText reads the form of String.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
