package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// Extend implements job.Store. The lease ends as long after now as the attempt's first one did: see clock.go.
func (s *Store) Extend(ctx context.Context, id job.ID, attempt int, until time.Time) error {
	var exact *int64
	if s.options.callersClock {
		exact = nano(until)
	}
	return s.changeRunning(ctx, id, attempt, `
		UPDATE data_api.queue SET lease_until = $3, lease_ends = coalesce($4, data_api.now_ns() + lease_length)
		WHERE id = $1 AND attempt = $2 AND state = 1`, nano(until), exact)
}

// Release implements job.Store.
func (s *Store) Release(ctx context.Context, id job.ID, attempt int, notBefore time.Time, forgive bool) error {
	exact, after := s.dueLater(notBefore)
	err := s.changeRunning(ctx, id, attempt, `
		WITH released AS (
			UPDATE data_api.queue SET owner = '', lease_until = NULL, lease_ends = NULL, not_before = $3::bigint,
				state = CASE WHEN $3 IS NULL THEN 0 ELSE 2 END,
				delayed_until = CASE WHEN $3 IS NOT NULL THEN coalesce($4, data_api.now_ns() + $5) END,
				forgiven = forgiven + $6
			WHERE id = $1 AND attempt = $2 AND state = 1 RETURNING company, state
		), slot AS (
			SELECT t.slot FROM released r, data_api.tallies t WHERE r.state = 0 AND t.company = r.company LIMIT 1
			FOR UPDATE OF t SKIP LOCKED
		), counted AS (
			UPDATE data_api.tallies t SET waiting = t.waiting + 1 FROM slot WHERE t.slot = slot.slot
		), opened AS (
			INSERT INTO data_api.tallies (company, waiting, kept)
			SELECT company, 1, 0 FROM released WHERE state = 0 AND NOT EXISTS (SELECT FROM slot)
		)
		SELECT true FROM released`, nano(notBefore), exact, after, oneIf(forgive))
	if err == nil && notBefore.IsZero() {
		s.announce(true)
	}
	return err
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// changeRunning runs a statement that changes a job that runs with this attempt, and writes or selects a row if it has.
func (s *Store) changeRunning(ctx context.Context, id job.ID, attempt int, statement string, arguments ...any) error {
	rows, err := s.change(ctx, statement, append([]any{id[:], attempt}, arguments...)...)
	if err != nil || rows > 0 {
		return err
	}
	return s.notRunning(ctx, id)
}

// notRunning says why a job could not be changed that should run.
func (s *Store) notRunning(ctx context.Context, id job.ID) error {
	if _, err := s.Get(context.WithoutCancel(ctx), id); err != nil {
		return err
	}
	return job.ErrLost
}

// AppendChunks implements job.Store. The job stays locked until the chunks are stored, so that nobody takes it meanwhile.
func (s *Store) AppendChunks(ctx context.Context, id job.ID, attempt int, first int, chunks [][]byte) error {
	for _, chunk := range chunks {
		if len(chunk) == 0 || len(chunk) > job.MaxChunk {
			return fmt.Errorf("a chunk has from 1 to %d bytes", job.MaxChunk)
		}
	}
	if first < 0 || first+len(chunks) > job.MaxChunks {
		return job.ErrMissingChunk
	}
	var running, follows bool
	err := s.changeAndScan(ctx, `
		WITH running AS (
			SELECT id FROM data_api.queue WHERE id = $1 AND attempt = $2 AND state = 1 FOR SHARE
		), follows AS (
			SELECT id FROM running WHERE $3 = 0 OR EXISTS (SELECT FROM data_api.chunks WHERE id = $1 AND attempt = $2 AND n = $3 - 1)
		), stored AS (
			INSERT INTO data_api.chunks (id, attempt, n, data)
			SELECT $1, $2, $3 + c.n - 1, c.data FROM follows, unnest($4::bytea[]) WITH ORDINALITY AS c(data, n)
			ON CONFLICT (id, attempt, n) DO UPDATE SET data = excluded.data
		)
		SELECT EXISTS (SELECT FROM running), EXISTS (SELECT FROM follows)`,
		[]any{id[:], attempt, first, chunks}, &running, &follows)
	switch {
	case err != nil:
		return err
	case !running:
		return s.notRunning(ctx, id)
	case !follows:
		return job.ErrMissingChunk
	}
	return nil
}

// finishJob ends a job that is processing with an attempt.
const finishJob = `
	WITH gone AS (
		DELETE FROM data_api.queue WHERE id = $1 AND attempt = $2 AND ($3 <> 'completed' OR
			($4 = 0 OR EXISTS (SELECT FROM data_api.chunks WHERE id = $1 AND attempt = $2 AND n = $4 - 1))
			AND NOT EXISTS (SELECT FROM data_api.chunks WHERE id = $1 AND attempt = $2 AND n = $4))
		RETURNING company, state, forgiven, started_at
	), ended AS (
		UPDATE data_api.jobs j SET status = $3, attempt = $2, forgiven = gone.forgiven, started_at = gone.started_at,
			outcome = $5, expires = coalesce($6, data_api.now_ns() + $7), kept = j.kept + $8
		FROM gone WHERE j.id = $1 RETURNING j.callback_host, j.idempotency, gone.company
	), freed AS (
		DELETE FROM data_api.idempotency_keys k USING ended WHERE $9 AND k.name = ended.idempotency AND k.job_id = $1
	), announced AS (
		INSERT INTO data_api.deliveries (job_id, company, host, state, created_at, next_attempt, due)
		SELECT $1, company, callback_host, 'pending', $10, $10, coalesce($11, data_api.now_ns()) FROM ended WHERE callback_host IS NOT NULL
	), discarded AS (
		INSERT INTO data_api.discards (id, attempt) SELECT $1, $2 FROM gone
		WHERE $3 <> 'completed' AND EXISTS (SELECT FROM data_api.chunks WHERE id = $1 AND attempt = $2) ON CONFLICT DO NOTHING
	), delta AS (
		SELECT company, CASE WHEN state = 0 THEN -1 ELSE 0 END AS waiting, $8::bigint AS kept FROM gone WHERE state = 0 OR $8 <> 0
	), slot AS (
		SELECT t.slot FROM delta, data_api.tallies t WHERE t.company = delta.company LIMIT 1 FOR UPDATE OF t SKIP LOCKED
	), counted AS (
		UPDATE data_api.tallies t SET waiting = t.waiting + delta.waiting, kept = t.kept + delta.kept
		FROM slot, delta WHERE t.slot = slot.slot
	), opened AS (
		INSERT INTO data_api.tallies (company, waiting, kept) SELECT company, waiting, kept FROM delta WHERE NOT EXISTS (SELECT FROM slot)
	)
	SELECT true FROM gone`

// Finish implements job.Store.
func (s *Store) Finish(ctx context.Context, id job.ID, attempt int, outcome job.Outcome) (changed bool, err error) {
	if !outcome.Status.Terminal() {
		return false, fmt.Errorf("a job cannot end as %s", outcome.Status)
	}
	if outcome.Status != job.Failed {
		outcome.Error = nil
	}
	if outcome.Status != job.Completed {
		outcome.Result = job.Result{}
	}
	size := outcome.Result.Size
	exact, after := s.due(outcome.ExpiresAt, outcome.CompletedAt)
	outcome.CompletedAt, outcome.ExpiresAt = utc(outcome.CompletedAt), utc(outcome.ExpiresAt)
	text, err := json.Marshal(outcome)
	if err != nil {
		return false, err
	}
	arguments := []any{
		id[:], attempt, string(outcome.Status), outcome.Result.Chunks, string(text), exact, after, size, outcome.FreeKey,
		nano(outcome.CompletedAt), s.clock(outcome.CompletedAt),
	}
	for {
		rows, err := s.change(ctx, finishJob, arguments...)
		if err != nil {
			return false, err
		}
		if rows > 0 {
			s.announce(false, id)
			return true, nil
		}
		again, err := s.notFinished(ctx, id, attempt, outcome)
		if !again {
			return false, err
		}
	}
}

// notFinished says why a job could not be ended; again: it can be now.
func (s *Store) notFinished(ctx context.Context, id job.ID, attempt int, outcome job.Outcome) (again bool, err error) {
	j, err := s.Get(context.WithoutCancel(ctx), id)
	switch {
	case err != nil:
		return false, err
	case j.Attempt == attempt && j.Status == outcome.Status: // repeated
		return false, s.confirm(ctx)
	case j.Attempt != attempt || j.Status.Terminal():
		return false, job.ErrLost
	case outcome.Status != job.Completed:
		return true, nil
	}
	stored := 0
	err = s.read(context.WithoutCancel(ctx), func(ctx context.Context, q querier) error {
		return q.QueryRow(ctx, s.sql(`SELECT count(*) FROM data_api.chunks WHERE id = $1 AND attempt = $2`), id[:], attempt).Scan(&stored)
	})
	if err == nil && stored != outcome.Result.Chunks {
		err = job.ErrMissingChunk
	}
	return err == nil, err
}

// utc keeps the zero time zero in every zone.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// ReadChunk implements job.Store.
func (s *Store) ReadChunk(ctx context.Context, id job.ID, n int, buffer []byte) ([]byte, error) {
	if n < 0 || n >= job.MaxChunks {
		return buffer, job.ErrNotFound
	}
	err := s.read(ctx, func(ctx context.Context, q querier) error {
		var chunk pgtype.DriverBytes
		rows, err := q.Query(ctx, s.sql(`SELECT c.data FROM data_api.jobs j JOIN data_api.chunks c ON c.id = j.id AND c.attempt = j.attempt
			WHERE j.id = $1 AND j.status = 'completed' AND c.n = $2`), id[:], n)
		if err != nil {
			return err
		}
		defer rows.Close()
		if !rows.Next() {
			return errors.Join(rows.Err(), refuse(job.ErrNotFound))
		}
		if err := rows.Scan(&chunk); err != nil {
			return err
		}
		buffer = append(buffer, chunk...)
		return nil
	})
	return buffer, err
}

// Recover implements job.Store. Other owners are other servers: their leases end by themselves.
func (s *Store) Recover(ctx context.Context, _ string) (int, error) { return 0, ctx.Err() }
