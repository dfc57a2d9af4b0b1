package boltstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/store/transfer"
)

var (
	// documentBucket holds the present revision of each document: by kind, a zero byte and key, as encodeDocument writes it.
	documentBucket = layout.Bucket("documents", describeDocument)
	// revisionBucket holds the revisions that are stored, the present one included where others are: by the document's key, a zero byte
	// and the revision, big-endian.
	revisionBucket = layout.Bucket("document_revisions", describeDocument)
)

var _ documents.Store = (*Store)(nil)

func describeDocument(key []byte) string {
	parts := strings.SplitN(string(key), "\x00", 3)
	if len(parts) < 2 {
		return fmt.Sprintf("document %x", key)
	}
	text := parts[0] + " " + parts[1]
	if len(parts) == 3 && len(parts[2]) == 8 {
		text += fmt.Sprintf(", revision %d", binary.BigEndian.Uint64([]byte(parts[2])))
	}
	return text
}

func documentKey(kind documents.Kind, key string) []byte { return transfer.DocumentKey(kind, key) }

func revisionKey(name []byte, revision int64) []byte {
	return binary.BigEndian.AppendUint64(append(bytes.Clone(name), 0), uint64(revision))
}

// documentRecord is what is stored of a document beside its value, which follows it as it is.
type documentRecord struct {
	Revision int64     `json:"revision"`
	Deleted  bool      `json:"deleted,omitzero"`
	Author   string    `json:"author,omitzero"`
	Action   string    `json:"action,omitzero"`
	Note     string    `json:"note,omitzero"`
	At       time.Time `json:"at"`
}

func encodeDocument(d documents.Document) ([]byte, error) {
	head, err := jsonv2.Marshal(documentRecord{d.Revision, d.Deleted, d.Author, d.Action, d.Note, d.At})
	if err != nil {
		return nil, err
	}
	record := binary.AppendUvarint(nil, uint64(len(head)))
	return append(append(record, head...), d.Value...), nil
}

// decodeDocument copies what it returns. It fails with what is damaged.
func decodeDocument(bucket, at []byte, kind documents.Kind, key string, stored []byte) (documents.Document, error) {
	length, size := binary.Uvarint(stored)
	if size <= 0 || length > uint64(len(stored)-size) {
		return documents.Document{}, layout.Damaged(bucket, at, "its head is cut short")
	}
	end := size + int(length)
	var head documentRecord
	if err := jsonv2.Unmarshal(stored[size:end], &head, jsonv2.RejectUnknownMembers(true)); err != nil {
		return documents.Document{}, layout.Damaged(bucket, at, err.Error())
	}
	return documents.Document{
		Kind: kind, Key: key, Revision: head.Revision, Deleted: head.Deleted, Value: bytes.Clone(stored[end:]),
		Stamp: documents.Stamp{Author: head.Author, Action: head.Action, Note: head.Note, At: head.At},
	}, nil
}

// readDocument returns what is stored under a key of a bucket; Revision 0: nothing is.
func readDocument(tx *bbolt.Tx, bucket, at []byte, kind documents.Kind, key string) (documents.Document, error) {
	stored, err := in(tx, bucket).Get(at)
	if stored == nil {
		return documents.Document{Kind: kind, Key: key}, err
	}
	return decodeDocument(bucket, at, kind, key, stored)
}

// PutDocument implements [documents.Store].
func (s *Store) PutDocument(ctx context.Context, w documents.Write) (written documents.Document, err error) {
	if err := w.Check(); err != nil {
		return documents.Document{}, err
	}
	name := documentKey(w.Kind, w.Key)
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		current, err := readDocument(tx, documentBucket, name, w.Kind, w.Key)
		if err != nil {
			return boltfile.Refuse(err)
		}
		if written, err = w.Next(current); err != nil {
			return boltfile.Refuse(err)
		}
		record, err := encodeDocument(written)
		if err != nil {
			return boltfile.Refuse(err)
		}
		if w.Keep > 1 {
			if err := in(tx, revisionBucket).Put(revisionKey(name, written.Revision), record); err != nil {
				return err
			}
		}
		if err := forgetRevisions(tx, name, written.Revision-int64(max(w.Keep, 1))); err != nil {
			return err
		}
		return in(tx, documentBucket).Put(name, record)
	})
	if err != nil {
		return documents.Document{}, err
	}
	return written, nil
}

