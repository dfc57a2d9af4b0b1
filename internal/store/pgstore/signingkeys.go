package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// SigningKeys implements callback.Store.
func (s *Store) SigningKeys(
	ctx context.Context, company, user string, now time.Time, generate func() ([]byte, error),
) (keys []callback.SigningKey, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) (err error) {
		keys, err = s.readSigningKeys(ctx, q, company, user, now, "")
		return err
	})
	if err != nil || len(keys) > 0 {
		return keys, err
	}
	return s.changeSigningKeys(ctx, company, user, now, firstSigningKey(generate))
}

// firstSigningKey makes a key where there is none.
func firstSigningKey(generate func() ([]byte, error)) func([]callback.SigningKey) ([]callback.SigningKey, error) {
	return func(keys []callback.SigningKey) ([]callback.SigningKey, error) {
		if len(keys) > 0 {
			return keys, nil
		}
		made, err := generate()
		if err != nil {
			return nil, err
		}
		return callback.WithNewest(nil, callback.SigningKey{Key: made}, time.Time{})
	}
}

// ShowSigningKey implements callback.Store.
func (s *Store) ShowSigningKey(
	ctx context.Context, company, user string, now time.Time, generate func() ([]byte, error),
) (shown callback.SigningKey, err error) {
	keys, err := s.changeSigningKeys(ctx, company, user, now, func(keys []callback.SigningKey) ([]callback.SigningKey, error) {
		keys, err := firstSigningKey(generate)(keys)
		if err == nil && keys[0].Shown {
			err = callback.ErrShown
		}
		if err != nil {
			return nil, err
		}
		keys[0].Shown = true
		return keys, nil
	})
	if err != nil {
		return callback.SigningKey{}, err
	}
	return keys[0], nil
}

// AddSigningKey implements callback.Store.
func (s *Store) AddSigningKey(ctx context.Context, company, user string, key []byte, now, notAfter time.Time) error {
	_, err := s.changeSigningKeys(ctx, company, user, now, func(keys []callback.SigningKey) ([]callback.SigningKey, error) {
		return callback.WithNewest(keys, callback.SigningKey{Key: key, Shown: true}, notAfter)
	})
	return err
}

// changeSigningKeys keeps what change makes of the keys of a user that sign still.
func (s *Store) changeSigningKeys(
	ctx context.Context, company, user string, now time.Time, change func([]callback.SigningKey) ([]callback.SigningKey, error),
) (keys []callback.SigningKey, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		// A row that can be locked, also when there are no keys yet.
		_, err := tx.Exec(ctx, s.db.SQL(`INSERT INTO data_api.signing_keys (company, usr, keys) VALUES ($1, $2, '[]') ON CONFLICT DO NOTHING`),
			company, user)
		if err != nil {
			return err
		}
		stored, err := s.readSigningKeys(ctx, tx, company, user, now, ` FOR UPDATE`)
		if err != nil {
			return err
		}
		if keys, err = change(stored); err != nil {
			return pgdb.Refuse(err)
		}
		text, err := json.Marshal(keys)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, s.db.SQL(`UPDATE data_api.signing_keys SET keys = $3 WHERE company = $1 AND usr = $2`), company, user, string(text))
		return err
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

func (s *Store) readSigningKeys(
	ctx context.Context, q pgdb.Querier, company, user string, now time.Time, lock string,
) (keys []callback.SigningKey, err error) {
	var text string
	err = q.QueryRow(ctx, s.db.SQL(`SELECT keys FROM data_api.signing_keys WHERE company = $1 AND usr = $2`+lock), company, user).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &keys)
	}
	return slices.DeleteFunc(keys, func(key callback.SigningKey) bool {
		return !key.NotAfter.IsZero() && !key.NotAfter.After(now)
	}), err
}
