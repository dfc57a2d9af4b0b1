package boltstore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

var (
	// keyBucket holds the API keys: by ID, as JSON of keyRecord.
	keyBucket = layout.Bucket("api_keys", boltfile.Named("API key"))
	// lastUseBucket holds when keys were last used: by ID, in Unix seconds, big-endian. It is apart from keyBucket, so that
	// what is written often can harm nothing that matters.
	lastUseBucket = layout.Dispensable("api_keys_used", boltfile.Named("the last use of API key"))
)

var _ identity.KeyStore = (*Store)(nil)

// keyRecord is how an API key lies in the file. identity.Key is what callers see, and its JSON leaves the MAC out.
type keyRecord struct {
	Company   string    `json:"company"`
	User      string    `json:"user"`
	Name      string    `json:"name,omitzero"`
	SecretMAC []byte    `json:"secret_mac"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	Successor string    `json:"successor,omitzero"`
}

// CreateKey implements [identity.KeyStore].
func (s *Store) CreateKey(ctx context.Context, key identity.Key) error {
	record, err := encodeKey(key)
	if err != nil {
		return err
	}
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		keys := in(tx, keyBucket)
		if keys.Has([]byte(key.ID)) {
			return boltfile.Refuse(fmt.Errorf("%w: %s", identity.ErrKeyExists, key.ID))
		}
		return keys.Put([]byte(key.ID), record)
	})
}

// ListKeys implements [identity.KeyStore].
func (s *Store) ListKeys(ctx context.Context, company string) ([]identity.Key, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	keys := []identity.Key{}
	err := s.View(func(tx *bbolt.Tx) error {
		keys = keys[:0]
		return in(tx, keyBucket).Each(func(id, record []byte, damage error) error {
			key, err := identity.Key{}, damage
			if err == nil {
				key, err = decodeKey(string(id), record)
			}
			if err != nil {
				s.ReportDamage(err)
				key = identity.Key{ID: string(id), Damaged: true}
			}
			key.LastUsedAt = readUse(tx, string(id))
			if company == "" || key.Company == company {
				keys = append(keys, key)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(keys, func(a, b identity.Key) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	return keys, nil
}

// RevokeKey implements [identity.KeyStore].
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) (key identity.Key, err error) {
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		var err error
		if key, err = readKey(tx, id); err != nil {
			return boltfile.Refuse(err)
		}
		if !key.RevokedAt.IsZero() {
			return nil
		}
		key.RevokedAt = dataapi.StoredTime(at)
		record, err := encodeKey(key)
		if err != nil {
			return boltfile.Refuse(err)
		}
		return in(tx, keyBucket).Put([]byte(id), record)
	})
	if err != nil {
		return identity.Key{}, err
	}
	return key, nil
}

func readKey(tx *bbolt.Tx, id string) (identity.Key, error) {
	record, err := in(tx, keyBucket).Get([]byte(id))
	if err != nil {
		return identity.Key{}, err
	}
	if record == nil {
		return identity.Key{}, fmt.Errorf("%w: %q", identity.ErrKeyNotFound, id)
	}
	key, err := decodeKey(id, record)
	key.LastUsedAt = readUse(tx, id)
	return key, err
}

// ReplaceKey implements [identity.KeyStore].
func (s *Store) ReplaceKey(
	ctx context.Context, id string, expires time.Time, successor identity.Key,
) (old identity.Key, err error) {
	record, err := encodeKey(successor)
	if err != nil {
		return identity.Key{}, err
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		keys := in(tx, keyBucket)
		var err error
		if old, err = readKey(tx, id); err != nil {
			return boltfile.Refuse(err)
		}
		if keys.Has([]byte(successor.ID)) {
			return boltfile.Refuse(fmt.Errorf("%w: %s", identity.ErrKeyExists, successor.ID))
		}
		if old.ExpiresAt.IsZero() || old.ExpiresAt.After(expires) {
			old.ExpiresAt = dataapi.StoredTime(expires)
		}
		old.Successor = successor.ID
		ending, err := encodeKey(old)
		if err != nil {
			return boltfile.Refuse(err)
		}
		if err := keys.Put([]byte(id), ending); err != nil {
			return err
		}
		return keys.Put([]byte(successor.ID), record)
	})
	if err != nil {
		return identity.Key{}, err
	}
	return old, nil
}

// TouchKeys implements [identity.KeyStore].
func (s *Store) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		for id, at := range used {
			if !in(tx, keyBucket).Has([]byte(id)) || !at.After(readUse(tx, id)) {
				continue
			}
			value := binary.BigEndian.AppendUint64(nil, uint64(at.Unix()))
			if err := in(tx, lastUseBucket).Put([]byte(id), value); err != nil {
				return err
			}
		}
		return nil
	})
}

func readUse(tx *bbolt.Tx, id string) time.Time {
	stored, err := in(tx, lastUseBucket).Get([]byte(id))
	if err != nil || stored == nil {
		return time.Time{} // it is not known, or not any more
	}
	return time.Unix(int64(binary.BigEndian.Uint64(stored)), 0).UTC()
}

func encodeKey(key identity.Key) ([]byte, error) {
	record, err := jsonv2.Marshal(keyRecord{
		Company: key.Company, User: key.User, Name: key.Name, SecretMAC: key.SecretMAC[:],
		CreatedAt: dataapi.StoredTime(key.CreatedAt), ExpiresAt: dataapi.StoredTime(key.ExpiresAt), RevokedAt: dataapi.StoredTime(key.RevokedAt),
		Successor: key.Successor,
	})
	if err != nil {
		return nil, fmt.Errorf("API key %q: %w", key.ID, err)
	}
	return record, nil
}

// decodeKey refuses a record that it does not understand in full: a key that is half read might be one that is not
// revoked any more.
func decodeKey(id string, encoded []byte) (identity.Key, error) {
	var record keyRecord
	if err := jsonv2.Unmarshal(encoded, &record, jsonv2.RejectUnknownMembers(true)); err != nil {
		return identity.Key{}, layout.Damaged(keyBucket, []byte(id), err.Error())
	}
	key := identity.Key{
		ID: id, Company: record.Company, User: record.User, Name: record.Name,
		CreatedAt: record.CreatedAt, ExpiresAt: record.ExpiresAt, RevokedAt: record.RevokedAt,
		Successor: record.Successor,
	}
	if len(record.SecretMAC) != sha256.Size || bytes.Equal(record.SecretMAC, key.SecretMAC[:]) {
		return identity.Key{}, layout.Damaged(keyBucket, []byte(id), "it holds no MAC of a secret")
	}
	copy(key.SecretMAC[:], record.SecretMAC)
	return key, nil
}
