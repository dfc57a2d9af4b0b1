package boltstore

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

// layout has the buckets that the files of this package declare.
var layout = boltfile.NewLayout()

// Layout is what [boltfile.Check] and others need to know of the files of this package.
func Layout() *boltfile.Layout { return layout }

var secretBucket = layout.Bucket("secrets", boltfile.Named("secret"))

// Options tune a store. The zero value holds the defaults.
type Options = boltfile.Options

// ErrDamaged says that the file is damaged where something was to be read.
var ErrDamaged = boltfile.ErrDamaged

// in returns the records of a bucket.
func in(tx *bbolt.Tx, bucket []byte) boltfile.Records { return layout.In(tx, bucket) }

// Store is an open store. It is safe for concurrent use.
type Store struct{ *boltfile.File }

// Open opens the store at path, and makes it when there is none: see [boltfile.Open]. The caller owns the store and must
// Close it.
func Open(path string, options Options) (*Store, error) {
	file, err := boltfile.Open(path, layout, boltfile.Migration{Move: moveTokenKey, Remake: remake}, options)
	if err != nil {
		return nil, err
	}
	return &Store{file}, nil
}

// Secret returns the secret of this name, which generate makes when there is none yet. The first call decides:
// all callers, in all runs of the program, get the same bytes, and they are on disk before Secret returns.
// An error of generate is returned unchanged and nothing is stored; an empty secret is an error. generate may be called
// more than once. The bytes are the caller's own.
func (s *Store) Secret(name string, generate func() ([]byte, error)) ([]byte, error) {
	secret, err := s.readSecret(name)
	if secret != nil || err != nil {
		return secret, err
	}
	err = s.Update(context.Background(), func(tx *bbolt.Tx) error {
		stored, err := in(tx, secretBucket).Get([]byte(name))
		if err != nil {
			return boltfile.Refuse(err)
		}
		if stored != nil {
			secret = bytes.Clone(stored)
			return nil
		}
		made, err := generate()
		if err != nil {
			return boltfile.Refuse(err)
		}
		if len(made) == 0 {
			return boltfile.Refuse(fmt.Errorf("the secret %q must not be empty", name))
		}
		secret = bytes.Clone(made)
		return in(tx, secretBucket).Put([]byte(name), secret)
	})
	if err != nil {
		return nil, err
	}
	return secret, nil
}

func (s *Store) readSecret(name string) (secret []byte, err error) {
	err = s.View(func(tx *bbolt.Tx) error {
		stored, err := in(tx, secretBucket).Get([]byte(name))
		secret = bytes.Clone(stored)
		return err
	})
	return secret, err
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
