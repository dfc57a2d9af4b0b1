package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
)

var _ job.SharedStore = (*Store)(nil)

// Ended implements job.SharedStore. It looks at the queue alone, in which every job stands that is processing.
func (s *Store) Ended(ctx context.Context, ids []job.ID) (ended []job.ID, err error) {
	asked := make([][]byte, len(ids))
	for i := range ids {
		asked[i] = ids[i][:]
	}
	err = s.read(ctx, func(ctx context.Context, q querier) error {
		rows, err := q.Query(ctx, s.sql(`SELECT a.id FROM unnest($1::bytea[]) AS a(id)
			WHERE NOT EXISTS (SELECT FROM data_api.queue q WHERE q.id = a.id)`), asked)
		if err != nil {
			return err
		}
		ended, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (id job.ID, err error) {
			var raw []byte
			err = row.Scan(&raw)
			copy(id[:], raw)
			return id, err
		})
		return err
	})
	return ended, err
}
