package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// place is where a row is in a result.
type place struct {
	offset int64 // of its first byte
	row    int64 // rows before it
}

// A cursor is a place and a signature over it and the job. The signature is what makes the place safe to jump to: only
// this server writes it, and only where a row begins. A forged one could make a page begin inside of a string.
const (
	placeLength     = 16
	signatureLength = 16 // of HMAC-SHA-256, cut to 128 bits (RFC 2104, 5)
)

var errForeignCursor = errors.New("the cursor was not made for this result")

// cursorKey signs cursors.
type cursorKey []byte

func (k cursorKey) seal(at place, id job.ID) string {
	text := binary.BigEndian.AppendUint64(make([]byte, 0, placeLength+signatureLength), uint64(at.offset))
	text = binary.BigEndian.AppendUint64(text, uint64(at.row))
	return base64.RawURLEncoding.EncodeToString(append(text, k.sign(text, id)...))
}

func (k cursorKey) open(text string, id job.ID) (place, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != placeLength+signatureLength {
		return place{}, errForeignCursor
	}
	if !hmac.Equal(raw[placeLength:], k.sign(raw[:placeLength], id)) {
		return place{}, errForeignCursor
	}
	return place{
		offset: int64(binary.BigEndian.Uint64(raw)),
		row:    int64(binary.BigEndian.Uint64(raw[8:])),
	}, nil
}

func (k cursorKey) sign(place []byte, id job.ID) []byte {
	mac := hmac.New(sha256.New, k)
	mac.Write(id[:])
	mac.Write(place)
	return mac.Sum(nil)[:signatureLength]
}
