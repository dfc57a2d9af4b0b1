package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Secret returns the secret of this name, which generate makes when there is none yet. Whoever calls first decides: all
// callers on all servers get the same bytes, and they are on disk before Secret returns. An error of generate is returned
// unchanged and nothing is kept; an empty secret is an error.
func (s *Store) Secret(name string, generate func() ([]byte, error)) (secret []byte, err error) {
	ctx := context.Background()
	find := func(ctx context.Context, q querier) error {
		err := q.QueryRow(ctx, s.sql(`SELECT value FROM data_api.secrets WHERE name = $1`), name).Scan(&secret)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	}
	if err := s.read(ctx, find); err != nil || secret != nil {
		return secret, err
	}
	made, err := generate()
	if err != nil {
		return nil, err
	}
	if len(made) == 0 {
		return nil, fmt.Errorf("the secret %q must not be empty", name)
	}
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		secret = nil
		_, err := tx.Exec(ctx, s.sql(`INSERT INTO data_api.secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`), name, made)
		return errors.Join(err, find(ctx, tx))
	})
	if err != nil {
		return nil, err
	}
	return secret, nil
}
