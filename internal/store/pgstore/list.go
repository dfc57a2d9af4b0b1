package pgstore

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// scanLimit is how many jobs one page looks at.
const scanLimit = 100_000

// List implements job.Store.
func (s *Store) List(ctx context.Context, company string, filter job.Filter) (jobs []job.Job, next job.Cursor, err error) {
	if filter.Limit < 1 || filter.Limit > job.MaxList {
		return nil, job.Cursor{}, fmt.Errorf("a page has from 1 to %d jobs, not %d", job.MaxList, filter.Limit)
	}
	before, id := int64(math.MaxInt64), []byte{}
	if !filter.After.IsZero() {
		before, id = *nano(filter.After.CreatedAt), filter.After.ID[:]
	}
	address := ""
	if filter.Endpoint.Slug != "" {
		address = filter.Endpoint.String()
	}
	err = s.read(ctx, func(ctx context.Context, q querier) error {
		rows, err := q.Query(ctx, s.sql(`
			SELECT `+jobColumns+` FROM (
				SELECT * FROM data_api.jobs WHERE company = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4
			) j LEFT JOIN data_api.queue q ON q.id = j.id
			WHERE $5 IN ('', j.status) AND $6 IN ('', j.address)
			ORDER BY j.created_at DESC, j.id DESC LIMIT $7`),
			company, before, id, scanLimit, string(filter.Status), address, filter.Limit+1)
		if err != nil {
			return err
		}
		if jobs, err = pgx.CollectRows(rows, scanJob); err != nil {
			return err
		}
		if len(jobs) > filter.Limit {
			jobs = jobs[:filter.Limit]
			last := jobs[filter.Limit-1]
			next = job.Cursor{CreatedAt: last.CreatedAt, ID: last.ID}
			return nil
		}
		next, err = s.scanned(ctx, q, company, before, id)
		return err
	})
	if err != nil {
		return nil, job.Cursor{}, err
	}
	return jobs, next, nil
}

// scanned returns where a page goes on that has looked at as many jobs as it may; zero: it has looked at all.
func (s *Store) scanned(ctx context.Context, q querier, company string, before int64, id []byte) (next job.Cursor, err error) {
	rows, err := q.Query(ctx, s.sql(`SELECT created_at, id FROM data_api.jobs WHERE company = $1 AND (created_at, id) < ($2, $3)
		ORDER BY created_at DESC, id DESC OFFSET $4 LIMIT 1`), company, before, id, scanLimit-1)
	if err != nil {
		return job.Cursor{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var created int64
		var last []byte
		if err := rows.Scan(&created, &last); err != nil {
			return job.Cursor{}, err
		}
		next.CreatedAt = instant(&created)
		copy(next.ID[:], last)
	}
	return next, rows.Err()
}
