package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// maxDue bounds how many jobs one claim makes claimable whose lease or waiting time has ended.
const maxDue = 1000

// Claim implements job.Store. Servers that claim at the same time pass over what another has locked.
func (s *Store) Claim(
	ctx context.Context, owner string, now, until time.Time, given job.Capacity,
) (jobs []job.Job, next time.Time, err error) {
	if owner == "" || given.Jobs < 1 {
		return nil, time.Time{}, errors.New("a claim needs an owner and room for at least 1 job")
	}
	s.learnClock(now)
	c := &jobClaim{store: s, owner: owner, now: now, until: until, given: given}
	// Looking first spares a commit when there is nothing to do.
	if err := s.db.Read(ctx, c.look); err != nil {
		return nil, time.Time{}, err
	}
	if !c.due && len(c.order(nil)) == 0 {
		return nil, c.next, nil
	}
	if err := s.db.Write(ctx, c.run); err != nil {
		return nil, time.Time{}, err
	}
	s.jobTurns.serve(c.served)
	if len(c.jobs) == 0 && c.turns.missed {
		next = now.Add(lookAgain).UTC()
	}
	return c.jobs, next, nil
}

// lookAgain is when to look again after another server was claiming from the same lines.
const lookAgain = 5 * time.Millisecond

// jobClaim is one claim of jobs.
type jobClaim struct {
	store      *Store
	owner      string
	now, until time.Time
	given      job.Capacity

	lines  []line         // that have jobs which can be claimed, in the order in which their first ones were accepted
	others map[string]int // how many jobs of each company other owners run
	due    bool           // a lease or a waiting time has ended
	next   time.Time      // when the next one ends
	turns  exclusive      // on companies of which only so many jobs may run

	jobs   []job.Job
	served []line // where each of jobs waited
}

// lines finds the lines, and the first job of each, by one step in an index for each line, however many jobs wait.
const lines = `lines AS (
		(SELECT source, company, place, created_at FROM data_api.queue WHERE state = 0 ORDER BY source, company, place LIMIT 1)
		UNION ALL
		SELECT following.* FROM lines, LATERAL (
			SELECT source, company, place, created_at FROM data_api.queue
			WHERE state = 0 AND (source, company) > (lines.source, lines.company) ORDER BY source, company, place LIMIT 1
		) following
	)`

// look reads what there is to claim, and writes nothing.
func (c *jobClaim) look(ctx context.Context, q pgdb.Querier) error {
	batch := new(pgx.Batch)
	c.queueLines(batch)
	c.lookForDue(batch)
	return c.store.send(ctx, q, batch)
}

// queueLines asks for the lines, and for what other owners run of each company.
func (c *jobClaim) queueLines(batch *pgx.Batch) {
	batch.Queue(c.store.db.SQL(`WITH RECURSIVE ` + lines + ` SELECT source, company FROM lines ORDER BY place`)).Query(func(rows pgx.Rows) (err error) {
		c.lines, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (l line, err error) {
			return l, row.Scan(&l.group, &l.member)
		})
		return err
	})
	c.others = make(map[string]int)
	if c.given.PerCompany == 0 {
		return
	}
	batch.Queue(c.store.db.SQL(`SELECT company, count(*) FROM data_api.queue WHERE state = 1 AND owner <> $1 GROUP BY company`), c.owner).
		Query(func(rows pgx.Rows) error {
			var company string
			var count int
			_, err := pgx.ForEachRow(rows, []any{&company, &count}, func() error {
				c.others[company] = count
				return nil
			})
			return err
		})
}

// lookForDue asks when the next lease or waiting time ends.
func (c *jobClaim) lookForDue(batch *pgx.Batch) {
	batch.Queue(c.store.db.SQL(`
		SELECT coalesce($1, data_api.now_ns()), least(
			(SELECT min(lease_ends) FROM data_api.queue WHERE state = 1),
			(SELECT min(delayed_until) FROM data_api.queue WHERE state = 2)
		)`), c.store.clock(c.now)).QueryRow(func(row pgx.Row) error {
		var now int64
		var first *int64
		if err := row.Scan(&now, &first); err != nil {
			return err
		}
		c.due = first != nil && *first <= now
		if c.next = (time.Time{}); first != nil && !c.due {
			c.next = c.now.Add(time.Duration(*first - now)).UTC()
		}
		return nil
	})
}

// run claims in a transaction.
func (c *jobClaim) run(ctx context.Context, tx pgx.Tx) error {
	c.jobs, c.served, c.turns = nil, nil, exclusive{}
	if c.due {
		if err := errors.Join(c.requeue(ctx, tx), c.look(ctx, tx)); err != nil {
			return err
		}
	}
	ids, order, err := c.store.take(ctx, tx, c)
	if err != nil || len(ids) == 0 {
		return err
	}
	return c.begin(ctx, tx, ids, order)
}

// exclude implements work. Where only so many jobs of a company may run on all servers together, one server at a time claims
// jobs of it, and counts what runs once it does.
func (c *jobClaim) exclude(ctx context.Context, tx pgx.Tx, lines []line) (changed bool, err error) {
	if c.given.PerCompany == 0 {
		return false, nil
	}
	if changed, err = c.store.exclude(ctx, tx, &c.turns, "company", lines); changed && err == nil {
		err = c.look(ctx, tx)
	}
	return changed, err
}

