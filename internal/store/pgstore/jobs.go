package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
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
func (s *Store) readJob(ctx context.Context, q pgdb.Querier, id []byte) (job.Job, error) {
	rows, err := q.Query(ctx, s.db.SQL(`SELECT `+jobColumns+` FROM `+jobTables+` WHERE j.id = $1`), id)
	if err != nil {
		return job.Job{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanJob)
}

// Get implements job.Store.
func (s *Store) Get(ctx context.Context, id job.ID) (j job.Job, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) (err error) {
		j, err = s.readJob(ctx, q, id[:])
		if errors.Is(err, pgx.ErrNoRows) {
			return pgdb.Refuse(job.ErrNotFound)
		}
		return err
	})
	return j, err
}
