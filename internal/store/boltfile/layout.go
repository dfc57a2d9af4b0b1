package boltfile

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Layout is what buckets a file has, and what is known of their records. It is made once, before any file is opened, and does
// not change afterwards.
type Layout struct {
	kinds   map[string]kind // by the name of the bucket
	buckets [][]byte        // every top-level bucket: Open makes those that are missing
	formers [][]byte        // the indexes of older layouts, which are removed when the indexes are made again
}

// kind is what is known of the records of a bucket.
type kind struct {
	describe func(key []byte) string
	role     role
	unsealed bool // those of a layout before 4 are compressed by Zstandard, and have no seal
}

type role int

const (
	primary    role = iota
	follows         // from records of other buckets, so that it can be made again: see Migration.Remake
	unrequired      // may be emptied when it is damaged
)

// metaBucket holds what the file says of itself.
var metaBucket = []byte("meta")

// remakeKey, in metaBucket, has the next Open make the indexes again.
var remakeKey = []byte("remake")

// NewLayout returns a layout with no bucket but the file's own.
func NewLayout() *Layout {
	l := &Layout{kinds: make(map[string]kind)}
	l.declare(string(metaBucket), kind{describe: Named("the store's own")})
	return l
}

func (l *Layout) declare(name string, k kind) []byte {
	l.buckets, l.kinds[name] = append(l.buckets, []byte(name)), k
	return []byte(name)
}

// Bucket declares a top-level bucket, so that it exists in every open file. Describe says of which record a key is. It is
// meant for package variables, as the other declarations are.
func (l *Layout) Bucket(name string, describe func(key []byte) string) []byte {
	return l.declare(name, kind{describe: describe})
}

// Index declares a bucket whose records follow from those of others, so that Migration.Remake makes them again.
func (l *Layout) Index(name string, describe func(key []byte) string) []byte {
	return l.declare(name, kind{describe: describe, role: follows})
}

// Dispensable declares a bucket whose records nobody depends on: it is emptied when it is damaged.
func (l *Layout) Dispensable(name string, describe func(key []byte) string) []byte {
	return l.declare(name, kind{describe: describe, role: unrequired})
}

// Chunks declares a bucket whose records were compressed by Zstandard before layout 4, and had no seal. Those stay as they
// are: their own checksum is for their readers.
func (l *Layout) Chunks(name string, describe func(key []byte) string) []byte {
	return l.declare(name, kind{describe: describe, unsealed: true})
}

// Former declares an index of an older layout.
func (l *Layout) Former(name string) []byte {
	l.kinds[name] = kind{describe: Named("an index of an older version:"), role: follows}
	l.formers = append(l.formers, []byte(name))
	return []byte(name)
}

// Buckets returns the names of all buckets but the file's own. The slice is the caller's own.
func (l *Layout) Buckets() [][]byte {
	return slices.DeleteFunc(slices.Clone(l.buckets), func(name []byte) bool { return bytes.Equal(name, metaBucket) })
}

// Follows reports whether the records of a bucket follow from those of others.
func (l *Layout) Follows(bucket []byte) bool { return l.kinds[string(bucket)].role == follows }

// Damaged returns the error of a record that cannot be read.
func (l *Layout) Damaged(bucket, key []byte, cause string) error {
	return &DamagedError{
		Bucket: string(bucket), Key: hex.EncodeToString(key), Record: l.kinds[string(bucket)].describe(key), Cause: cause,
	}
}

// legacy reports whether a value is one of those that have no seal: see [Layout.Chunks].
func (l *Layout) legacy(bucket, sealed []byte) bool {
	return len(sealed) >= 4 && binary.BigEndian.Uint32(sealed) == zstdMagic && l.kinds[string(bucket)].unsealed
}

// RemakeLater has the next Open make the indexes again.
func (l *Layout) RemakeLater(tx *bbolt.Tx) error { return l.In(tx, metaBucket).Put(remakeKey, nil) }

// Tolerate lets a write go on over a damaged record of an index, which the next Open makes again.
func (l *Layout) Tolerate(tx *bbolt.Tx, err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	return l.RemakeLater(tx)
}

// remake makes all indexes again. remakeKey stays until it is done, so that one that is interrupted begins again.
func (l *Layout) remake(db *bbolt.DB, again func(*bbolt.DB) error) error {
	if err := db.Update(l.dropIndexes); err != nil {
		return err
	}
	if err := again(db); err != nil {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error { return l.In(tx, metaBucket).Delete(remakeKey) })
}

func (l *Layout) dropIndexes(tx *bbolt.Tx) error {
	for _, name := range l.buckets {
		if l.kinds[string(name)].role == follows {
			if err := empty(tx, name); err != nil {
				return err
			}
		}
	}
	for _, name := range l.formers {
		if err := tx.DeleteBucket(name); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
			return err
		}
	}
	return l.RemakeLater(tx)
}

func empty(tx *bbolt.Tx, name []byte) error {
	if err := tx.DeleteBucket(name); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
		return err
	}
	_, err := tx.CreateBucket(name)
	return err
}

// inBatches is how many records one transaction of InBatches looks at.
const inBatches = 5000

// InBatches calls see for each key of a bucket that nobody changes meanwhile. What see cannot read is left out.
func InBatches(db *bbolt.DB, bucket []byte, see func(tx *bbolt.Tx, key []byte) error) error {
	var after []byte
	for n := inBatches; n == inBatches; {
		n = 0
		err := db.Update(func(tx *bbolt.Tx) error {
			cursor := tx.Bucket(bucket).Cursor()
			for key, _ := cursor.Seek(after); key != nil && n < inBatches; key, _ = cursor.Next() {
				if err := see(tx, key); err != nil && !errors.Is(err, ErrDamaged) {
					return err
				}
				after = append(bytes.Clone(key), 0)
				n++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