// requeue makes those jobs claimable whose lease or waiting time has ended, and extends the leases that are held.
func (c *jobClaim) requeue(ctx context.Context, tx pgx.Tx) error {
	s := c.store
	var held [][]byte
	var attempts []int
	if c.until.After(c.now) {
		held, attempts = attemptsOf(c.given.Held)
	}
	exact, after := s.due(c.until, c.now)
	_, err := tx.Exec(ctx, s.db.SQL(`
		WITH held AS (
			SELECT q.id FROM unnest($1::bytea[], $2::int[]) AS h(id, attempt) JOIN data_api.queue q ON q.id = h.id AND q.attempt = h.attempt
			WHERE q.state = 1 AND q.lease_ends <= coalesce($3, data_api.now_ns()) FOR UPDATE OF q SKIP LOCKED
		)
		UPDATE data_api.queue q SET lease_until = $4, lease_ends = coalesce($5, data_api.now_ns() + $6) FROM held WHERE q.id = held.id`),
		held, attempts, s.clock(c.now), nano(c.until), exact, after)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, s.db.SQL(`
		WITH leases AS (
			SELECT id FROM data_api.queue WHERE state = 1 AND lease_ends <= coalesce($1, data_api.now_ns()) LIMIT $2 FOR UPDATE SKIP LOCKED
		), delays AS (
			SELECT id FROM data_api.queue WHERE state = 2 AND delayed_until <= coalesce($1, data_api.now_ns())
			ORDER BY delayed_until LIMIT $2 FOR UPDATE SKIP LOCKED
		), due AS (
			SELECT id FROM leases UNION ALL SELECT id FROM delays
		), requeued AS (
			UPDATE data_api.queue q SET state = 0, owner = '', lease_until = NULL, lease_ends = NULL, not_before = NULL, delayed_until = NULL
			FROM due WHERE q.id = due.id RETURNING company
		)
		SELECT company, count(*) FROM requeued GROUP BY company`), s.clock(c.now), maxDue)
	if err != nil {
		return err
	}
	waiting := make(tally)
	var company string
	var count int64
	if _, err := pgx.ForEachRow(rows, []any{&company, &count}, func() error {
		waiting.add(company, count, 0)
		return nil
	}); err != nil {
		return err
	}
	return s.count(ctx, tx, waiting)
}

// order implements work.
func (c *jobClaim) order(most map[line]int) []line {
	given := c.given
	companies, sources := make(map[string]int), make(map[string]int)
	return c.store.jobTurns.order(c.lines, given.Jobs, room{
		running: func(source string) int { return given.Sources[source].Running },
		full: func(l line) bool {
			source, company := l.group, l.member
			return c.turns.elsewhere(company) ||
				given.Full(job.Line{Source: source, Company: company}, sources[source], c.others[company]+companies[company])
		},
		take: func(l line) {
			companies[l.member]++
			sources[l.group]++
		},
	}, most)
}

// lock implements work.
func (c *jobClaim) lock(batch *pgx.Batch, l line, n int, found func(ids [][]byte)) {
	batch.Queue(c.store.db.SQL(`SELECT id FROM data_api.queue WHERE state = 0 AND source = $1 AND company = $2 ORDER BY place LIMIT $3
		FOR UPDATE SKIP LOCKED`), l.group, l.member, n).Query(func(rows pgx.Rows) error {
		ids, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		found(ids)
		return err
	})
}

// begin gives jobs that are locked to the owner.
func (c *jobClaim) begin(ctx context.Context, tx pgx.Tx, ids [][]byte, order []line) error {
	s := c.store
	exact, after := s.due(c.until, c.now)
	rows, err := tx.Query(ctx, s.db.SQL(`
		WITH claimed AS (
			UPDATE data_api.queue SET state = 1, attempt = attempt + 1, started_at = $2, owner = $3, lease_until = $4,
				lease_ends = coalesce($5, data_api.now_ns() + $6), lease_length = $6, not_before = NULL, delayed_until = NULL
			WHERE id = ANY ($1) RETURNING *
		), discarded AS (
			INSERT INTO data_api.discards (id, attempt) SELECT id, attempt - 1 FROM claimed c
			WHERE attempt > 1 AND EXISTS (SELECT FROM data_api.chunks WHERE id = c.id AND attempt = c.attempt - 1) ON CONFLICT DO NOTHING
		)
		SELECT `+jobColumns+` FROM data_api.jobs j JOIN claimed q ON q.id = j.id`),
		ids, nano(c.now), c.owner, nano(c.until), exact, after)
	if err != nil {
		return err
	}
	claimed, err := pgx.CollectRows(rows, scanJob)
	if err != nil {
		return err
	}
	if len(claimed) != len(ids) {
		return errors.New("a job in the queue has no record")
	}
	waiting := make(tally)
	for _, l := range order {
		waiting.add(l.member, -1, 0)
	}
	c.jobs, c.served = inOrder(claimed, ids, func(j *job.Job) job.ID { return j.ID }), order
	return s.count(ctx, tx, waiting)
}
