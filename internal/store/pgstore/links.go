package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

var _ link.Store = (*Store)(nil)

// linkColumns are the columns of a link, in the order of linkArguments.
const linkColumns = `id, company, namespace, slug, expires_at, uses, used, made`

func linkArguments(l link.Link) ([]any, error) {
	l.CreatedAt, l.ExpiresAt = dataapi.StoredTime(l.CreatedAt), dataapi.StoredTime(l.ExpiresAt)
	used := l.Used
	l.Used = 0
	made, err := json.Marshal(l)
	return []any{l.ID, l.Company, l.Namespace, l.Slug, l.ExpiresAt, l.Uses, used, string(made)}, err
}

// scanLink reads the columns used and made.
func scanLink(row pgx.Row) (l link.Link, err error) {
	var used int
	var made string
	if err := row.Scan(&used, &made); err != nil {
		return link.Link{}, err
	}
	if err := json.Unmarshal([]byte(made), &l); err != nil {
		return link.Link{}, err
	}
	l.Used = used
	return l, nil
}

const insertLink = `INSERT INTO data_api.links (` + linkColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

// CreateLink implements [link.Store]. Those who make links of a company at once are let in one after the other: otherwise all would see room for
// one more.
func (s *Store) CreateLink(ctx context.Context, made link.Link, most int) error {
	arguments, err := linkArguments(made)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, s.db.LockKey(" links "+made.Company)); err != nil {
			return err
		}
		var count int
		if err := tx.QueryRow(ctx, s.db.SQL(`SELECT count(*) FROM data_api.links WHERE company = $1`), made.Company).Scan(&count); err != nil {
			return err
		}
		if count >= most {
			return pgdb.Refuse(fmt.Errorf("%w: %d", link.ErrTooMany, count))
		}
		_, err := tx.Exec(ctx, s.db.SQL(insertLink), arguments...)
		return err
	})
}

// FindLink implements [link.Store].
func (s *Store) FindLink(ctx context.Context, id string) (found link.Link, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		found, err = scanLink(q.QueryRow(ctx, s.db.SQL(`SELECT used, made FROM data_api.links WHERE id = $1`), id))
		return noLink(err, id)
	})
	if err != nil {
		return link.Link{}, err
	}
	return found, nil
}

func noLink(err error, id string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return pgdb.Refuse(fmt.Errorf("%w: %q", link.ErrNotFound, id))
	}
	return err
}

// UseLink implements [link.Store].
func (s *Store) UseLink(ctx context.Context, id string) (used link.Link, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		used, err = scanLink(tx.QueryRow(ctx, s.db.SQL(`UPDATE data_api.links SET used = used + 1 WHERE id = $1 AND (uses = 0 OR used < uses)
			RETURNING used, made`), id))
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if _, err := scanLink(tx.QueryRow(ctx, s.db.SQL(`SELECT used, made FROM data_api.links WHERE id = $1`), id)); err != nil {
			return noLink(err, id)
		}
		return pgdb.Refuse(link.ErrSpent)
	})
	if err != nil {
		return link.Link{}, err
	}
	return used, nil
}

// ListLinks implements [link.Store].
func (s *Store) ListLinks(ctx context.Context, company, namespace, slug, before string, limit int) (found []link.Link, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, s.db.SQL(`SELECT used, made FROM data_api.links WHERE company = $1 AND namespace = $2 AND slug = $3
			AND ($4 = '' OR id < $4) ORDER BY id DESC LIMIT $5`), company, namespace, slug, before, limit)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (link.Link, error) { return scanLink(row) })
		return err
	})
	return found, err
}

// RemoveLink implements [link.Store].
func (s *Store) RemoveLink(ctx context.Context, id string) error {
	removed, err := s.db.Change(ctx, `DELETE FROM data_api.links WHERE id = $1`, id)
	if err == nil && removed == 0 {
		err = fmt.Errorf("%w: %q", link.ErrNotFound, id)
	}
	return err
}

// PruneLinks implements [link.Store].
func (s *Store) PruneLinks(ctx context.Context, before time.Time, limit int) (more bool, err error) {
	removed, err := s.db.Change(ctx, `
		WITH over AS (
			SELECT id FROM data_api.links WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
		)
		DELETE FROM data_api.links l USING over WHERE l.id = over.id`, before, limit)
	return removed == limit, err
}
