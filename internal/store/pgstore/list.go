package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

var _ job.SharedStore = (*Store)(nil)

// scanLimit is how many jobs one page looks at.
const scanLimit = 100_000

// List implements job.Store.
func (s *Store) List(ctx context.Context, company string, filter job.Filter) (jobs []job.Job, next job.Cursor, err error) {
	before, id := int64(math.MaxInt64), []byte{}
	if !filter.After.IsZero() {
		before, id = *nano(filter.After.CreatedAt), filter.After.ID[:]
	}
	return s.list(ctx, filter, listing{
		where: `j.company = $1 AND (j.created_at, j.id) < ($2, $3)`, order: `j.created_at DESC, j.id DESC`,
		arguments: []any{company, before, id},
		cursor:    func(created int64, id job.ID) job.Cursor { return job.Cursor{CreatedAt: instant(&created), ID: id} },
	})
}

// ListAll implements job.Store. The time of its cursors is what the ID says: a cursor that is not zero has one.
func (s *Store) ListAll(ctx context.Context, filter job.Filter) (jobs []job.Job, next job.Cursor, err error) {
	after := filter.After
	return s.list(ctx, filter, listing{
		where: `($1 OR j.id < $2) AND $3::text IS NULL`, order: `j.id DESC`, arguments: []any{after.IsZero(), after.ID[:], nil},
		cursor: func(_ int64, id job.ID) job.Cursor { return job.Cursor{CreatedAt: id.Time(), ID: id} },
	})
}

// listing is a list of jobs.
type listing struct {
	where     string // of jobs, with three arguments
	order     string
	arguments []any
	cursor    func(created int64, id job.ID) job.Cursor
}

func (s *Store) list(ctx context.Context, filter job.Filter, l listing) (jobs []job.Job, next job.Cursor, err error) {
	if filter.Limit < 1 || filter.Limit > job.MaxList {
		return nil, job.Cursor{}, fmt.Errorf("a page has from 1 to %d jobs, not %d", job.MaxList, filter.Limit)
	}
	address := ""
	if filter.Endpoint.Slug != "" {
		address = filter.Endpoint.String()
	}
	arguments := append(l.arguments[:3:3], scanLimit, string(filter.Status), address, filter.User, filter.Limit+1)
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, s.db.SQL(`
			SELECT `+jobColumns+` FROM (SELECT * FROM data_api.jobs j WHERE `+l.where+` ORDER BY `+l.order+` LIMIT $4) j
			LEFT JOIN data_api.queue q ON q.id = j.id
			WHERE $5 IN ('', j.status) AND $6 IN ('', j.address) AND $7 IN ('', j.usr)
			ORDER BY `+l.order+` LIMIT $8`), append([]any{pgdb.PlanAnew}, arguments...)...)
		if err != nil {
			return err
		}
		if jobs, err = pgx.CollectRows(rows, scanJob); err != nil {
			return err
		}
		if len(jobs) > filter.Limit {
			jobs = jobs[:filter.Limit]
			last := jobs[filter.Limit-1]
			next = l.cursor(*nano(last.CreatedAt), last.ID)
			return nil
		}
		next, err = s.scanned(ctx, q, l)
		return err
	})
	if err != nil {
		return nil, job.Cursor{}, err
	}
	return jobs, next, nil
}

// scanned returns where a page goes on that has looked at as many jobs as it may; zero: it has looked at all.
func (s *Store) scanned(ctx context.Context, q pgdb.Querier, l listing) (next job.Cursor, err error) {
	var created int64
	var last []byte
	err = q.QueryRow(ctx, s.db.SQL(`SELECT j.created_at, j.id FROM data_api.jobs j WHERE `+l.where+` ORDER BY `+l.order+` OFFSET $4 LIMIT 1`),
		append([]any{pgdb.PlanAnew}, append(l.arguments[:3:3], scanLimit-1)...)...).Scan(&created, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return job.Cursor{}, nil
	}
	if err != nil {
		return job.Cursor{}, err
	}
	return l.cursor(created, job.ID(last)), nil
}

// Unfinished implements job.Store.
func (s *Store) Unfinished(ctx context.Context) (all []job.Unfinished, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, s.db.SQL(`SELECT id, company, usr, key_id, source, created_at FROM data_api.queue`))
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (j job.Unfinished, err error) {
			var id []byte
			var created int64
			err = row.Scan(&id, &j.Company, &j.User, &j.KeyID, &j.Source, &created)
			copy(j.ID[:], id)
			j.CreatedAt = instant(&created)
			return j, err
		})
		return err
	})
	return all, err
}

// Counts implements job.Store.
func (s *Store) Counts(ctx context.Context) (counts job.Counts, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		var oldest *int64
		err := q.QueryRow(ctx, s.db.SQL(`
			WITH RECURSIVE `+lines+`, delayed AS MATERIALIZED (SELECT created_at FROM data_api.queue WHERE state = 2)
			SELECT (SELECT coalesce(sum(waiting), 0) FROM data_api.tallies)::bigint + (SELECT count(*) FROM delayed),
				(SELECT count(*) FROM data_api.queue WHERE state = 1),
				(SELECT min(created_at) FROM (SELECT created_at FROM lines UNION ALL SELECT created_at FROM delayed) waiting)`)).
			Scan(&counts.Waiting, &counts.Running, &oldest)
		counts.Oldest = instant(oldest)
		return err
	})
	return counts, err
}

// Size implements store.Store.
func (s *Store) Size(ctx context.Context) (bytes int64, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		return q.QueryRow(ctx, `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
			JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`, s.db.Schema).Scan(&bytes)
	})
	return bytes, err
}

// Ping implements store.Store: it asks whether the database takes writes.
func (s *Store) Ping(ctx context.Context) error {
	return s.db.Read(ctx, s.db.Check)
}

// DeliveriesDue implements store.Store.
func (s *Store) DeliveriesDue(ctx context.Context, _ time.Time) (due int, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		return q.QueryRow(ctx, s.db.SQL(`SELECT count(*) FROM data_api.deliveries
			WHERE state = 'pending' AND node IS NULL AND due <= data_api.now_ns()`)).Scan(&due)
	})
	return due, err
}

// Ended implements job.SharedStore. It looks at the queue alone, which holds every job that is processing.
func (s *Store) Ended(ctx context.Context, ids []job.ID) (ended []job.ID, err error) {
	asked := make([][]byte, len(ids))
	for i := range ids {
		asked[i] = ids[i][:]
	}
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, s.db.SQL(`SELECT a.id FROM unnest($1::bytea[]) AS a(id)
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
