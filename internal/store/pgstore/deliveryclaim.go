package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// ClaimDeliveries implements callback.Store.
func (s *Store) ClaimDeliveries(
	ctx context.Context, now, until time.Time, given callback.Capacity,
) (due []callback.Delivery, next time.Time, err error) {
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	if given.Deliveries < 1 {
		return nil, time.Time{}, errors.New("a claim needs room for at least 1 delivery")
	}
	s.learnClock(now)
	c := &deliveryClaim{store: s, now: now, until: until, given: given}
	if err := s.db.Read(ctx, c.look); err != nil {
		return nil, time.Time{}, err
	}
	if len(c.order(nil)) == 0 {
		return nil, c.next, nil
	}
	if err := s.db.Write(ctx, c.run); err != nil {
		return nil, time.Time{}, err
	}
	if len(c.due) == 0 {
		if c.turns.missed {
			c.next = now.Add(lookAgain).UTC()
		}
		return nil, c.next, nil
	}
	s.hostTurns.serve(c.served)
	return c.due, time.Time{}, nil
}

// deliveryClaim is one claim of deliveries.
type deliveryClaim struct {
	store      *Store
	now, until time.Time
	given      callback.Capacity

	lines     []line         // that have deliveries which are due, in the order in which their first ones were
	companies map[string]int // how many of each company other servers try
	hosts     map[string]int // how many to each host
	next      time.Time      // when the first one is due of a line of which none is

	turns  exclusive // on hosts that only so many may be sent to at once
	due    []callback.Delivery
	served []line // where each of due waited
}

// pendingLines finds the lines by one step in an index for each, however many deliveries wait.
const pendingLines = `
	WITH RECURSIVE lines AS (
		(SELECT company, host, due FROM data_api.deliveries WHERE state = 'pending' ORDER BY company, host, due LIMIT 1)
		UNION ALL
		SELECT following.* FROM lines, LATERAL (
			SELECT company, host, due FROM data_api.deliveries
			WHERE state = 'pending' AND (company, host) > (lines.company, lines.host) ORDER BY company, host, due LIMIT 1
		) following
	)
	SELECT company, host, due - coalesce($1, data_api.now_ns()) FROM lines ORDER BY due`

// look reads what there is to claim, and what other servers try, and writes nothing.
func (c *deliveryClaim) look(ctx context.Context, q pgdb.Querier) error {
	batch := new(pgx.Batch)
	c.lines, c.next = nil, time.Time{}
	batch.Queue(c.store.db.SQL(pendingLines), c.store.clock(c.now)).Query(func(rows pgx.Rows) error {
		var l line
		var after int64
		_, err := pgx.ForEachRow(rows, []any{&l.group, &l.member, &after}, func() error {
			if after <= 0 {
				c.lines = append(c.lines, l)
			} else if c.next.IsZero() {
				c.next = c.now.Add(time.Duration(after)).UTC()
			}
			return nil
		})
		return err
	})
	c.companies, c.hosts = make(map[string]int), make(map[string]int)
	batch.Queue(c.store.db.SQL(`SELECT company, host, count(*) FROM data_api.deliveries
		WHERE node IS NOT NULL AND node <> $1 AND state = 'pending' AND due > coalesce($2, data_api.now_ns()) GROUP BY company, host`),
		c.store.node, c.store.clock(c.now)).Query(func(rows pgx.Rows) error {
		var l line
		var count int
		_, err := pgx.ForEachRow(rows, []any{&l.group, &l.member, &count}, func() error {
			c.companies[l.group] += count
			c.hosts[l.member] += count
			return nil
		})
		return err
	})
	return c.store.send(ctx, q, batch)
}

// order implements work.
func (c *deliveryClaim) order(most map[line]int) []line {
	given := c.given
	companies, hosts, lines := make(map[string]int), make(map[string]int), make(map[line]int)
	return c.store.hostTurns.order(c.lines, given.Deliveries, room{
		running: func(company string) int { return given.Running[company] },
		full: func(l line) bool {
			company, host := l.group, l.member
			return c.turns.elsewhere(host) || given.Full(callback.Line{Company: company, Host: host},
				c.companies[company]+companies[company], c.hosts[host]+hosts[host], lines[l])
		},
		take: func(l line) {
			companies[l.group]++
			hosts[l.member]++
			lines[l]++
		},
	}, most)
}

// run claims in a transaction.
func (c *deliveryClaim) run(ctx context.Context, tx pgx.Tx) error {
	c.due, c.served, c.turns = nil, nil, exclusive{}
	if err := c.hold(ctx, tx); err != nil {
		return err
	}
	ids, order, err := c.store.take(ctx, tx, c)
	if err != nil || len(ids) == 0 {
		return err
	}
	s := c.store
	exact, after := s.due(c.until, c.now)
	rows, err := tx.Query(ctx, s.db.SQL(`
		WITH d AS (
			UPDATE data_api.deliveries SET attempt = attempt + 1, next_attempt = $2, due = coalesce($3, data_api.now_ns() + $4), node = $5
			WHERE job_id = ANY ($1) RETURNING *
		)
		SELECT `+deliveryColumns+` FROM d JOIN data_api.jobs j ON j.id = d.job_id`), ids, nano(c.until), exact, after, s.node)
	if err != nil {
		return err
	}
	claimed, err := pgx.CollectRows(rows, scanDelivery)
	if err != nil {
		return err
	}
	if len(claimed) != len(ids) {
		return errors.New("a delivery has no job")
	}
	c.due, c.served = inOrder(claimed, ids, func(d *callback.Delivery) job.ID { return d.JobID }), order
	return nil
}

// exclude implements work. Where only so many may go to a host from all servers together, one server at a time claims those to
// it, and counts what is on its way once it does.
func (c *deliveryClaim) exclude(ctx context.Context, tx pgx.Tx, lines []line) (changed bool, err error) {
	if c.given.PerHost == 0 {
		return false, nil
	}
	if changed, err = c.store.exclude(ctx, tx, &c.turns, "host", lines); changed && err == nil {
		err = c.look(ctx, tx)
	}
	return changed, err
}

// hold puts those off that this server tries itself.
func (c *deliveryClaim) hold(ctx context.Context, tx pgx.Tx) error {
	if len(c.given.Held) == 0 || !c.until.After(c.now) {
		return nil
	}
	held, attempts := attemptsOf(c.given.Held)
	s := c.store
	exact, after := s.due(c.until, c.now)
	put, err := tx.Exec(ctx, s.db.SQL(`
		UPDATE data_api.deliveries d SET next_attempt = $4, due = coalesce($5, data_api.now_ns() + $6)
		FROM unnest($1::bytea[], $2::int[]) AS h(id, attempt)
		WHERE d.job_id = h.id AND d.attempt = h.attempt AND d.state = 'pending' AND d.due <= coalesce($3, data_api.now_ns())`),
		held, attempts, s.clock(c.now), nano(c.until), exact, after)
	if err != nil || put.RowsAffected() == 0 {
		return err
	}
	return c.look(ctx, tx)
}

// lock implements work.
func (c *deliveryClaim) lock(batch *pgx.Batch, l line, n int, found func(ids [][]byte)) {
	batch.Queue(c.store.db.SQL(`SELECT job_id FROM data_api.deliveries WHERE state = 'pending' AND company = $1 AND host = $2
		AND due <= coalesce($3, data_api.now_ns()) ORDER BY due, job_id LIMIT $4 FOR UPDATE SKIP LOCKED`),
		l.group, l.member, c.store.clock(c.now), n).Query(func(rows pgx.Rows) error {
		ids, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		found(ids)
		return err
	})
}
