package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// Sweep implements job.Store. One server sweeps at a time: the others find nothing to do.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (more bool, err error) {
	s.lookAfterPartitions(ctx)
	var due bool // looking first spares a commit when there is nothing to do
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		return q.QueryRow(ctx, s.db.SQL(`SELECT EXISTS (SELECT FROM data_api.jobs WHERE expires <= coalesce($1, data_api.now_ns()))
			OR EXISTS (SELECT FROM data_api.discards)`), pgdb.PlanAnew, s.clock(now)).Scan(&due)
	})
	if err != nil || !due {
		return false, err
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		more = false
		var mine bool
		err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, s.db.LockKey(" sweep")).Scan(&mine)
		if err != nil || !mine {
			return err
		}
		jobs, err := s.expireJobs(ctx, tx, now, limit)
		if err != nil {
			return err
		}
		chunks, err := s.removeDiscarded(ctx, tx, limit)
		if err != nil {
			return err
		}
		more = jobs == limit || chunks == limit
		return s.signals.Forget(ctx, tx, limit)
	})
	return more, err
}

// expireJobs removes jobs, or puts their removal off while their deliveries need them, and returns how many these were.
func (s *Store) expireJobs(ctx context.Context, tx pgx.Tx, now time.Time, limit int) (expired int, err error) {
	from, to := s.partitions.SparedRanges()
	rows, err := tx.Query(ctx, s.db.SQL(`
		WITH clock AS (SELECT coalesce($1, data_api.now_ns()) AS now), expired AS (
			SELECT j.id FROM data_api.jobs j WHERE j.expires <= coalesce($1, data_api.now_ns()) ORDER BY j.expires LIMIT $2 FOR UPDATE SKIP LOCKED
		), needed AS (
			SELECT e.id, CASE d.state WHEN 'pending' THEN clock.now + $3 WHEN 'dead' THEN d.needed_until END AS until
			FROM expired e LEFT JOIN data_api.deliveries d ON d.job_id = e.id, clock
		), kept AS (
			UPDATE data_api.jobs j SET expires = needed.until FROM needed, clock WHERE j.id = needed.id AND needed.until > clock.now
			RETURNING j.id
		), removed AS (
			DELETE FROM data_api.jobs j USING expired e WHERE j.id = e.id AND NOT EXISTS (SELECT FROM needed, clock
				WHERE needed.id = e.id AND needed.until > clock.now)
			RETURNING j.id, j.company, j.kept, j.attempt, j.idempotency
		), announced AS (
			DELETE FROM data_api.deliveries d USING removed r WHERE d.job_id = r.id
		), freed AS (
			DELETE FROM data_api.idempotency_keys k USING removed r WHERE k.name = r.idempotency AND k.job_id = r.id
		), discarded AS (
			INSERT INTO data_api.discards (id, attempt) SELECT id, attempt FROM removed r
			WHERE NOT EXISTS (SELECT FROM unnest($4::bytea[], $5::bytea[]) AS spared(first, beyond) WHERE id >= first AND id < beyond)
				AND EXISTS (SELECT FROM data_api.chunks c WHERE c.id = r.id AND c.attempt = r.attempt) ON CONFLICT DO NOTHING
		)
		SELECT company, count(*), -sum(kept)::bigint FROM removed GROUP BY company
		UNION ALL SELECT '', count(*), 0 FROM kept`), pgdb.PlanAnew, s.clock(now), limit, int64(time.Hour), from, to)
	if err != nil {
		return 0, err
	}
	counts := make(tally)
	var company string
	var count int
	var freed int64
	if _, err := pgx.ForEachRow(rows, []any{&company, &count, &freed}, func() error {
		expired += count
		counts.add(company, 0, freed)
		return nil
	}); err != nil {
		return 0, err
	}
	return expired, s.count(ctx, tx, counts)
}

// removeDiscarded removes chunks that nobody reads, and returns how many these were.
func (s *Store) removeDiscarded(ctx context.Context, tx pgx.Tx, limit int) (removed int, err error) {
	gone, err := tx.Exec(ctx, s.db.SQL(`
		DELETE FROM data_api.chunks c USING (
			SELECT c.id, c.attempt, c.n FROM data_api.discards d JOIN data_api.chunks c ON c.id = d.id AND c.attempt = d.attempt LIMIT $1
		) d WHERE c.id = d.id AND c.attempt = d.attempt AND c.n = d.n`), pgdb.PlanAnew, limit)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, s.db.SQL(`
		DELETE FROM data_api.discards d WHERE NOT EXISTS (SELECT FROM data_api.chunks c WHERE c.id = d.id AND c.attempt = d.attempt)`))
	return int(gone.RowsAffected()), err
}
