package fields

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// Place is where a row is in a result.
type Place struct {
	Offset int64 // of its first byte
	Row    int64 // rows before it
}

// A cursor is a place and a signature over it and the job. The signature is what makes the place safe to jump to: only
// this server writes it, and only where a row begins. A forged one could make a page begin inside of a string.
const (
	placeLength     = 16
	signatureLength = 16 // of HMAC-SHA-256, cut to 128 bits (RFC 2104, 5)
)

var errForeignCursor = errors.New("the cursor was not made for this result")

// CursorKey signs cursors.
type CursorKey []byte

// Seal writes a place in the result of a job as a cursor.
func (k CursorKey) Seal(at Place, id job.ID) string {
	text := binary.BigEndian.AppendUint64(make([]byte, 0, placeLength+signatureLength), uint64(at.Offset))
	text = binary.BigEndian.AppendUint64(text, uint64(at.Row))
	return base64.RawURLEncoding.EncodeToString(append(text, k.sign(text, id)...))
}

// Open reads a cursor that Seal has made for the same job.
func (k CursorKey) Open(text string, id job.ID) (Place, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != placeLength+signatureLength {
		return Place{}, errForeignCursor
	}
	if !hmac.Equal(raw[placeLength:], k.sign(raw[:placeLength], id)) {
		return Place{}, errForeignCursor
	}
	return Place{
		Offset: int64(binary.BigEndian.Uint64(raw)),
		Row:    int64(binary.BigEndian.Uint64(raw[8:])),
	}, nil
}

func (k CursorKey) sign(place []byte, id job.ID) []byte {
	mac := hmac.New(sha256.New, k)
	mac.Write(id[:])
	mac.Write(place)
	return mac.Sum(nil)[:signatureLength]
}
