package boltstore

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

// signingKeyBucket holds a list of callback.SigningKey for each user, by company, a zero byte and user.
var signingKeyBucket = layout.Bucket("signing_keys", func(key []byte) string {
	return "the callback signing keys of " + strings.Replace(string(key), "\x00", "/", 1)
})

// SigningKeys implements callback.Store.
func (s *Store) SigningKeys(
	ctx context.Context, company, user string, now time.Time, generate func() ([]byte, error),
) (keys []callback.SigningKey, err error) {
	err = s.View(func(tx *bbolt.Tx) (err error) {
		keys, err = readSigningKeys(tx, company, user, now)
		return err
	})
	if err != nil || len(keys) > 0 {
		return keys, err
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		var err error
		if keys, err = readSigningKeys(tx, company, user, now); err != nil || len(keys) > 0 {
			return err
		}
		made, err := generate()
		if err != nil {
			return boltfile.Refuse(err)
		}
		if keys, err = callback.WithNewest(nil, callback.SigningKey{Key: made}, time.Time{}); err != nil {
			return boltfile.Refuse(err)
		}
		return putSigningKeys(tx, company, user, keys)
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// ShowSigningKey implements callback.Store.
func (s *Store) ShowSigningKey(
	ctx context.Context, company, user string, now time.Time, generate func() ([]byte, error),
) (shown callback.SigningKey, err error) {
	if _, err := s.SigningKeys(ctx, company, user, now, generate); err != nil {
		return callback.SigningKey{}, err
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		keys, err := readSigningKeys(tx, company, user, now)
		if err != nil {
			return boltfile.Refuse(err)
		}
		if len(keys) == 0 || keys[0].Shown {
			return boltfile.Refuse(callback.ErrShown)
		}
		keys[0].Shown = true
		shown = keys[0]
		return putSigningKeys(tx, company, user, keys)
	})
	if err != nil {
		return callback.SigningKey{}, err
	}
	return shown, nil
}

// AddSigningKey implements callback.Store.
func (s *Store) AddSigningKey(ctx context.Context, company, user string, key []byte, now, notAfter time.Time) error {
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		keys, err := readSigningKeys(tx, company, user, now)
		if err != nil {
			return boltfile.Refuse(err)
		}
		if keys, err = callback.WithNewest(keys, callback.SigningKey{Key: key, Shown: true}, notAfter); err != nil {
			return boltfile.Refuse(err)
		}
		return putSigningKeys(tx, company, user, keys)
	})
}

func signingKeyName(company, user string) []byte { return []byte(company + "\x00" + user) }

func readSigningKeys(tx *bbolt.Tx, company, user string, now time.Time) ([]callback.SigningKey, error) {
	name := signingKeyName(company, user)
	stored, err := in(tx, signingKeyBucket).Get(name)
	if stored == nil {
		return nil, err
	}
	var keys, valid []callback.SigningKey
	if err := json.Unmarshal(stored, &keys); err != nil {
		return nil, layout.Damaged(signingKeyBucket, name, err.Error())
	}
	for _, key := range keys {
		if key.NotAfter.IsZero() || key.NotAfter.After(now) {
			valid = append(valid, key)
		}
	}
	return valid, nil
}

func putSigningKeys(tx *bbolt.Tx, company, user string, keys []callback.SigningKey) error {
	value, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	return in(tx, signingKeyBucket).Put(signingKeyName(company, user), value)
}
