package boltstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// tokenKeyBucket holds the keys that sign tokens: by ID, as JSON of tokenKeyRecord.
var tokenKeyBucket = layout.Bucket("token_keys", boltfile.Named("token key"))

var _ token.KeyStore = (*Store)(nil)

// tokenKeyRecord is how a key that signs tokens lies in the file.
type tokenKeyRecord struct {
	Algorithm    string    `json:"algorithm"`
	Private      []byte    `json:"private"`
	PublishedAt  time.Time `json:"published_at"`
	SignsFrom    time.Time `json:"signs_from"`
	SignsUntil   time.Time `json:"signs_until,omitzero"`
	LongestToken int64     `json:"longest_token_seconds,omitzero"`
}

// TokenKeys implements [token.KeyStore].
func (s *Store) TokenKeys(ctx context.Context) (records []token.KeyRecord, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.View(func(tx *bbolt.Tx) error {
		records, err = readTokenKeys(tx)
		return err
	})
	return records, err
}

// UpdateTokenKeys implements [token.KeyStore].
func (s *Store) UpdateTokenKeys(
	ctx context.Context, change func([]token.KeyRecord) ([]token.KeyRecord, error),
) (records []token.KeyRecord, err error) {
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		stored, err := readTokenKeys(tx)
		if err != nil {
			return boltfile.Refuse(err)
		}
		changed, err := change(stored)
		if err != nil {
			return boltfile.Refuse(err)
		}
		if err := putTokenKeys(tx, changed); err != nil {
			return err
		}
		records, err = readTokenKeys(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

func readTokenKeys(tx *bbolt.Tx) ([]token.KeyRecord, error) {
	var records []token.KeyRecord
	err := in(tx, tokenKeyBucket).Each(func(id, encoded []byte, damage error) error {
		if damage != nil {
			return damage
		}
		record, err := decodeTokenKey(string(id), encoded)
		records = append(records, record)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(records, func(a, b token.KeyRecord) int {
		return cmp.Or(a.SignsFrom.Compare(b.SignsFrom), strings.Compare(a.ID, b.ID))
	})
	return records, nil
}

func decodeTokenKey(id string, encoded []byte) (token.KeyRecord, error) {
	var record tokenKeyRecord
	if err := jsonv2.Unmarshal(encoded, &record, jsonv2.RejectUnknownMembers(true)); err != nil {
		return token.KeyRecord{}, layout.Damaged(tokenKeyBucket, []byte(id), err.Error())
	}
	return token.KeyRecord{
		ID: id, Algorithm: record.Algorithm, Private: record.Private, PublishedAt: record.PublishedAt,
		SignsFrom: record.SignsFrom, SignsUntil: record.SignsUntil, LongestToken: time.Duration(record.LongestToken) * time.Second,
	}, nil
}

// putTokenKeys lets records be all that is stored.
func putTokenKeys(tx *bbolt.Tx, records []token.KeyRecord) error {
	keys := in(tx, tokenKeyBucket)
	wanted := make(map[string][]byte, len(records))
	for _, record := range records {
		encoded, err := jsonv2.Marshal(tokenKeyRecord{
			Algorithm: record.Algorithm, Private: record.Private, PublishedAt: dataapi.StoredTime(record.PublishedAt),
			SignsFrom: dataapi.StoredTime(record.SignsFrom), SignsUntil: dataapi.StoredTime(record.SignsUntil),
			LongestToken: int64(record.LongestToken / time.Second),
		})
		if err != nil {
			return fmt.Errorf("token key %q: %w", record.ID, err)
		}
		wanted[record.ID] = encoded
	}
	var gone [][]byte
	err := keys.ForEach(func(id, _ []byte) error {
		if wanted[string(id)] == nil {
			gone = append(gone, slices.Clone(id))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range gone {
		if err := keys.Delete(id); err != nil {
			return err
		}
	}
	for id, encoded := range wanted {
		if err := keys.Put([]byte(id), encoded); err != nil {
			return err
		}
	}
	return nil
}

// formerSigningSecret is the name under which layouts before 3 stored the seed of the one Ed25519 key that signed tokens.
var formerSigningSecret = []byte("token-signing-ed25519")

// moveTokenKey makes the first key of the ring of the one key of former layouts, so that its tokens stay good. How long
// those may live, the configuration says that uses the store: see [token.KeyRing.Prepare].
func moveTokenKey(tx *bbolt.Tx) error {
	seed, err := in(tx, secretBucket).Get(formerSigningSecret)
	if seed == nil {
		return err
	}
	record, err := token.NewKeyRecord(token.EdDSA, slices.Clone(seed), time.Now())
	if err != nil {
		return fmt.Errorf("the key that signs tokens: %w", err)
	}
	if err := putTokenKeys(tx, []token.KeyRecord{record}); err != nil {
		return err
	}
	return in(tx, secretBucket).Delete(formerSigningSecret)
}
