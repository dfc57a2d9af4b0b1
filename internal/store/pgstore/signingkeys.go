package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/callback"
)

// SigningKeys implements callback.Store.
func (s *Store) SigningKeys(
	ctx context.Context, company, user string, now time.Time, generate func() ([]byte, error),
) (keys []callback.SigningKey, err error) {
	err = s.read(ctx, func(ctx context.Context, q querier) (err error) {
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
		return prependSigningKey(nil, callback.SigningKey{Key: made})
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
		for i := range keys {
			if keys[i].NotAfter.IsZero() || keys[i].NotAfter.After(notAfter) {
				keys[i].NotAfter = notAfter.UTC()
			}
		}
		return prependSigningKey(keys, callback.SigningKey{Key: key, Shown: true})
	})
	return err
}

func prependSigningKey(keys []callback.SigningKey, key callback.SigningKey) ([]callback.SigningKey, error) {
	if len(key.Key) < 24 || len(key.Key) > 64 {
		return nil, errors.New("a signing key has from 24 to 64 bytes")
	}
	return append([]callback.SigningKey{key}, keys...), nil
}

// changeSigningKeys keeps what change makes of the keys of a user that sign still.
func (s *Store) changeSigningKeys(
	ctx context.Context, company, user string, now time.Time, change func([]callback.SigningKey) ([]callback.SigningKey, error),
) (keys []callback.SigningKey, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		// A row that can be locked, also when there are no keys yet.
		_, err := tx.Exec(ctx, s.sql(`INSERT INTO data_api.signing_keys (company, usr, keys) VALUES ($1, $2, '[]') ON CONFLICT DO NOTHING`),
			company, user)
		if err != nil {
			return err
		}
		kept, err := s.readSigningKeys(ctx, tx, company, user, now, ` FOR UPDATE`)
		if err != nil {
			return err
		}
		if keys, err = change(kept); err != nil {
			return refuse(err)
		}
		text, err := json.Marshal(keys)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, s.sql(`UPDATE data_api.signing_keys SET keys = $3 WHERE company = $1 AND usr = $2`), company, user, string(text))
		return err
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

func (s *Store) readSigningKeys(
	ctx context.Context, q querier, company, user string, now time.Time, lock string,
) (keys []callback.SigningKey, err error) {
	var text string
	err = q.QueryRow(ctx, s.sql(`SELECT keys FROM data_api.signing_keys WHERE company = $1 AND usr = $2`+lock), company, user).Scan(&text)
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
