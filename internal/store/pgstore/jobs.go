package pgstore

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
)

var _ job.Store = (*Store)(nil)

// jobColumns are what a job is read from: j is its row of jobs, and q that of queue, which is there as long as it is processing.
const (
	jobColumns = `j.request, j.status, coalesce(q.attempt, j.attempt), coalesce(q.forgiven, j.forgiven),
		CASE WHEN q.id IS NULL THEN j.started_at ELSE q.started_at END, coalesce(q.owner, ''), q.lease_until, q.not_before, j.outcome`
	jobTables = `data_api.jobs j LEFT JOIN data_api.queue q ON q.id = j.id`
)

// jobRow is a row of jobColumns.
type jobRow struct {
	request, status, owner         string
	attempt, forgiven              int
	started, leaseUntil, notBefore *int64
	outcome                        *string
}

func (r *jobRow) fields() []any {
	return []any{&r.request, &r.status, &r.attempt, &r.forgiven, &r.started, &r.owner, &r.leaseUntil, &r.notBefore, &r.outcome}
}

func (r *jobRow) job() (j job.Job, err error) {
	if err := json.Unmarshal([]byte(r.request), &j); err != nil {
		return job.Job{}, fmt.Errorf("a job's record is damaged: %w", err)
	}
	j.Status, j.Attempt, j.Forgiven, j.StartedAt = job.Status(r.status), r.attempt, r.forgiven, instant(r.started)
	j.LeaseOwner, j.LeaseUntil, j.NotBefore = r.owner, instant(r.leaseUntil), instant(r.notBefore)
	if r.outcome == nil {
		return j, nil
	}
	var end job.Outcome
	if err := json.Unmarshal([]byte(*r.outcome), &end); err != nil {
		return job.Job{}, fmt.Errorf("the end of job %s is damaged: %w", j.ID, err)
	}
	j.CompletedAt, j.ExpiresAt, j.Error, j.Result = end.CompletedAt, end.ExpiresAt, end.Error, end.Result
	j.RunTraceparent = end.RunTraceparent
	if end.FreeKey {
		j.Idempotency = nil
	}
	return j, nil
}

func scanJob(row pgx.CollectableRow) (job.Job, error) {
	var r jobRow
	if err := row.Scan(r.fields()...); err != nil {
		return job.Job{}, err
	}
	return r.job()
}

