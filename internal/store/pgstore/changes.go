package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// The kinds of changes that servers hear of from each other.
const (
	changedKeys      = "api_keys"
	changedFamilies  = "token_families"
	changedTokenKeys = "token_keys"
)

// tell lets other servers hear of a change when its transaction is committed.
func (s *Store) tell(ctx context.Context, tx pgx.Tx, kind, key string) error {
	_, err := tx.Exec(ctx, s.sql(`INSERT INTO data_api.changes (kind, key) VALUES ($1, $2)`), kind, key)
	return err
}
