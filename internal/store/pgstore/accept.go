package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// acceptance is a job that is to be stored, and what its company may have.
type acceptance struct {
	job       job.Job
	allowance job.Quota
	request   string  // what of the job never changes, as it is stored
	host      *string // that is called back; nil: none
	name      []byte  // of its idempotency key; nil: it has none

	verdict verdict // what became of it, once it was tried
}

// verdict is what the database says of an acceptance: it is stored, or one of the others says why not.
type verdict struct{ stored, known, waits, keeps bool }

// errBound says that another job may have the idempotency key.
var errBound = errors.New("the idempotency key is bound")

// refusal says why a job was not stored.
func (v verdict) refusal() error {
	switch {
	case v.stored:
		return nil
	case v.known:
		return job.ErrExists
	case !v.waits:
		return job.ErrQueueFull
	case !v.keeps:
		return job.ErrQuotaExceeded
	}
	return errBound
}

// Accept implements job.Store. Jobs that come at the same time are stored by one statement.
func (s *Store) Accept(ctx context.Context, j job.Job, allowance job.Quota) error {
	if j.Status != job.Processing || j.Attempt != 0 {
		return fmt.Errorf("a new job must be processing with attempt 0, not %s with attempt %d", j.Status, j.Attempt)
	}
	request, err := json.Marshal(immutable(j))
	if err != nil {
		return err
	}
	a := &acceptance{job: j, allowance: allowance, request: string(request), name: j.KeyName()}
	if j.CallbackURL != "" {
		announced := callback.Delivery{URL: j.CallbackURL}
		a.host = new(announced.Host())
	}
	for range attempts {
		switch err := s.accepts.do(ctx, a); {
		case isUnique(err): // the same job was stored at this moment: it is known now
			continue
		case err != nil:
			return err
		}
		refusal := a.verdict.refusal()
		if refusal == nil {
			return nil
		}
		if j.Idempotency != nil { // a job that was accepted under the key is the answer, whatever there is room for
			if err := s.boundBefore(ctx, &j); err != nil {
				return err
			}
		}
		if !errors.Is(refusal, errBound) {
			return refusal
		}
	}
	return fmt.Errorf("%w: an idempotency key is bound to a job that is not there", ErrUnavailable)
}

// attempts is how often a job is tried that is there, or whose key is bound, and that is not so when it is looked at.
const attempts = 10

// isUnique reports whether the database has refused a row whose key is there already.
func isUnique(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failure.Code == "23505" && errors.Is(err, ErrUnavailable)
}

// cannotShare reports whether two jobs are one, or have the same idempotency key: the second is to find the first.
func cannotShare(a, b *acceptance) bool {
	return a.job.ID == b.job.ID || a.name != nil && string(a.name) == string(b.name)
}

// acceptJobs stores jobs, each unless its company has used up what it may have, or its idempotency key is bound. Those before it in
// the statement count. Companies are not locked for it: statements at the same time may together take a little more than is left.
// Keys are bound in one order, so that no two statements wait for each other. It says of each job that is not there yet what there was
// room for, and after that which were stored. Nothing is joined that need not be: each join would look at all jobs of the statement
// for each.
//
//nolint:dupword // it is SQL
const acceptJobs = `
	WITH given AS MATERIALIZED (
		SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
			$10::text[], $11::bytea[], $12::bigint[], $13::bigint[], $14::bigint[]) WITH ORDINALITY
			AS g(id, company, address, created_at, request, callback_host, kept, source, usr, key_id, name, bound_until, most_waiting, most_kept, n)
	), counted_before AS MATERIALIZED (
		SELECT c.company, coalesce(t.waiting, 0) AS waiting, coalesce(t.kept, 0) AS kept FROM (SELECT DISTINCT company FROM given) c, LATERAL (
			SELECT sum(waiting) AS waiting, sum(kept) AS kept FROM data_api.tallies WHERE company = c.company
		) t
	), fresh AS MATERIALIZED (
		SELECT g.*,
			most_waiting = 0 OR c.waiting + row_number() OVER earlier - 1 < most_waiting AS waits,
			most_kept = 0 OR c.kept + sum(g.kept) OVER earlier - g.kept < most_kept AS keeps
		FROM given g JOIN counted_before c USING (company) WHERE NOT EXISTS (SELECT FROM data_api.jobs WHERE id = g.id)
		WINDOW earlier AS (PARTITION BY company ORDER BY n ROWS UNBOUNDED PRECEDING)
	), bound AS (
		INSERT INTO data_api.idempotency_keys AS k (name, job_id, bound_until)
		SELECT name, id, bound_until FROM fresh WHERE waits AND keeps AND name IS NOT NULL ORDER BY name
		ON CONFLICT (name) DO UPDATE SET job_id = excluded.job_id, bound_until = excluded.bound_until
			WHERE k.bound_until <= (SELECT created_at FROM fresh WHERE id = excluded.job_id)
		RETURNING job_id
	), admitted AS MATERIALIZED (
		SELECT * FROM fresh WHERE waits AND keeps AND (name IS NULL OR id IN (SELECT job_id FROM bound)) ORDER BY n
	), kept AS (
		INSERT INTO data_api.jobs (id, company, usr, address, created_at, request, callback_host, kept, idempotency)
		SELECT id, company, usr, address, created_at, request, callback_host, kept, name FROM admitted
	), queued AS (
		INSERT INTO data_api.queue (id, company, source, usr, key_id, created_at)
		SELECT id, company, source, usr, key_id, created_at FROM admitted
	), delta AS (
		SELECT company, count(*) AS waiting, sum(kept) AS kept FROM admitted GROUP BY company
	), ` + countDelta + `
	SELECT id, waits, keeps, false FROM fresh UNION ALL SELECT id, true, true, true FROM admitted`

