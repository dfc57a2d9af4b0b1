package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// tally is by how much the counts of companies change.
type tally map[string]struct{ waiting, kept int64 }

func (t tally) add(company string, waiting, kept int64) {
	sum := t[company]
	sum.waiting += waiting
	sum.kept += kept
	t[company] = sum
}

// count changes the counts of companies. It waits for nobody: what another transaction holds is passed over.
func (s *Store) count(ctx context.Context, tx pgx.Tx, t tally) error {
	var companies []string
	var waiting, kept []int64
	for company, sum := range t {
		if sum.waiting != 0 || sum.kept != 0 {
			companies, waiting, kept = append(companies, company), append(waiting, sum.waiting), append(kept, sum.kept)
		}
	}
	if companies == nil {
		return nil
	}
	_, err := tx.Exec(ctx, s.sql(`
		WITH delta AS (
			SELECT d.company, d.waiting, d.kept, free.slot FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS d(company, waiting, kept)
			LEFT JOIN LATERAL (
				SELECT slot FROM data_api.tallies WHERE company = d.company LIMIT 1 FOR UPDATE SKIP LOCKED
			) free ON true
		), counted AS (
			UPDATE data_api.tallies t SET waiting = t.waiting + delta.waiting, kept = t.kept + delta.kept FROM delta WHERE t.slot = delta.slot
		)
		INSERT INTO data_api.tallies (company, waiting, kept) SELECT company, waiting, kept FROM delta WHERE slot IS NULL`),
		companies, waiting, kept)
	return err
}
