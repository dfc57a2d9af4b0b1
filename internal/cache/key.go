package cache

import (
	"crypto/sha256"
	"encoding/binary"
)

// Key names results that are the same, and may be shown, to everybody who has it. It is a digest, since keys are made of
// what callers send and stay in memory.
type Key [sha256.Size]byte

// NewKey makes a key of parts. Keys are equal when all parts are, and their number: where one part ends and the next
// begins is part of the key.
func NewKey(parts ...[]byte) Key {
	var stack [1024]byte
	text := stack[:0]
	for _, part := range parts {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	return sha256.Sum256(text)
}
