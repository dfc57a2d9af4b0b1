package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
	"github.com/solucao42/caddy-data-api/internal/token"
)

var _ token.KeyStore = (*Store)(nil)

// TokenKeys implements [token.KeyStore].
func (s *Store) TokenKeys(ctx context.Context) (records []token.KeyRecord, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		records, err = s.readTokenKeys(ctx, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

func (s *Store) readTokenKeys(ctx context.Context, q pgdb.Querier) ([]token.KeyRecord, error) {
	rows, err := q.Query(ctx, s.db.SQL(`SELECT `+tokenKeyColumns+` FROM data_api.token_keys ORDER BY signs_from, id`))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanTokenKey)
}

// tokenKeyColumns are the columns of a key, in the order of scanTokenKey and tokenKeyArguments.
const tokenKeyColumns = `id, algorithm, private, published_at, signs_from, signs_until, longest_token`

func scanTokenKey(row pgx.CollectableRow) (r token.KeyRecord, err error) {
	var until *time.Time
	var longest int64
	err = row.Scan(&r.ID, &r.Algorithm, &r.Private, &r.PublishedAt, &r.SignsFrom, &until, &longest)
	r.PublishedAt, r.SignsFrom, r.SignsUntil = r.PublishedAt.UTC(), r.SignsFrom.UTC(), timeOf(until)
	r.LongestToken = time.Duration(longest) * time.Second
	return r, err
}

func tokenKeyArguments(r token.KeyRecord) []any {
	return []any{
		r.ID, r.Algorithm, r.Private, dataapi.StoredTime(r.PublishedAt), dataapi.StoredTime(r.SignsFrom), optional(r.SignsUntil),
		int64(r.LongestToken / time.Second),
	}
}

// UpdateTokenKeys implements [token.KeyStore]. One server at a time changes the keys, which is seldom.
func (s *Store) UpdateTokenKeys(
	ctx context.Context, change func([]token.KeyRecord) ([]token.KeyRecord, error),
) (records []token.KeyRecord, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, s.db.SQL(`LOCK TABLE data_api.token_keys IN SHARE ROW EXCLUSIVE MODE`)); err != nil {
			return err
		}
		stored, err := s.readTokenKeys(ctx, tx)
		if err != nil {
			return err
		}
		changed, err := change(stored)
		if err != nil {
			return pgdb.Refuse(err)
		}
		if err := s.putTokenKeys(ctx, tx, changed); err != nil {
			return err
		}
		if err := s.signals.Tell(ctx, tx, store.TokenKeys, ""); err != nil {
			return err
		}
		records, err = s.readTokenKeys(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// putTokenKeys lets records be all that is stored.
func (s *Store) putTokenKeys(ctx context.Context, tx pgx.Tx, records []token.KeyRecord) error {
	ids := make([]string, 0, len(records))
	for _, r := range records {
		ids = append(ids, r.ID)
		_, err := tx.Exec(ctx, s.db.SQL(`INSERT INTO data_api.token_keys (`+tokenKeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET algorithm = excluded.algorithm, private = excluded.private,
				published_at = excluded.published_at, signs_from = excluded.signs_from, signs_until = excluded.signs_until,
				longest_token = excluded.longest_token`), tokenKeyArguments(r)...)
		if err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, s.db.SQL(`DELETE FROM data_api.token_keys WHERE id <> ALL ($1)`), ids)
	return err
}
