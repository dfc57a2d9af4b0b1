package boltstore

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
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

func damaged(bucket, key []byte, cause string) error {
	return &DamagedError{
		Bucket: string(bucket), Key: hex.EncodeToString(key), Record: kinds[string(bucket)].describe(key), Cause: cause,
	}
}

// kind is what is known of the records of a bucket.
type kind struct {
	describe func(key []byte) string
	role     role
}

type role int

const (
	primary    role = iota
	follows         // from records of other buckets, so that it can be made anew: see remake
	unrequired      // may be emptied when it is damaged
)

// kinds holds the kinds by the name of their buckets.
var kinds = make(map[string]kind)

// buckets lists every top-level bucket: Open makes those that are missing.
var buckets [][]byte

// bucket declares a top-level bucket, so that it exists in every open store. It is meant for package variables.
func bucket(name string, describe func(key []byte) string) []byte {
	buckets = append(buckets, []byte(name))
	kinds[name] = kind{describe: describe}
	return []byte(name)
}

// index declares a bucket whose records follow from those of others.
func index(name string, describe func(key []byte) string) []byte {
	declared := bucket(name, describe)
	kinds[name] = kind{describe, follows}
	return declared
}

// formers lists the indexes of older layouts, which are removed when the indexes are made anew.
var formers = [][]byte{former("jobs_queue"), former("jobs_lines")}

func former(name string) []byte {
	kinds[name] = kind{named("an index of an older version:"), follows}
	return []byte(name)
}

// dispensable declares a bucket whose records nobody depends on.
func dispensable(name string, describe func(key []byte) string) []byte {
	declared := bucket(name, describe)
	kinds[name] = kind{describe, unrequired}
	return declared
}

// named describes records whose key is text.
func named(what string) func([]byte) string {
	return func(key []byte) string { return fmt.Sprintf("%s %q", what, key) }
}

// identified describes records whose key ends with the ID of a job, after so many bytes.
func identified(what string, after int) func([]byte) string {
	return func(key []byte) string {
		if len(key) < after+len(job.ID{}) {
			return fmt.Sprintf("%s %x", what, key)
		}
		return what + " " + job.ID(key[after:]).String()
	}
}

// records is a bucket whose values are sealed.
type records struct {
	*bbolt.Bucket
	name []byte
}

func in(tx *bbolt.Tx, bucket []byte) records { return records{tx.Bucket(bucket), bucket} }

// get returns the value of a key, nil when there is none. A value is never nil, but may be empty.
func (r records) get(key []byte) ([]byte, error) {
	sealed := r.Bucket.Get(key)
	if sealed == nil {
		return nil, nil
	}
	return r.open(key, sealed)
}

// has reports whether there is a record, whatever its value is.
func (r records) has(key []byte) bool { return r.Bucket.Get(key) != nil }

// put seals a copy of the value.
func (r records) put(key, value []byte) error { return r.Bucket.Put(key, seal(r.name, key, value)) }

// open returns the value that is behind a seal.
func (r records) open(key, sealed []byte) ([]byte, error) {
	if legacyChunk(r.name, sealed) {
		return sealed, nil
	}
	if len(sealed) < sealSize {
		return nil, damaged(r.name, key, "it has no checksum")
	}
	ofKey, ofValue := sums(r.name, key, sealed[sealSize:])
	if binary.BigEndian.Uint32(sealed) != ofKey || binary.BigEndian.Uint32(sealed[4:]) != ofValue {
		return nil, damaged(r.name, key, "its checksum is wrong")
	}
	return sealed[sealSize:], nil
}

// each calls see for every record in the order of keys, with the error of a value that is damaged.
func (r records) each(see func(key, value []byte, damage error) error) error {
	return r.ForEach(func(key, sealed []byte) error {
		value, err := r.open(key, sealed)
		return see(key, value, err)
	})
}

// first returns the first key, nil when there is none.
func (r records) first() []byte {
	key, _ := r.Cursor().First()
	return key
}

func seal(bucket, key, value []byte) []byte {
	ofKey, ofValue := sums(bucket, key, value)
	sealed := make([]byte, sealSize, sealSize+len(value))
	binary.BigEndian.PutUint32(sealed, ofKey)
	binary.BigEndian.PutUint32(sealed[4:], ofValue)
	return append(sealed, value...)
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

func legacyChunk(bucket, sealed []byte) bool {
	return len(sealed) >= 4 && binary.BigEndian.Uint32(sealed) == zstdMagic && bytes.Equal(bucket, chunkBucket)
}