// acceptAll stores jobs by one statement, and sets the verdict on each.
func (s *Store) acceptAll(ctx context.Context, all []*acceptance) error {
	n := len(all)
	ids, names := make([][]byte, n), make([][]byte, n)
	companies, addresses, requests, hosts := make([]string, n), make([]string, n), make([]string, n), make([]*string, n)
	sources, users, keys := make([]string, n), make([]string, n), make([]string, n)
	created, until := make([]*int64, n), make([]*int64, n)
	kept, mostWaiting, mostKept := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, a := range all {
		j := &a.job
		ids[i], names[i], companies[i], addresses[i], requests[i], hosts[i] = j.ID[:], a.name, j.Company, j.Address.String(), a.request, a.host
		sources[i], users[i], keys[i], created[i], kept[i] = j.Source, j.User, j.KeyID, nano(j.CreatedAt), j.Footprint()
		mostWaiting[i], mostKept[i] = int64(a.allowance.Waiting), a.allowance.Kept
		if j.Idempotency != nil {
			until[i] = nano(j.Idempotency.Until)
		}
	}
	arguments := []any{
		ids, companies, addresses, created, requests, hosts, kept, sources, users, keys, names, until, mostWaiting, mostKept,
	}
	return s.db.ChangeAndCollect(ctx, acceptJobs, arguments, func(rows pgx.Rows) error {
		verdicts := make(map[job.ID]verdict, n)
		var id []byte
		var v verdict
		_, err := pgx.ForEachRow(rows, []any{&id, &v.waits, &v.keeps, &v.stored}, func() error {
			verdicts[job.ID(id)] = v
			return nil
		})
		for _, a := range all {
			v, fresh := verdicts[a.job.ID]
			v.known = !fresh
			a.verdict = v
		}
		return err
	})
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

// boundBefore says that a job's idempotency key is bound to another, or returns nil when it is not.
func (s *Store) boundBefore(ctx context.Context, j *job.Job) error {
	var repeated job.Job
	found := true
	err := s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, s.db.SQL(`SELECT `+jobColumns+` FROM data_api.idempotency_keys k JOIN data_api.jobs j ON j.id = k.job_id
			LEFT JOIN data_api.queue q ON q.id = j.id WHERE k.name = $1 AND k.bound_until > $2`), j.KeyName(), nano(j.CreatedAt))
		if err != nil {
			return err
		}
		repeated, err = pgx.CollectExactlyOneRow(rows, scanJob)
		if errors.Is(err, pgx.ErrNoRows) {
			found = false
			return nil
		}
		return err
	})
	switch {
	case err != nil || !found:
		return err
	case repeated.Idempotency == nil || repeated.Idempotency.Digest != j.Idempotency.Digest:
		return job.ErrKeyReused
	}
	if unconfirmed := s.db.Confirm(ctx); unconfirmed != nil {
		return unconfirmed
	}
	return &job.RepeatedError{Job: repeated}
}
