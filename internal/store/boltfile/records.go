package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// Every record lies in the file behind its seal, two CRC-32C, big-endian: one of the bucket's name, a zero byte and the
// key, and one that goes on over the value. bbolt checks nothing but its two meta pages, so that without a seal a
// flipped bit would be served as an answer. The key has a sum of its own, so that Open can check that no record has
// lost its name without reading the values.
const sealSize = 8

// zstdMagic begins the chunks that a layout before 4 has left. They carry a checksum of their own, which the reader of
// results checks, and stay as they are until they expire.
const zstdMagic = 0x28B52FFD

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged says that the file is damaged where something was to be read. The error names the record.
var ErrDamaged = errors.New("the store is damaged")

// DamagedError is an ErrDamaged that names a record.
type DamagedError struct {
	Bucket string // such as "jobs"
	Key    string // as hexadecimal digits
	Record string // what it is, such as `job 01J...`
	Cause  string // what is wrong with it
}

// Error names the record.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the record of %s is damaged: %s", e.Record, e.Cause)
}

// Is makes the error an ErrDamaged.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// Named describes records whose key is text.
func Named(what string) func([]byte) string {
	return func(key []byte) string { return fmt.Sprintf("%s %q", what, key) }
}

// Records is a bucket whose values are sealed.
type Records struct {
	*bbolt.Bucket
	layout *Layout
	name   []byte
}

// In returns the records of a bucket.
func (l *Layout) In(tx *bbolt.Tx, bucket []byte) Records {
	return Records{tx.Bucket(bucket), l, bucket}
}

// Get returns the value of a key, nil when there is none. A value is never nil, but may be empty.
func (r Records) Get(key []byte) ([]byte, error) {
	sealed := r.Bucket.Get(key)
	if sealed == nil {
		return nil, nil
	}
	return r.Open(key, sealed)
}

// Has reports whether there is a record, whatever its value is.
func (r Records) Has(key []byte) bool { return r.Bucket.Get(key) != nil }

// Put seals a copy of the value.
func (r Records) Put(key, value []byte) error { return r.Bucket.Put(key, seal(r.name, key, value)) }

// Open returns the value that is behind a seal.
func (r Records) Open(key, sealed []byte) ([]byte, error) {
	if r.layout.legacy(r.name, sealed) {
		return sealed, nil
	}
	if len(sealed) < sealSize {
		return nil, r.layout.Damaged(r.name, key, "it has no checksum")
	}
	ofKey, ofValue := sums(r.name, key, sealed[sealSize:])
	if binary.BigEndian.Uint32(sealed) != ofKey || binary.BigEndian.Uint32(sealed[4:]) != ofValue {
		return nil, r.layout.Damaged(r.name, key, "its checksum is wrong")
	}
	return sealed[sealSize:], nil
}

// Each calls see for every record in the order of keys, with the error of a value that is damaged.
func (r Records) Each(see func(key, value []byte, damage error) error) error {
	return r.ForEach(func(key, sealed []byte) error {
		value, err := r.Open(key, sealed)
		return see(key, value, err)
	})
}

// First returns the first key, nil when there is none.
func (r Records) First() []byte {
	key, _ := r.Cursor().First()
	return key
}

func seal(bucket, key, value []byte) []byte {
	sealed := make([]byte, sealSize, sealSize+len(value))
	sealed = append(sealed, value...)
	ofKey, ofValue := sums(bucket, key, sealed[sealSize:]) // of the copy, so that the value need not be on the heap
	binary.BigEndian.PutUint32(sealed, ofKey)
	binary.BigEndian.PutUint32(sealed[4:], ofValue)
	return sealed
}

func sums(bucket, key, value []byte) (ofKey, ofValue uint32) {
	ofKey = keySum(bucket, key)
	return ofKey, crc32.Update(ofKey, castagnoli, value)
}

var zero = []byte{0}

func keySum(bucket, key []byte) uint32 {
	sum := crc32.Update(crc32.Update(0, castagnoli, bucket), castagnoli, zero)
	sum = crc32.Update(sum, castagnoli, key)
	if sum == zstdMagic { // a seal never looks like the beginning of a chunk
		return ^sum
	}
	return sum
}
