package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
	"github.com/solucao42/caddy-data-api/internal/token"
)

var _ token.FamilyStore = (*Store)(nil)

// familyColumns are the columns of a family, in the order of scanFamily; keep_until follows from them.
const familyColumns = `id, company, usr, key_id, access_id, refresh_id, issued_at, previous, rotated_at, created_at,
	revoked_at, expires_at, access_until`

const insertFamily = `INSERT INTO data_api.token_families (` + familyColumns + `, keep_until)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`

func familyArguments(f token.Family) []any {
	f.RevokedAt, f.ExpiresAt, f.AccessUntil = timeOf(optional(f.RevokedAt)), dataapi.StoredTime(f.ExpiresAt), dataapi.StoredTime(f.AccessUntil)
	return []any{
		f.ID, f.Company, f.User, f.KeyID, f.Current.AccessID, f.Current.RefreshID, dataapi.StoredTime(f.Current.IssuedAt), f.Previous,
		dataapi.StoredTime(f.RotatedAt), dataapi.StoredTime(f.CreatedAt), optional(f.RevokedAt), f.ExpiresAt, f.AccessUntil, f.KeepUntil(),
	}
}

func scanFamily(row pgx.Row) (f token.Family, err error) {
	var revoked *time.Time
	err = row.Scan(&f.ID, &f.Company, &f.User, &f.KeyID, &f.Current.AccessID, &f.Current.RefreshID, &f.Current.IssuedAt,
		&f.Previous, &f.RotatedAt, &f.CreatedAt, &revoked, &f.ExpiresAt, &f.AccessUntil)
	if err != nil {
		return token.Family{}, err
	}
	f.RevokedAt = timeOf(revoked)
	for _, at := range []*time.Time{&f.Current.IssuedAt, &f.RotatedAt, &f.CreatedAt, &f.ExpiresAt, &f.AccessUntil} {
		*at = at.UTC()
	}
	return f, nil
}

// CreateFamily implements [token.FamilyStore].
func (s *Store) CreateFamily(ctx context.Context, family token.Family) error {
	made, err := s.db.Change(ctx, insertFamily+` ON CONFLICT DO NOTHING`, familyArguments(family)...)
	if err == nil && made == 0 {
		return fmt.Errorf("%w: %s", token.ErrFamilyExists, family.ID)
	}
	return err
}

// ChangeFamily implements [token.FamilyStore].
func (s *Store) ChangeFamily(
	ctx context.Context, id string, change func(*token.Family) bool,
) (family token.Family, err error) {
	if err := ctx.Err(); err != nil {
		return token.Family{}, err
	}
	if !isText(id) {
		return token.Family{}, fmt.Errorf("%w: %q", token.ErrFamilyNotFound, id)
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		before, err := scanFamily(tx.QueryRow(ctx, s.db.SQL(`SELECT `+familyColumns+` FROM data_api.token_families WHERE id = $1 FOR UPDATE`), id))
		if errors.Is(err, pgx.ErrNoRows) {
			return pgdb.Refuse(fmt.Errorf("%w: %q", token.ErrFamilyNotFound, id))
		}
		if err != nil {
			return err
		}
		if family = before; !change(&family) {
			family = before
			_, err := tx.Exec(ctx, pgdb.Confirmed)
			return err
		}
		family.ID = id
		family, err = scanFamily(tx.QueryRow(ctx, s.db.SQL(`UPDATE data_api.token_families SET (`+familyColumns+`, keep_until)
			= ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) WHERE id = $1 RETURNING `+familyColumns), familyArguments(family)...))
		if err == nil && before.RevokedAt.IsZero() && !family.RevokedAt.IsZero() {
			return s.signals.Tell(ctx, tx, store.Families, id)
		}
		return err
	})
	if err != nil {
		return token.Family{}, err
	}
	return family, nil
}

// RevokedFamilies implements [token.FamilyStore].
func (s *Store) RevokedFamilies(ctx context.Context) (revoked []token.Family, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, s.db.SQL(`SELECT `+familyColumns+` FROM data_api.token_families WHERE revoked_at IS NOT NULL`))
		if err != nil {
			return err
		}
		revoked, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (token.Family, error) { return scanFamily(row) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return revoked, nil
}

// PruneFamilies implements [token.FamilyStore]. What is over by now alone stays until it is over by the database's clock, too: a
// caller's clock that is ahead must not end what others count on.
func (s *Store) PruneFamilies(ctx context.Context, now time.Time, limit int) (more bool, err error) {
	removed, err := s.db.Change(ctx, `
		WITH over AS (
			SELECT id FROM data_api.token_families WHERE keep_until <= $1 AND ($3 OR keep_until <= statement_timestamp())
			ORDER BY keep_until LIMIT $2 FOR UPDATE SKIP LOCKED
		)
		DELETE FROM data_api.token_families f USING over WHERE f.id = over.id`, now, limit, s.options.callersClock)
	return removed == limit, err
}