// readJob returns a job, or pgx.ErrNoRows.
func (s *Store) readJob(ctx context.Context, q querier, id []byte) (job.Job, error) {
	rows, err := q.Query(ctx, s.sql(`SELECT `+jobColumns+` FROM `+jobTables+` WHERE j.id = $1`), id)
	if err != nil {
		return job.Job{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanJob)
}

// Get implements job.Store.
func (s *Store) Get(ctx context.Context, id job.ID) (j job.Job, err error) {
	err = s.read(ctx, func(ctx context.Context, q querier) (err error) {
		j, err = s.readJob(ctx, q, id[:])
		if errors.Is(err, pgx.ErrNoRows) {
			return refuse(job.ErrNotFound)
		}
		return err
	})
	return j, err
}

// acceptJob stores a job unless its company has used up what it may have. Companies are not locked for it: calls at the
// same time may together take a little more than is left.
const acceptJob = `
	WITH room AS MATERIALIZED (
		SELECT $8::bigint = 0 OR coalesce(sum(waiting), 0) < $8 AS waits,
			$9::bigint = 0 OR coalesce(sum(kept), 0) < $9 AS keeps,
			EXISTS (SELECT FROM data_api.jobs WHERE id = $1) AS known
		FROM data_api.tallies WHERE company = $2
	), job AS (
		INSERT INTO data_api.jobs (id, company, usr, address, created_at, request, callback_host, kept, idempotency)
		SELECT $1, $2, $11, $3, $4, $5, $6, $7::bigint, $13 FROM room WHERE waits AND keeps AND NOT known
		ON CONFLICT DO NOTHING RETURNING id
	), queued AS (
		INSERT INTO data_api.queue (id, company, source, usr, key_id, created_at) SELECT id, $2, $10, $11, $12, $4 FROM job
	), slot AS (
		SELECT t.slot FROM job, data_api.tallies t WHERE t.company = $2 LIMIT 1 FOR UPDATE OF t SKIP LOCKED
	), counted AS (
		UPDATE data_api.tallies t SET waiting = t.waiting + 1, kept = t.kept + $7 FROM slot WHERE t.slot = slot.slot
	), opened AS (
		INSERT INTO data_api.tallies (company, waiting, kept) SELECT $2, 1, $7 FROM job WHERE NOT EXISTS (SELECT FROM slot)
	)
	SELECT waits, keeps, known, EXISTS (SELECT FROM job) FROM room`

// Accept implements job.Store.
func (s *Store) Accept(ctx context.Context, j job.Job, allowance job.Quota) error {
	if j.Status != job.Processing || j.Attempt != 0 {
		return fmt.Errorf("a new job must be processing with attempt 0, not %s with attempt %d", j.Status, j.Attempt)
	}
	request, err := json.Marshal(immutable(j))
	if err != nil {
		return err
	}
	var host *string
	if j.CallbackURL != "" {
		announced := callback.Delivery{URL: j.CallbackURL}
		host = new(announced.Host())
	}
	arguments := []any{
		j.ID[:], j.Company, j.Address.String(), nano(j.CreatedAt), string(request), host, j.Footprint(),
		int64(allowance.Waiting), allowance.Kept, j.Source, j.User, j.KeyID, keyName(&j),
	}
	var waits, keeps, known, stored bool
	answer := []any{&waits, &keeps, &known, &stored}
	refusal := func() error {
		switch {
		case known:
			return job.ErrExists
		case !waits:
			return job.ErrQueueFull
		case !keeps:
			return job.ErrQuotaExceeded
		case !stored:
			return job.ErrExists
		}
		return nil
	}
	if j.Idempotency == nil {
		if err := s.changeAndScan(ctx, acceptJob, arguments, answer...); err != nil {
			return err
		}
		return refusal()
	}
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.bindKey(ctx, tx, &j); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, s.sql(acceptJob), arguments...).Scan(answer...); err != nil {
			return err
		}
		if err := refusal(); err != nil {
			return refuse(err)
		}
		return nil
	})
	if _, repeated := errors.AsType[*job.RepeatedError](err); repeated {
		if unconfirmed := s.confirm(ctx); unconfirmed != nil {
			return unconfirmed
		}
	}
	return err
}

// immutable is what of a job never changes.
func immutable(j job.Job) job.Job {
	j.Status = ""
	j.CreatedAt = j.CreatedAt.UTC()
	if j.Idempotency != nil {
		key := *j.Idempotency // the caller's own stays as it is
		key.Until = key.Until.UTC()
		j.Idempotency = &key
	}
	return j
}

// keyName is what a job's idempotency key is kept under: a caller's key is of any bytes. Nil: it has none.
func keyName(j *job.Job) []byte {
	if j.Idempotency == nil {
		return nil
	}
	name := sha256.New()
	for _, part := range []string{j.Company, j.Address.String(), j.Idempotency.Key} {
		name.Write([]byte(part))
		name.Write([]byte{0}) // stands in neither of the first two
	}
	return name.Sum(nil)
}

// bindKey binds the idempotency key of a job that is about to be stored, or says why that is not to be. Of calls at the same
// time the second waits for the first.
func (s *Store) bindKey(ctx context.Context, tx pgx.Tx, j *job.Job) error {
	bound, err := tx.Exec(ctx, s.sql(`INSERT INTO data_api.idempotency_keys AS k (name, job_id, bound_until) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET job_id = excluded.job_id, bound_until = excluded.bound_until WHERE k.bound_until <= $4`),
		keyName(j), j.ID[:], nano(j.Idempotency.Until), nano(j.CreatedAt))
	if err != nil || bound.RowsAffected() == 1 {
		return err
	}
	var earlier []byte
	if err := tx.QueryRow(ctx, s.sql(`SELECT job_id FROM data_api.idempotency_keys WHERE name = $1`), keyName(j)).Scan(&earlier); err != nil {
		return err
	}
	repeated, err := s.readJob(ctx, tx, earlier)
	switch {
	case err != nil:
		return err
	case repeated.Idempotency == nil || repeated.Idempotency.Digest != j.Idempotency.Digest:
		return refuse(job.ErrKeyReused)
	}
	return refuse(&job.RepeatedError{Job: repeated})
}