// forgetRevisions removes the revisions of a document up to one of them.
func forgetRevisions(tx *bbolt.Tx, name []byte, last int64) error {
	from, to := revisionKey(name, 0), revisionKey(name, max(last, 0))
	records := in(tx, revisionBucket)
	var old [][]byte
	cursor := records.Cursor()
	for key, _ := cursor.Seek(from); key != nil && bytes.Compare(key, to) <= 0; key, _ = cursor.Next() {
		old = append(old, bytes.Clone(key))
	}
	for _, key := range old {
		if err := records.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// GetDocument implements [documents.Store].
func (s *Store) GetDocument(ctx context.Context, kind documents.Kind, key string) (found documents.Document, err error) {
	if err := ctx.Err(); err != nil {
		return documents.Document{}, err
	}
	err = s.View(func(tx *bbolt.Tx) (err error) {
		found, err = readDocument(tx, documentBucket, documentKey(kind, key), kind, key)
		return err
	})
	if err == nil && (found.Revision == 0 || found.Deleted) {
		err = documents.ErrNotFound
	}
	if err != nil {
		return documents.Document{}, err
	}
	return found, nil
}

// documentBatch is how many records one transaction looks at.
const documentBatch = 200

// ListDocuments implements [documents.Store]. A record that is damaged is told of, and left out.
func (s *Store) ListDocuments(
	ctx context.Context, kind documents.Kind, prefix, after string, limit int,
) (found []documents.Document, err error) {
	found = []documents.Document{}
	from := documentKey(kind, max(prefix, after))
	for from != nil && len(found) < limit {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := s.View(func(tx *bbolt.Tx) error {
			from, err = s.listDocuments(tx, kind, prefix, after, from, limit, &found)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// listDocuments reads on from a key, and returns from where it goes on; nil: it does not.
func (s *Store) listDocuments(
	tx *bbolt.Tx, kind documents.Kind, prefix, after string, from []byte, limit int, found *[]documents.Document,
) ([]byte, error) {
	beginning := documentKey(kind, prefix)
	records := in(tx, documentBucket)
	cursor := records.Cursor()
	at, sealed := cursor.Seek(from)
	for range documentBatch {
		if at == nil || !bytes.HasPrefix(at, beginning) || len(*found) == limit {
			return nil, nil
		}
		key := string(at[len(kind)+1:])
		if key > after {
			stored, err := records.Open(at, sealed)
			var one documents.Document
			if err == nil {
				one, err = decodeDocument(documentBucket, at, kind, key, stored)
			}
			switch {
			case errors.Is(err, ErrDamaged):
				s.ReportDamage(err)
			case err != nil:
				return nil, err
			case !one.Deleted:
				*found = append(*found, one)
			}
		}
		at, sealed = cursor.Next()
	}
	return bytes.Clone(at), nil
}

// DocumentRevisions implements [documents.Store].
func (s *Store) DocumentRevisions(
	ctx context.Context, kind documents.Kind, key string, before int64, limit int,
) ([]documents.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := []documents.Document{}
	name := documentKey(kind, key)
	err := s.View(func(tx *bbolt.Tx) error {
		found = found[:0]
		records := in(tx, revisionBucket)
		cursor := records.Cursor()
		end := revisionKey(name, 1<<63-1)
		if before > 0 {
			end = revisionKey(name, before)
		}
		first := revisionKey(name, 0)
		at, sealed := cursor.Seek(end)
		if at == nil {
			at, sealed = cursor.Last()
		}
		for ; at != nil && bytes.Compare(at, first) >= 0 && len(found) < limit; at, sealed = cursor.Prev() {
			if bytes.Compare(at, end) >= 0 {
				continue
			}
			one, err := revisionOf(records, at, sealed, kind, key)
			if errors.Is(err, ErrDamaged) {
				s.ReportDamage(err)
				continue
			}
			if err != nil {
				return err
			}
			one.Digest, one.Value = sha256.Sum256(one.Value), nil
			found = append(found, one)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func revisionOf(records boltfile.Records, at, sealed []byte, kind documents.Kind, key string) (documents.Document, error) {
	stored, err := records.Open(at, sealed)
	if err != nil {
		return documents.Document{}, err
	}
	return decodeDocument(revisionBucket, at, kind, key, stored)
}

// DocumentRevision implements [documents.Store].
func (s *Store) DocumentRevision(
	ctx context.Context, kind documents.Kind, key string, revision int64,
) (found documents.Document, err error) {
	if err := ctx.Err(); err != nil {
		return documents.Document{}, err
	}
	name := documentKey(kind, key)
	err = s.View(func(tx *bbolt.Tx) (err error) {
		if found, err = readDocument(tx, revisionBucket, revisionKey(name, revision), kind, key); err != nil || found.Revision != 0 {
			return err
		}
		found, err = readDocument(tx, documentBucket, name, kind, key) // of a kind that keeps no other
		return err
	})
	if err == nil && (found.Revision != revision || revision <= 0) {
		err = documents.ErrNotFound
	}
	if err != nil {
		return documents.Document{}, err
	}
	return found, nil
}

// deletedBefore reports whether a document was deleted before a time. One that cannot be read was not.
func deletedBefore(at, stored []byte, before time.Time) bool {
	one, err := decodeDocument(documentBucket, at, "", "", stored)
	return err == nil && one.Deleted && one.At.Before(before)
}

// SweepDocuments implements [documents.Store].
func (s *Store) SweepDocuments(ctx context.Context, before time.Time, limit int) (more bool, err error) {
	before = dataapi.StoredTime(before)
	var old [][]byte // looking first spares a commit when there is nothing to do
	err = s.View(func(tx *bbolt.Tx) error {
		old = old[:0]
		return in(tx, documentBucket).Each(func(at, stored []byte, damage error) error {
			if damage == nil && len(old) < limit && deletedBefore(at, stored, before) {
				old = append(old, bytes.Clone(at))
			}
			return nil // what is damaged stays, for a check to find
		})
	})
	if err != nil || len(old) == 0 {
		return false, err
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		for _, at := range old {
			one, err := readDocument(tx, documentBucket, at, "", "")
			if err != nil || !one.Deleted || !one.At.Before(before) {
				continue // it was made again meanwhile
			}
			if err := forgetRevisions(tx, at, one.Revision); err != nil {
				return err
			}
			if err := in(tx, documentBucket).Delete(at); err != nil {
				return err
			}
		}
		return nil
	})
	return len(old) == limit, err
}
