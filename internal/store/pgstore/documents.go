package pgstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

var _ documents.Store = (*Store)(nil)

// documentColumns are the columns of a document and of a revision, in the order of scanDocument.
const documentColumns = `kind, key, revision, value, deleted, author, action, note, at`

func documentArguments(d documents.Document) []any {
	return []any{string(d.Kind), d.Key, d.Revision, append([]byte{}, d.Value...), d.Deleted, d.Author, d.Action, d.Note, dataapi.StoredTime(d.At)}
}

func scanDocument(row pgx.Row) (d documents.Document, err error) {
	var kind string
	err = row.Scan(&kind, &d.Key, &d.Revision, &d.Value, &d.Deleted, &d.Author, &d.Action, &d.Note, &d.At)
	d.Kind, d.At = documents.Kind(kind), d.At.UTC()
	if d.Deleted {
		d.Value = nil
	}
	return d, err
}

// PutDocument implements [documents.Store]. A change of a document holds its row, which is made first where there is none: of
// two who make it, the second one finds the first one's.
func (s *Store) PutDocument(ctx context.Context, w documents.Write) (written documents.Document, err error) {
	if err := w.Check(); err != nil {
		return documents.Document{}, err
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, s.db.SQL(`INSERT INTO data_api.documents (`+documentColumns+`)
			VALUES ($1, $2, 0, '', true, '', '', '', statement_timestamp()) ON CONFLICT DO NOTHING`), string(w.Kind), w.Key)
		if err != nil {
			return err
		}
		current, err := scanDocument(tx.QueryRow(ctx, s.db.SQL(`SELECT `+documentColumns+` FROM data_api.documents
			WHERE kind = $1 AND key = $2 FOR UPDATE`), string(w.Kind), w.Key))
		if err != nil {
			return err
		}
		if written, err = w.Next(current); err != nil {
			return pgdb.Refuse(err)
		}
		return s.putDocument(ctx, tx, written, w.Keep)
	})
	if err != nil {
		return documents.Document{}, err
	}
	return written, nil
}

func (s *Store) putDocument(ctx context.Context, tx pgx.Tx, d documents.Document, keep int) error {
	_, err := tx.Exec(ctx, s.db.SQL(`UPDATE data_api.documents SET revision = $3, value = $4, deleted = $5, author = $6, action = $7,
		note = $8, at = $9 WHERE kind = $1 AND key = $2`), documentArguments(d)...)
	if err != nil {
		return err
	}
	if keep > 1 {
		_, err := tx.Exec(ctx, s.db.SQL(`INSERT INTO data_api.document_revisions (`+documentColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`), documentArguments(d)...)
		if err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, s.db.SQL(`DELETE FROM data_api.document_revisions WHERE kind = $1 AND key = $2 AND revision <= $3`),
		string(d.Kind), d.Key, d.Revision-int64(max(keep, 1)))
	return errors.Join(err, s.signals.Tell(ctx, tx, store.Documents, store.DocumentName(d.Kind, d.Key)))
}

// GetDocument implements [documents.Store].
func (s *Store) GetDocument(ctx context.Context, kind documents.Kind, key string) (documents.Document, error) {
	return s.oneDocument(ctx, `SELECT `+documentColumns+` FROM data_api.documents WHERE kind = $1 AND key = $2 AND NOT deleted`, kind, key)
}

func (s *Store) oneDocument(
	ctx context.Context, statement string, kind documents.Kind, key string, more ...any,
) (found documents.Document, err error) {
	if !isText(string(kind)) || !isText(key) {
		return documents.Document{}, documents.ErrNotFound
	}
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) (err error) {
		found, err = scanDocument(q.QueryRow(ctx, s.db.SQL(statement), append([]any{string(kind), key}, more...)...))
		if errors.Is(err, pgx.ErrNoRows) {
			return pgdb.Refuse(documents.ErrNotFound)
		}
		return err
	})
	if err != nil {
		return documents.Document{}, err
	}
	return found, nil
}

// ListDocuments implements [documents.Store].
func (s *Store) ListDocuments(
	ctx context.Context, kind documents.Kind, prefix, after string, limit int,
) ([]documents.Document, error) {
	return s.manyDocuments(ctx, `SELECT `+documentColumns+` FROM data_api.documents
		WHERE kind = $1 AND key > $3 AND key >= $2 AND starts_with(key, $2) AND NOT deleted ORDER BY key LIMIT $4`,
		kind, prefix, after, limit)
}

func (s *Store) manyDocuments(
	ctx context.Context, statement string, kind documents.Kind, text string, more ...any,
) (found []documents.Document, err error) {
	found = []documents.Document{}
	if !isText(string(kind)) || !isText(text) {
		return found, ctx.Err()
	}
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, s.db.SQL(statement), append([]any{pgdb.PlanAnew, string(kind), text}, more...)...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (documents.Document, error) { return scanDocument(row) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// DocumentRevisions implements [documents.Store].
func (s *Store) DocumentRevisions(
	ctx context.Context, kind documents.Kind, key string, before int64, limit int,
) ([]documents.Document, error) {
	found, err := s.manyDocuments(ctx, `SELECT kind, key, revision,
			sha256(value) || CASE WHEN deleted THEN '\x01'::bytea ELSE '\x00'::bytea END, false, author, action, note, at
			FROM data_api.document_revisions
		WHERE kind = $1 AND key = $2 AND ($3 <= 0 OR revision < $3) ORDER BY revision DESC LIMIT $4`, kind, key, before, limit)
	for i := range found {
		one := &found[i]
		if len(one.Value) != sha256.Size+1 {
			return nil, fmt.Errorf("revision %d of %s %s has no digest", one.Revision, kind, key)
		}
		one.Digest, one.Deleted, one.Value = [sha256.Size]byte(one.Value), one.Value[sha256.Size] == 1, nil
	}
	return found, err
}

// DocumentRevision implements [documents.Store].
func (s *Store) DocumentRevision(ctx context.Context, kind documents.Kind, key string, revision int64) (documents.Document, error) {
	return s.oneDocument(ctx, `SELECT `+documentColumns+` FROM data_api.document_revisions WHERE kind = $1 AND key = $2 AND revision = $3
		UNION ALL SELECT `+documentColumns+` FROM data_api.documents WHERE kind = $1 AND key = $2 AND revision = $3 AND revision > 0 LIMIT 1`,
		kind, key, revision)
}

// SweepDocuments implements [documents.Store].
func (s *Store) SweepDocuments(ctx context.Context, before time.Time, limit int) (more bool, err error) {
	removed, err := s.db.Change(ctx, `WITH old AS (
			DELETE FROM data_api.documents WHERE (kind, key) IN (
				SELECT kind, key FROM data_api.documents WHERE deleted AND at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)
			RETURNING kind, key
		), revisions AS (
			DELETE FROM data_api.document_revisions r USING old WHERE r.kind = old.kind AND r.key = old.key
		) SELECT FROM old`, dataapi.StoredTime(before), limit)
	return removed == limit, err
}
