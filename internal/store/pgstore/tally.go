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

// countDelta are parts of a statement that change the counts of companies by what its part delta says: company, waiting and kept. It
// waits for nobody: rows that another transaction holds are passed over.
const countDelta = `slot AS (
		SELECT delta.*, free.slot FROM delta LEFT JOIN LATERAL (
			SELECT slot FROM data_api.tallies WHERE company = delta.company LIMIT 1 FOR UPDATE SKIP LOCKED
		) free ON true
	), counted AS (
		UPDATE data_api.tallies t SET waiting = t.waiting + slot.waiting, kept = t.kept + slot.kept FROM slot WHERE t.slot = slot.slot
	), opened AS (
		INSERT INTO data_api.tallies (company, waiting, kept) SELECT company, waiting, kept FROM slot WHERE slot IS NULL
	)`

// count changes the counts of companies, by a statement of its own.
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
	_, err := tx.Exec(ctx, s.db.SQL(`WITH delta AS (
			SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS d(company, waiting, kept)
		), `+countDelta+` SELECT`),
		companies, waiting, kept)
	return err
}
