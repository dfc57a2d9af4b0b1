package boltstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/transfer"
)

var _ transfer.Source = (*Store)(nil)

// State implements transfer.Source: every transaction that writes has a number of its own.
func (s *Store) State(context.Context) (state string, err error) {
	pepper, err := s.readSecret("api-secret-pepper") // no two stores have the same
	if err != nil {
		return "", err
	}
	err = s.View(func(tx *bbolt.Tx) error {
		state = fmt.Sprintf("bbolt transaction %d of store %x", tx.ID(), sha256.Sum256(pepper))
		return nil
	})
	return state, err
}

// moved is a bucket whose records are moved, and what a record becomes; nil: it is not moved.
type moved struct {
	bucket []byte
	record func(tx *bbolt.Tx, key, value []byte) (*transfer.Record, error)
}

var movedBuckets = map[transfer.Kind]moved{
	transfer.Secrets: {secretBucket, func(_ *bbolt.Tx, key, value []byte) (*transfer.Record, error) {
		return &transfer.Record{Key: key, Value: bytes.Clone(value)}, nil
	}},
	transfer.TokenKeys: {tokenKeyBucket, func(_ *bbolt.Tx, key, value []byte) (*transfer.Record, error) {
		stored, err := decodeTokenKey(string(key), value)
		return recordOf(key, stored, err)
	}},
	transfer.APIKeys: {keyBucket, func(tx *bbolt.Tx, key, value []byte) (*transfer.Record, error) {
		stored, err := decodeKey(string(key), value)
		if err != nil {
			return nil, err
		}
		stored.LastUsedAt = readUse(tx, stored.ID)
		record, err := transfer.OfKey(stored)
		return &record, err
	}},
	transfer.Families: {familyBucket, func(tx *bbolt.Tx, key, _ []byte) (*transfer.Record, error) {
		stored, err := readFamily(tx, string(key))
		return recordOf(key, stored, err)
	}},
	transfer.SigningKeys: {signingKeyBucket, func(_ *bbolt.Tx, key, value []byte) (*transfer.Record, error) {
		var stored []callback.SigningKey
		err := json.Unmarshal(value, &stored)
		return recordOf(key, stored, err)
	}},
	transfer.Jobs: {jobBucket, func(tx *bbolt.Tx, key, _ []byte) (*transfer.Record, error) {
		stored, err := readRecord(tx, job.ID(key))
		if err != nil {
			return nil, err
		}
		return recordOf(key, transfer.Settled(stored.Job), nil)
	}},
	transfer.Chunks: {chunkBucket, movedChunk},
	transfer.Deliveries: {deliveryBucket, func(tx *bbolt.Tx, key, _ []byte) (*transfer.Record, error) {
		stored, err := readDelivery(tx, job.ID(key))
		if err != nil {
			return nil, err
		}
		return recordOf(key, stored.Delivery, nil)
	}},
	transfer.Usage: {usageBucket, func(_ *bbolt.Tx, key, value []byte) (*transfer.Record, error) {
		counts, err := decodeCounts(key, value)
		return recordOf(key, counts, err)
	}},
	transfer.UsageSources: {usageSourceBucket, func(_ *bbolt.Tx, key, value []byte) (*transfer.Record, error) {
		if len(value) != 16 {
			return nil, nil
		}
		return recordOf(key, transfer.UsageSource{
			Number: binary.BigEndian.Uint64(value), At: int64(binary.BigEndian.Uint64(value[8:])),
		}, nil)
	}},
	transfer.Documents: {documentBucket, movedDocument(documentBucket)},
	transfer.Revisions: {revisionBucket, movedDocument(revisionBucket)},
	transfer.Links: {linkBucket, func(_ *bbolt.Tx, key, value []byte) (*transfer.Record, error) {
		stored, err := decodeLink(string(key), value)
		return recordOf(key, stored, err)
	}},
}

// movedDocument reads what a bucket keeps of documents.
func movedDocument(bucket []byte) func(tx *bbolt.Tx, key, value []byte) (*transfer.Record, error) {
	return func(_ *bbolt.Tx, key, value []byte) (*transfer.Record, error) {
		names := strings.SplitN(string(key), "\x00", 3)
		if len(names) < 2 {
			return nil, layout.Damaged(bucket, key, "it names no document")
		}
		stored, err := decodeDocument(bucket, key, documents.Kind(names[0]), names[1], value)
		if err != nil {
			return nil, err
		}
		record, err := transfer.OfDocument(key, stored)
		return &record, err
	}
}

func recordOf(key []byte, value any, err error) (*transfer.Record, error) {
	if err != nil {
		return nil, err
	}
	record, err := transfer.Of(key, value)
	return &record, err
}

// movedChunk leaves out what no completed job has.
func movedChunk(tx *bbolt.Tx, key, value []byte) (*transfer.Record, error) {
	id, attempt := splitResultKey(key[:len(key)-4])
	rec, err := readRecord(tx, id)
	n := key[len(key)-4:]
	switch {
	case errors.Is(err, job.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case rec.Status != job.Completed || rec.Attempt != attempt || int(binary.BigEndian.Uint32(n)) >= rec.Result.Chunks:
		return nil, nil
	}
	return &transfer.Record{Key: append(id[:], n...), Value: bytes.Clone(value)}, nil
}

// Records implements transfer.Reader. A damaged record is an error.
func (s *Store) Records(ctx context.Context, kind transfer.Kind, after []byte, limit int) (found []transfer.Record, err error) {
	what := movedBuckets[kind]
	err = s.View(func(tx *bbolt.Tx) error {
		found = nil
		bucket := in(tx, what.bucket)
		cursor := bucket.Cursor()
		key, sealed := cursor.Seek(seekAfter(tx, kind, after))
		for ; key != nil && len(found) < limit && ctx.Err() == nil; key, sealed = cursor.Next() {
			value, err := bucket.Open(key, sealed)
			if err != nil {
				return fmt.Errorf("%w: `caddy data-api store check` says what is damaged", err)
			}
			record, err := what.record(tx, bytes.Clone(key), value)
			if err != nil {
				return err
			}
			if record != nil {
				found = append(found, *record)
			}
		}
		return ctx.Err()
	})
	return found, err
}

// seekAfter is where the records begin that come after one.
func seekAfter(tx *bbolt.Tx, kind transfer.Kind, after []byte) []byte {
	if kind == transfer.Chunks && after != nil {
		id := job.ID(after)
		if rec, err := readRecord(tx, id); err == nil { // between ID and index the bucket has the attempt
			after = chunkKey(id, rec.Attempt, int(binary.BigEndian.Uint32(after[len(id):])))
		}
	}
	if after == nil {
		return nil
	}
	return append(bytes.Clone(after), 0)
}
