package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

var _ callback.Store = (*Store)(nil)

// deliveryColumns are what a delivery is read from: d is its row, and j that of its job, which is there as long.
const deliveryColumns = `d.job_id, d.company, j.request, d.state, d.created_at, d.next_attempt, d.attempt, d.forgiven, d.ended_at, d.log`

func scanDelivery(row pgx.CollectableRow) (d callback.Delivery, err error) {
	var id []byte
	var request, state string
	var log *string
	var created, next, ended *int64
	err = row.Scan(&id, &d.Company, &request, &state, &created, &next, &d.Attempt, &d.Forgiven, &ended, &log)
	if err != nil {
		return callback.Delivery{}, err
	}
	copy(d.JobID[:], id)
	d.State, d.CreatedAt, d.NextAttempt, d.EndedAt = callback.State(state), instant(created), instant(next), instant(ended)
	var announced struct {
		User string `json:"user"`
		URL  string `json:"callback_url"`
	}
	err = json.Unmarshal([]byte(request), &announced)
	if log != nil {
		err = errors.Join(err, json.Unmarshal([]byte(*log), &d.Log))
	}
	if err != nil {
		return callback.Delivery{}, fmt.Errorf("the delivery of job %s is damaged: %w", d.JobID, err)
	}
	d.User, d.URL = announced.User, announced.URL
	return d, nil
}

// SettleDelivery implements callback.Store.
func (s *Store) SettleDelivery(ctx context.Context, settled callback.Delivery) error {
	var log *string
	if settled.Log != nil {
		text, err := json.Marshal(settled.Log)
		if err != nil {
			return err
		}
		log = new(string(text))
	}
	exact, after := s.dueLater(settled.NextAttempt)
	arguments := []any{
		settled.JobID[:], settled.Attempt, string(settled.State), nano(settled.NextAttempt), settled.Forgiven, nano(settled.EndedAt), log,
		exact, after, s.clock(settled.EndedAt), int64(callback.DeadRetention),
	}
	for {
		rows, err := s.db.Change(ctx, settleDelivery, arguments...)
		if err != nil || rows > 0 {
			return err
		}
		if again, err := s.notSettled(ctx, settled); !again {
			return err
		}
	}
}

// settleDelivery stores what has come of an attempt.
const settleDelivery = `
	UPDATE data_api.deliveries SET state = $3, next_attempt = $4, forgiven = $5, ended_at = $6, log = $7, node = NULL,
		due = CASE WHEN $3 = 'pending' THEN coalesce($8, data_api.now_ns() + $9) END,
		needed_until = CASE WHEN $3 = 'dead' THEN coalesce($10, data_api.now_ns()) + $11 END
	WHERE job_id = $1 AND attempt = $2 AND state = 'pending'`

// notSettled says why an attempt could not be settled; again: it can be now.
func (s *Store) notSettled(ctx context.Context, settled callback.Delivery) (again bool, err error) {
	repeated := false
	err = s.db.Read(context.WithoutCancel(ctx), func(ctx context.Context, q pgdb.Querier) error {
		d, err := s.readDelivery(ctx, q, settled.JobID, "")
		switch {
		case err != nil:
			return err
		case d.Attempt != settled.Attempt:
			return pgdb.Refuse(callback.ErrLost)
		case d.State == callback.Pending:
			again = true
			return nil
		case d.State == settled.State:
			repeated = true
			return nil
		}
		return pgdb.Refuse(callback.ErrLost)
	})
	if repeated {
		err = s.db.Confirm(ctx)
	}
	return again, err
}

func (s *Store) readDelivery(ctx context.Context, q pgdb.Querier, id job.ID, lock string) (callback.Delivery, error) {
	rows, err := q.Query(ctx, s.db.SQL(`SELECT `+deliveryColumns+` FROM data_api.deliveries d JOIN data_api.jobs j ON j.id = d.job_id
		WHERE d.job_id = $1`+lock), id[:])
	if err != nil {
		return callback.Delivery{}, err
	}
	d, err := pgx.CollectExactlyOneRow(rows, scanDelivery)
	if errors.Is(err, pgx.ErrNoRows) {
		return callback.Delivery{}, pgdb.Refuse(callback.ErrNotFound)
	}
	return d, err
}

// ReplayDelivery implements callback.Store.
func (s *Store) ReplayDelivery(ctx context.Context, id job.ID, now time.Time) (replayed callback.Delivery, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		d, err := s.readDelivery(ctx, tx, id, ` FOR UPDATE OF d`)
		switch {
		case err != nil:
			return err
		case d.State == callback.Pending:
			return pgdb.Refuse(callback.ErrPending)
		}
		// With another attempt, so that what the one before would still write is refused.
		_, err = tx.Exec(ctx, s.db.SQL(`UPDATE data_api.deliveries SET state = 'pending', next_attempt = $2, due = coalesce($3, data_api.now_ns()),
			ended_at = NULL, needed_until = NULL, attempt = attempt + 1, forgiven = attempt + 1 WHERE job_id = $1`), id[:], nano(now), s.clock(now))
		if err != nil {
			return err
		}
		replayed, err = s.readDelivery(ctx, tx, id, "")
		return err
	})
	if err != nil {
		return callback.Delivery{}, err
	}
	return replayed, nil
}

// ListDeliveries implements callback.Store.
func (s *Store) ListDeliveries(
	ctx context.Context, state callback.State, after job.ID, limit int,
) (found []callback.Delivery, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, s.db.SQL(`SELECT `+deliveryColumns+` FROM data_api.deliveries d JOIN data_api.jobs j ON j.id = d.job_id
			WHERE d.job_id > $1 AND $2 IN ('', d.state) ORDER BY d.job_id LIMIT $3`), pgdb.PlanAnew, after[:], string(state), limit)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, scanDelivery)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
