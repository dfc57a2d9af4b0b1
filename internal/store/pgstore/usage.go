package pgstore

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

var _ usage.Store = (*Store)(nil)

// usageKey are the columns that tell rows of usage apart, in hours since 1970.
const usageKey = `hour, company, usr, key_id, endpoint_company, endpoint_namespace, endpoint_slug`

// usageFields are the columns of what is counted, each in a form of its own: %s is its name.
func usageFields(form string) string {
	var fields []string
	for _, name := range usage.FieldNames {
		fields = append(fields, strings.ReplaceAll(form, "%s", name))
	}
	return strings.Join(fields, ", ")
}

// addUsage adds rows to those that are there, in one order on all servers, so that none waits for another that waits for it.
var addUsage = insertUsage + ` ON CONFLICT (` + usageKey + `) DO UPDATE SET ` + usageFields("%s = u.%s + excluded.%s")

var insertUsage = func() string {
	arrays := []string{`$1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]`}
	for field := range usage.Fields {
		arrays = append(arrays, fmt.Sprintf("$%d::bigint[]", 8+field))
	}
	columns := usageKey + ", " + usageFields("%s")
	return `INSERT INTO data_api.usage AS u (` + columns + `) SELECT ` + columns + ` FROM unnest(` + strings.Join(arrays, ", ") + `) AS added(` + columns + `)
		ORDER BY ` + usageKey
}()

// AddUsage implements [usage.Store].
func (s *Store) AddUsage(ctx context.Context, batch usage.Batch) error {
	arguments := usageArguments(batch.Rows)
	return s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		added, err := tx.Exec(ctx, s.db.SQL(`INSERT INTO data_api.usage_sources AS s (source, number, at) VALUES ($1, $2, $3)
			ON CONFLICT (source) DO UPDATE SET number = excluded.number, at = excluded.at WHERE s.number < excluded.number`),
			batch.Source, int64(batch.Number), nano(batch.At))
		if err != nil || added.RowsAffected() == 0 || len(batch.Rows) == 0 {
			return err
		}
		_, err = tx.Exec(ctx, s.db.SQL(addUsage), arguments...)
		return err
	})
}

func usageArguments(rows []usage.Row) []any {
	hours, counts := make([]int64, len(rows)), make([][]int64, usage.Fields)
	names := make([][]string, 6)
	for i, row := range rows {
		hours[i] = hourOf(row.Hour)
		e := row.Endpoint
		for column, name := range []string{row.Company, row.User, row.KeyID, e.Company, e.Namespace, e.Slug} {
			names[column] = append(names[column], name)
		}
		for field, n := range row.Counts {
			counts[field] = append(counts[field], n)
		}
	}
	arguments := []any{hours}
	for _, column := range names {
		arguments = append(arguments, column)
	}
	for _, field := range counts {
		arguments = append(arguments, field)
	}
	return arguments
}

// hourOf is the first hour that begins at a time or later, in hours since 1970.
func hourOf(at time.Time) int64 {
	seconds := at.Unix()
	hour := seconds / 3600
	if seconds > hour*3600 {
		hour++
	}
	return hour
}

// ReadUsage implements [usage.Store].
func (s *Store) ReadUsage(ctx context.Context, filter usage.Filter) (rows []usage.Row, err error) {
	only := func(dimension usage.Dimensions, column string) string {
		if filter.By&dimension != 0 {
			return column
		}
		return `''`
	}
	hour := `0`
	switch {
	case filter.By&usage.ByHour != 0:
		hour = `hour`
	case filter.By&usage.ByDay != 0:
		hour = `hour / 24 * 24`
	}
	key := strings.Join([]string{
		hour, `company`, only(usage.ByUser, `usr`), only(usage.ByKey, `key_id`), only(usage.ByEndpoint, `endpoint_company`),
		only(usage.ByEndpoint, `endpoint_namespace`), only(usage.ByEndpoint, `endpoint_slug`),
	}, ", ")
	most := cmp.Or(filter.Most, 1<<31-2)
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		found, err := q.Query(ctx, s.db.SQL(`SELECT `+key+`, `+usageFields("sum(%s)::bigint")+` FROM data_api.usage
			WHERE hour >= $1 AND hour < $2 AND $3 IN ('', company) AND $4 IN ('', usr) GROUP BY 1, 2, 3, 4, 5, 6, 7 LIMIT $5`),
			pgdb.PlanAnew, hourOf(filter.From), hourOf(filter.To), filter.Company, filter.User, most+1)
		if err != nil {
			return err
		}
		if rows, err = pgx.CollectRows(found, scanUsage); err == nil && len(rows) > most {
			return pgdb.Refuse(usage.ErrTooMany)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func scanUsage(row pgx.CollectableRow) (r usage.Row, err error) {
	var hour int64
	fields := []any{&hour, &r.Company, &r.User, &r.KeyID, &r.Endpoint.Company, &r.Endpoint.Namespace, &r.Endpoint.Slug}
	for field := range r.Counts {
		fields = append(fields, &r.Counts[field])
	}
	if err := row.Scan(fields...); err != nil {
		return usage.Row{}, err
	}
	if hour != 0 {
		r.Hour = time.Unix(hour*3600, 0).UTC()
	}
	return r, nil
}

// SweepUsage implements [usage.Store]. How long usage is kept goes by the database's clock: see clock.go.
func (s *Store) SweepUsage(ctx context.Context, before time.Time, limit int) (more bool, err error) {
	exact, after := s.dueLater(before)
	removed := 0
	for _, statement := range []string{
		`DELETE FROM data_api.usage WHERE ctid = ANY (ARRAY(SELECT ctid FROM data_api.usage
			WHERE hour < (coalesce($1, data_api.now_ns() + $2) + 3599999999999) / 3600000000000 ORDER BY hour LIMIT $3 FOR UPDATE SKIP LOCKED))`,
		`DELETE FROM data_api.usage_sources WHERE source = ANY (ARRAY(SELECT source FROM data_api.usage_sources
			WHERE at / 1000000000 < coalesce($1, data_api.now_ns() + $2) / 1000000000 LIMIT $3 FOR UPDATE SKIP LOCKED))`,
	} {
		rows, err := s.db.Change(ctx, statement, exact, after, limit-removed)
		if removed += rows; err != nil || removed == limit {
			return err == nil, err
		}
	}
	return false, nil
}
