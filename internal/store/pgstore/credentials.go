package pgstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

var _ identity.KeyStore = (*Store)(nil)

// keyColumns are the columns of a key, in the order of scanKey.
const keyColumns = `id, company, usr, name, secret_mac, created_at, expires_at, revoked_at, successor, last_used_at`

const insertKey = `INSERT INTO data_api.api_keys (` + keyColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`

func keyArguments(key identity.Key) []any {
	return []any{
		key.ID, key.Company, key.User, key.Name, key.SecretMAC[:], dataapi.StoredTime(key.CreatedAt), optional(key.ExpiresAt),
		optional(key.RevokedAt), key.Successor, optional(key.LastUsedAt),
	}
}

func scanKey(row pgx.Row) (key identity.Key, err error) {
	var mac []byte
	var expires, revoked, used *time.Time
	err = row.Scan(&key.ID, &key.Company, &key.User, &key.Name, &mac, &key.CreatedAt, &expires, &revoked, &key.Successor, &used)
	if err != nil {
		return identity.Key{}, err
	}
	if len(mac) != sha256.Size {
		return identity.Key{}, fmt.Errorf("the API key %s holds no MAC of a secret", key.ID)
	}
	copy(key.SecretMAC[:], mac)
	key.CreatedAt, key.ExpiresAt = key.CreatedAt.UTC(), timeOf(expires)
	key.RevokedAt, key.LastUsedAt = timeOf(revoked), timeOf(used)
	return key, nil
}

// CreateKey implements [identity.KeyStore].
func (s *Store) CreateKey(ctx context.Context, key identity.Key) error {
	return s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error { return s.createKey(ctx, tx, key) })
}

func (s *Store) createKey(ctx context.Context, tx pgx.Tx, key identity.Key) error {
	made, err := tx.Exec(ctx, s.db.SQL(insertKey), keyArguments(key)...)
	if err != nil {
		return err
	}
	if made.RowsAffected() == 0 {
		return pgdb.Refuse(fmt.Errorf("%w: %s", identity.ErrKeyExists, key.ID))
	}
	return s.signals.Tell(ctx, tx, store.APIKeys, key.ID)
}

// ListKeys implements [identity.KeyStore].
func (s *Store) ListKeys(ctx context.Context, company string) (keys []identity.Key, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, s.db.SQL(`SELECT `+keyColumns+` FROM data_api.api_keys WHERE $1 IN ('', company) ORDER BY created_at, id`), company)
		if err != nil {
			return err
		}
		keys, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (identity.Key, error) { return scanKey(row) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return append([]identity.Key{}, keys...), nil
}

// RevokeKey implements [identity.KeyStore].
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) (key identity.Key, err error) {
	err = s.changeKey(ctx, id, func(ctx context.Context, tx pgx.Tx, stored identity.Key) (err error) {
		if key = stored; !key.RevokedAt.IsZero() {
			_, err := tx.Exec(ctx, pgdb.Confirmed)
			return err
		}
		key.RevokedAt = dataapi.StoredTime(at)
		_, err = tx.Exec(ctx, s.db.SQL(`UPDATE data_api.api_keys SET revoked_at = $2 WHERE id = $1`), id, key.RevokedAt)
		return errors.Join(err, s.signals.Tell(ctx, tx, store.APIKeys, id))
	})
	if err != nil {
		return identity.Key{}, err
	}
	return key, nil
}

// ReplaceKey implements [identity.KeyStore].
func (s *Store) ReplaceKey(
	ctx context.Context, id string, expires time.Time, successor identity.Key,
) (old identity.Key, err error) {
	err = s.changeKey(ctx, id, func(ctx context.Context, tx pgx.Tx, stored identity.Key) error {
		old = stored
		if old.ExpiresAt.IsZero() || old.ExpiresAt.After(expires) {
			old.ExpiresAt = dataapi.StoredTime(expires)
		}
		old.Successor = successor.ID
		if err := s.createKey(ctx, tx, successor); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, s.db.SQL(`UPDATE data_api.api_keys SET expires_at = $2, successor = $3 WHERE id = $1`),
			id, old.ExpiresAt, old.Successor)
		return err
	})
	if err != nil {
		return identity.Key{}, err
	}
	return old, nil
}

// changeKey runs change in a transaction that holds the key.
func (s *Store) changeKey(
	ctx context.Context, id string, change func(ctx context.Context, tx pgx.Tx, stored identity.Key) error,
) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !isText(id) {
		return fmt.Errorf("%w: %q", identity.ErrKeyNotFound, id)
	}
	return s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		stored, err := scanKey(tx.QueryRow(ctx, s.db.SQL(`SELECT `+keyColumns+` FROM data_api.api_keys WHERE id = $1 FOR UPDATE`), id))
		if errors.Is(err, pgx.ErrNoRows) {
			return pgdb.Refuse(fmt.Errorf("%w: %q", identity.ErrKeyNotFound, id))
		}
		if err != nil {
			return err
		}
		return change(ctx, tx, stored)
	})
}

// TouchKeys implements [identity.KeyStore]. It locks the keys in one order, since other servers do the same.
func (s *Store) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	var ids []string
	var times []time.Time
	for id, at := range used {
		if isText(id) {
			ids, times = append(ids, id), append(times, dataapi.StoredTime(at))
		}
	}
	_, err := s.db.Change(ctx, `
		WITH used AS (SELECT * FROM unnest($1::text[], $2::timestamptz[]) AS u(id, at)),
		held AS (
			SELECT k.id, used.at FROM data_api.api_keys k JOIN used ON used.id = k.id
			WHERE k.last_used_at IS NULL OR k.last_used_at < used.at ORDER BY k.id FOR UPDATE OF k
		)
		UPDATE data_api.api_keys k SET last_used_at = greatest(k.last_used_at, held.at) FROM held WHERE k.id = held.id`,
		ids, times)
	return err
}

// isText reports whether PostgreSQL can hold a text: one that it cannot is the name of nothing that is stored.
func isText(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

// optional is a time as it is stored that may be none.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(dataapi.StoredTime(t))
}

// timeOf reads what optional has written.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// Secret returns the secret of this name, which generate makes when there is none yet. The first to call decides: all
// callers on all servers get the same bytes, and they are on disk before Secret returns. An error of generate is returned
// unchanged and nothing is stored; an empty secret is an error.
func (s *Store) Secret(name string, generate func() ([]byte, error)) (secret []byte, err error) {
	ctx := context.Background()
	find := func(ctx context.Context, q pgdb.Querier) error {
		err := q.QueryRow(ctx, s.db.SQL(`SELECT value FROM data_api.secrets WHERE name = $1`), name).Scan(&secret)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	}
	if err := s.db.Read(ctx, find); err != nil || secret != nil {
		return secret, err
	}
	made, err := generate()
	if err != nil {
		return nil, err
	}
	if len(made) == 0 {
		return nil, fmt.Errorf("the secret %q must not be empty", name)
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		secret = nil
		_, err := tx.Exec(ctx, s.db.SQL(`INSERT INTO data_api.secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`), name, made)
		return errors.Join(err, find(ctx, tx))
	})
	if err != nil {
		return nil, err
	}
	return secret, nil
}
