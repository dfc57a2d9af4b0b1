package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
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
		), delta AS (
			SELECT company, 1 AS waiting, 0 AS kept FROM released WHERE state = 0
		), `+countDelta+`
		SELECT true FROM released`, nano(notBefore), exact, after, oneIf(forgive))
	if err == nil && notBefore.IsZero() {
		s.signals.Announce(true)
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
	rows, err := s.db.Change(ctx, statement, append([]any{id[:], attempt}, arguments...)...)
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

// storing is a part of a result that is to be stored.
type storing struct {
	id      job.ID
	attempt int
	first   int
	chunks  [][]byte

	running, follows bool // why it was stored, or was not, once it was tried
}

func (c *storing) bytes() (sum int) {
	for _, chunk := range c.chunks {
		sum += len(chunk)
	}
	return sum
}

// largeResult is from how many bytes on a part of a result has a transaction of its own: what it takes is taken by its bytes.
const largeResult = 64 << 10

// AppendChunks implements job.Store. The job stays locked until the chunks are stored, so that nobody takes it meanwhile. Small results
// that come at the same time are stored by one statement.
func (s *Store) AppendChunks(ctx context.Context, id job.ID, attempt int, first int, chunks [][]byte) error {
	for _, chunk := range chunks {
		if len(chunk) == 0 || len(chunk) > job.MaxChunk {
			return fmt.Errorf("a chunk has from 1 to %d bytes", job.MaxChunk)
		}
	}
	if first < 0 || first+len(chunks) > job.MaxChunks {
		return job.ErrMissingChunk
	}
	c := &storing{id: id, attempt: attempt, first: first, chunks: chunks}
	if c.bytes() < largeResult {
		if err := s.results.do(ctx, c); err != nil {
			return err
		}
	}
	if !c.running {
		if err := s.appendAll(ctx, []*storing{c}, waitForLocked); err != nil {
			return err
		}
	}
	switch {
	case !c.running:
		return s.notRunning(ctx, id)
	case !c.follows:
		return job.ErrMissingChunk
	}
	return nil
}

// appendChunks stores parts of results of jobs that run. %s is what becomes of those that another transaction has locked.
const appendChunks = `
	WITH given AS MATERIALIZED (
		SELECT * FROM unnest($1::bytea[], $2::int[], $3::int[]) AS g(id, attempt, first)
	), running AS MATERIALIZED (
		SELECT g.* FROM given g JOIN data_api.queue q ON q.id = g.id AND q.attempt = g.attempt WHERE q.state = 1 ORDER BY g.id FOR SHARE OF q %s
	), follows AS MATERIALIZED (
		SELECT * FROM running r WHERE first = 0
			OR (SELECT count(*) FROM data_api.chunks c WHERE c.id = r.id AND c.attempt = r.attempt AND c.n = r.first - 1) > 0
	), stored AS (
		INSERT INTO data_api.chunks (id, attempt, n, data)
		SELECT f.id, f.attempt, c.n, c.data FROM follows f JOIN unnest($4::bytea[], $5::int[], $6::bytea[]) AS c(id, n, data) ON c.id = f.id
		ON CONFLICT (id, attempt, n) DO UPDATE SET data = excluded.data
	)
	SELECT id, id IN (SELECT id FROM follows) FROM running`

// appendAll stores parts of the results of different jobs by one statement, and notes what became of each.
func (s *Store) appendAll(ctx context.Context, all []*storing, locked string) error {
	var ids, of, data [][]byte
	var attempts, firsts, numbers []int
	byID := make(map[job.ID]*storing, len(all))
	for _, c := range all {
		ids, attempts, firsts = append(ids, c.id[:]), append(attempts, c.attempt), append(firsts, c.first)
		for i, chunk := range c.chunks {
			of, numbers, data = append(of, c.id[:]), append(numbers, c.first+i), append(data, chunk)
		}
		byID[c.id] = c
	}
	arguments := []any{ids, attempts, firsts, of, numbers, data}
	return s.db.ChangeAndCollect(ctx, fmt.Sprintf(appendChunks, locked), arguments, func(rows pgx.Rows) error {
		for _, c := range all {
			c.running, c.follows = false, false
		}
		var id []byte
		var follows bool
		_, err := pgx.ForEachRow(rows, []any{&id, &follows}, func() error {
			c := byID[job.ID(id)]
			c.running, c.follows = true, follows
			return nil
		})
		return err
	})
}

// ending is a job that is to end.
type ending struct {
	id      job.ID
	attempt int
	outcome job.Outcome
	text    string // the outcome, as it is stored

	ended bool // it has, once it was tried
}

// finishJobs ends jobs that are processing with an attempt, and returns which. The last chunk must be the one that the outcome says:
// asked for by EXISTS beside OR, PostgreSQL would make a table of all chunks of all jobs first. %s is what becomes of those that another transaction
// has locked: they are passed over, or waited for.
//
//nolint:dupword // it is SQL
const finishJobs = `
	WITH given AS MATERIALIZED (
		SELECT * FROM unnest($1::bytea[], $2::int[], $3::text[], $4::int[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bool[],
			$10::bigint[], $11::bigint[]) AS g(id, attempt, status, chunks, outcome, expires, after, size, free_key, completed_at, now)
	), running AS MATERIALIZED (
		SELECT g.*, q.company, q.state, q.forgiven, q.started_at FROM given g JOIN data_api.queue q ON q.id = g.id AND q.attempt = g.attempt
		WHERE g.status <> 'completed' OR g.chunks - 1 =
			(SELECT coalesce(max(c.n), -1) FROM data_api.chunks c WHERE c.id = g.id AND c.attempt = g.attempt AND c.n >= g.chunks - 1)
		ORDER BY g.id FOR UPDATE OF q %s
	), gone AS (
		DELETE FROM data_api.queue q USING running r WHERE q.id = r.id RETURNING r.*
	), ended AS (
		UPDATE data_api.jobs j SET status = gone.status, attempt = gone.attempt, forgiven = gone.forgiven, started_at = gone.started_at,
			outcome = gone.outcome, expires = coalesce(gone.expires, data_api.now_ns() + gone.after), kept = j.kept + gone.size
		FROM gone WHERE j.id = gone.id RETURNING j.id, j.callback_host, j.idempotency, gone.company, gone.free_key, gone.completed_at, gone.now
	), freed AS (
		DELETE FROM data_api.idempotency_keys k USING ended WHERE ended.free_key AND k.name = ended.idempotency AND k.job_id = ended.id
	), announced AS (
		INSERT INTO data_api.deliveries (job_id, company, host, state, created_at, next_attempt, due)
		SELECT id, company, callback_host, 'pending', completed_at, completed_at, coalesce(now, data_api.now_ns())
		FROM ended WHERE callback_host IS NOT NULL
	), discarded AS (
		INSERT INTO data_api.discards (id, attempt) SELECT id, attempt FROM gone
		WHERE status <> 'completed' AND EXISTS (SELECT FROM data_api.chunks c WHERE c.id = gone.id AND c.attempt = gone.attempt)
		ON CONFLICT DO NOTHING
	), delta AS (
		SELECT company, -count(*) FILTER (WHERE state = 0) AS waiting, sum(size)::bigint AS kept FROM gone WHERE state = 0 OR size <> 0
		GROUP BY company
	), ` + countDelta + `
	SELECT id FROM gone`

// Finish implements job.Store. Jobs that end at the same time are ended by one statement.
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
	e := &ending{id: id, attempt: attempt, outcome: outcome}
	outcome.CompletedAt, outcome.ExpiresAt = outcome.CompletedAt.UTC(), outcome.ExpiresAt.UTC()
	text, err := json.Marshal(outcome)
	if err != nil {
		return false, err
	}
	e.text = string(text)
	if err := s.endings.do(ctx, e); err != nil {
		return false, err
	}
	for !e.ended {
		if err := s.finishAll(context.WithoutCancel(ctx), []*ending{e}, waitForLocked); err != nil {
			return false, err
		}
		if e.ended {
			break
		}
		again, err := s.notFinished(ctx, id, attempt, outcome)
		if !again {
			return false, err
		}
	}
	s.signals.Announce(false, id)
	return true, nil
}

// What a statement does about rows that another transaction has locked.
const (
	waitForLocked = ""
	skipLocked    = "SKIP LOCKED" // else one server that hangs would hold up what has nothing to do with it
)

// finishAll ends jobs by one statement, and notes which of them have ended by it.
func (s *Store) finishAll(ctx context.Context, all []*ending, locked string) error {
	n := len(all)
	ids, attempts, statuses, chunks, outcomes := make([][]byte, n), make([]int, n), make([]string, n), make([]int, n), make([]string, n)
	expires, after, sizes, free := make([]*int64, n), make([]int64, n), make([]int64, n), make([]bool, n)
	completed, clocks := make([]*int64, n), make([]*int64, n)
	byID := make(map[job.ID]*ending, n)
	for i, e := range all {
		end := &e.outcome
		ids[i], attempts[i], statuses[i], chunks[i], outcomes[i] = e.id[:], e.attempt, string(end.Status), end.Result.Chunks, e.text
		expires[i], after[i] = s.due(end.ExpiresAt, end.CompletedAt)
		sizes[i], free[i], completed[i], clocks[i] = end.Result.Size, end.FreeKey, nano(end.CompletedAt), s.clock(end.CompletedAt)
		byID[e.id] = e
	}
	arguments := []any{ids, attempts, statuses, chunks, outcomes, expires, after, sizes, free, completed, clocks}
	return s.db.ChangeAndCollect(ctx, fmt.Sprintf(finishJobs, locked), arguments, func(rows pgx.Rows) error {
		for _, e := range all {
			e.ended = false
		}
		var id []byte
		_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
			byID[job.ID(id)].ended = true
			return nil
		})
		return err
	})
}

// notFinished says why a job could not be ended; again: it can be now.
func (s *Store) notFinished(ctx context.Context, id job.ID, attempt int, outcome job.Outcome) (again bool, err error) {
	j, err := s.Get(context.WithoutCancel(ctx), id)
	switch {
	case err != nil:
		return false, err
	case j.Attempt == attempt && j.Status == outcome.Status: // repeated
		return false, s.db.Confirm(ctx)
	case j.Attempt != attempt || j.Status.Terminal():
		return false, job.ErrLost
	case outcome.Status != job.Completed:
		return true, nil
	}
	stored := 0
	err = s.db.Read(context.WithoutCancel(ctx), func(ctx context.Context, q pgdb.Querier) error {
		return q.QueryRow(ctx, s.db.SQL(`SELECT count(*) FROM data_api.chunks WHERE id = $1 AND attempt = $2`), id[:], attempt).Scan(&stored)
	})
	if err == nil && stored != outcome.Result.Chunks {
		err = job.ErrMissingChunk
	}
	return err == nil, err
}

// ReadChunk implements job.Store.
func (s *Store) ReadChunk(ctx context.Context, id job.ID, n int, buffer []byte) ([]byte, error) {
	if n < 0 || n >= job.MaxChunks {
		return buffer, job.ErrNotFound
	}
	err := s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		var chunk pgtype.DriverBytes
		rows, err := q.Query(ctx, s.db.SQL(`SELECT c.data FROM data_api.jobs j JOIN data_api.chunks c ON c.id = j.id AND c.attempt = j.attempt
			WHERE j.id = $1 AND j.status = 'completed' AND c.n = $2`), id[:], n)
		if err != nil {
			return err
		}
		defer rows.Close()
		if !rows.Next() {
			return errors.Join(rows.Err(), pgdb.Refuse(job.ErrNotFound))
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
