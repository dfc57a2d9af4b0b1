package boltstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

var _ callback.Store = (*Store)(nil)

var (
	// deliveryBucket holds a callback.Delivery for each job that announces its end, by the job's ID.
	deliveryBucket = layout.Bucket("deliveries", identified("the delivery of job", 0))
	// deliveryDueBucket holds the pending ones for which the clock decides, by NextAttempt and ID.
	deliveryDueBucket = layout.Index("deliveries_due", identified("the next attempt at the delivery of job", 8))
	// deliveryQueue holds the pending ones that are due, by company and host.
	deliveryQueue = newFairQueue("deliveries_ready", "deliveries")
)

// deliveryRecord is a delivery as it is stored.
type deliveryRecord struct {
	callback.Delivery
	Place uint64 `json:"place,omitempty"` // in the queue; 0: it is not there
}

func (d *deliveryRecord) queued() queued {
	return queued{group: d.Company, member: d.Host(), place: d.Place, id: d.JobID}
}

// removeDeliveryIndex takes a pending delivery out of the index where it is. The record must be as it was stored.
func removeDeliveryIndex(tx *bbolt.Tx, d *deliveryRecord) error {
	if d.Place == 0 {
		return in(tx, deliveryDueBucket).Delete(timeKey(d.NextAttempt, d.JobID))
	}
	q := d.queued()
	d.Place = 0
	return deliveryQueue.remove(tx, q)
}

// addDelivery makes the delivery of a job that ends in this transaction.
func addDelivery(tx *bbolt.Tx, j *job.Job) error {
	return putDelivery(tx, &deliveryRecord{Delivery: callback.Delivery{
		JobID: j.ID, Company: j.Company, User: j.User, URL: j.CallbackURL,
		State: callback.Pending, CreatedAt: j.CompletedAt, NextAttempt: j.CompletedAt,
	}})
}

// putDelivery stores a delivery whose old index entry is gone, with the one that belongs to it now.
func putDelivery(tx *bbolt.Tx, d *deliveryRecord) (err error) {
	d.CreatedAt, d.NextAttempt, d.EndedAt = d.CreatedAt.UTC(), d.NextAttempt.UTC(), d.EndedAt.UTC()
	switch {
	case d.State != callback.Pending:
	case d.Place > 0:
		err = deliveryQueue.push(tx, d.queued())
	default:
		err = in(tx, deliveryDueBucket).Put(timeKey(d.NextAttempt, d.JobID), nil)
	}
	if err != nil {
		return err
	}
	value, err := json.Marshal(d)
	if err != nil {
		return err
	}
	id := d.JobID
	return in(tx, deliveryBucket).Put(id[:], value)
}

func readDelivery(tx *bbolt.Tx, id job.ID) (*deliveryRecord, error) {
	stored, err := in(tx, deliveryBucket).Get(id[:])
	if err != nil {
		return nil, err
	}
	if stored == nil {
		return nil, callback.ErrNotFound
	}
	d := new(deliveryRecord)
	if err := json.Unmarshal(stored, d); err != nil {
		return nil, layout.Damaged(deliveryBucket, id[:], err.Error())
	}
	return d, nil
}

// deliveryNeedsJobUntil is the time up to which a job must stay for its delivery; not after now: it need not.
func deliveryNeedsJobUntil(tx *bbolt.Tx, id job.ID, now time.Time) time.Time {
	d, err := readDelivery(tx, id)
	switch {
	case err != nil: // there is none; a damaged one can announce nothing
		return time.Time{}
	case d.State == callback.Pending:
		return now.Add(time.Hour)
	case d.State == callback.Dead:
		return d.EndedAt.Add(callback.DeadRetention)
	}
	return time.Time{}
}

func removeDelivery(tx *bbolt.Tx, id job.ID) error { return in(tx, deliveryBucket).Delete(id[:]) }

// deliveryCapacity makes the capacity of one claim, which counts what it takes.
func deliveryCapacity(given callback.Capacity) capacity {
	companies, hosts, lines := make(map[string]int), make(map[string]int), make(map[callback.Line]int)
	return capacity{
		groupRunning: func(company string) int { return given.Running[company] },
		full: func(company, host string) bool {
			line := callback.Line{Company: company, Host: host}
			return given.Full(line, companies[company], hosts[host], lines[line])
		},
		take: func(company, host string) {
			companies[company]++
			hosts[host]++
			lines[callback.Line{Company: company, Host: host}]++
		},
	}
}

// ClaimDeliveries implements callback.Store.
func (s *Store) ClaimDeliveries(
	ctx context.Context, now, until time.Time, room callback.Capacity,
) (due []callback.Delivery, next time.Time, err error) {
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	if room.Deliveries < 1 {
		return nil, time.Time{}, errors.New("a claim needs room for at least 1 delivery")
	}
	nothing, next, err := s.nothingToClaim(deliveryQueue, deliveryCapacity(room), deliveryDueBucket, now)
	if err != nil || nothing {
		return nil, next, err
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		err := s.enqueueDeliveries(tx, now, until, room.Held)
		if err != nil {
			return err
		}
		due, err = s.claimQueuedDeliveries(tx, until, room)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return due, time.Time{}, nil
}

// claimQueuedDeliveries claims as many deliveries of the queue as there is room for.
func (s *Store) claimQueuedDeliveries(tx *bbolt.Tx, until time.Time, room callback.Capacity) (due []callback.Delivery, err error) {
	err = deliveryQueue.claim(tx, room.Deliveries, deliveryCapacity(room), func(q queued) error {
		d, err := readDelivery(tx, q.id)
		if unreadable(err) {
			s.reportUnreadable(deliveryBucket, q.id[:], err) // it announces nothing any more, and goes with its job
			return deliveryQueue.remove(tx, q)
		}
		if err != nil {
			return err
		}
		if err := removeDeliveryIndex(tx, d); err != nil {
			return err
		}
		d.Attempt++
		d.NextAttempt = until
		if err := putDelivery(tx, d); err != nil {
			return err
		}
		due = append(due, d.Delivery)
		return nil
	})
	return due, err
}

// enqueueDeliveries puts those deliveries into the queue whose time has come, and puts those off that are held.
func (s *Store) enqueueDeliveries(tx *bbolt.Tx, now, until time.Time, held map[job.ID]int) error {
	for range maxDue {
		if !isDue(tx, deliveryDueBucket, now) {
			return nil
		}
		key := bytes.Clone(in(tx, deliveryDueBucket).First())
		_, id := splitTimeKey(key)
		d, err := readDelivery(tx, id)
		if unreadable(err) {
			s.reportUnreadable(deliveryBucket, id[:], err)
			if err := in(tx, deliveryDueBucket).Delete(key); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := removeDeliveryIndex(tx, d); err != nil {
			return err
		}
		if attempt, ok := held[id]; ok && attempt == d.Attempt && until.After(now) {
			d.NextAttempt = until
		} else if d.Place, err = deliveryQueue.place(tx); err != nil {
			return err
		}
		if err := putDelivery(tx, d); err != nil {
			return err
		}
	}
	return nil
}

// SettleDelivery implements callback.Store.
func (s *Store) SettleDelivery(ctx context.Context, settled callback.Delivery) error {
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		d, err := readDelivery(tx, settled.JobID)
		if err != nil {
			return boltfile.Refuse(err)
		}
		if d.Attempt == settled.Attempt && d.State == settled.State && d.State != callback.Pending {
			return nil // repeated
		}
		if d.Attempt != settled.Attempt || d.State != callback.Pending {
			return boltfile.Refuse(callback.ErrLost)
		}
		if err := removeDeliveryIndex(tx, d); err != nil {
			return err
		}
		d.State, d.NextAttempt, d.Forgiven = settled.State, settled.NextAttempt, settled.Forgiven
		d.EndedAt, d.Log = settled.EndedAt, settled.Log
		return putDelivery(tx, d)
	})
}

// ReplayDelivery implements callback.Store.
func (s *Store) ReplayDelivery(ctx context.Context, id job.ID, now time.Time) (callback.Delivery, error) {
	var replayed callback.Delivery
	err := s.Update(ctx, func(tx *bbolt.Tx) error {
		d, err := readDelivery(tx, id)
		switch {
		case err != nil:
			return boltfile.Refuse(err)
		case d.State == callback.Pending:
			return boltfile.Refuse(callback.ErrPending)
		}
		d.State, d.NextAttempt, d.EndedAt = callback.Pending, now, time.Time{}
		d.Attempt++ // what the attempt before would still write is refused
		d.Forgiven = d.Attempt
		if err := putDelivery(tx, d); err != nil {
			return err
		}
		replayed = d.Delivery
		return nil
	})
	if err != nil {
		return callback.Delivery{}, err
	}
	return replayed, nil
}

// listBatch is how many deliveries one transaction looks at, so that a long search does not stay in it.
const listBatch = 200

// ListDeliveries implements callback.Store.
func (s *Store) ListDeliveries(
	ctx context.Context, state callback.State, after job.ID, limit int,
) (found []callback.Delivery, err error) {
	for ended := false; !ended && len(found) < limit; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var batch []callback.Delivery
		err := s.View(func(tx *bbolt.Tx) (err error) {
			batch, err = deliveriesAfter(tx, after)
			return err
		})
		if err != nil {
			return nil, err
		}
		ended = len(batch) < listBatch
		for _, d := range batch {
			after = d.JobID
			if len(found) < limit && (state == "" || d.State == state) {
				found = append(found, d)
			}
		}
	}
	return found, nil
}

// deliveriesAfter returns the next listBatch deliveries.
func deliveriesAfter(tx *bbolt.Tx, after job.ID) (batch []callback.Delivery, err error) {
	cursor := in(tx, deliveryBucket).Cursor()
	key, _ := cursor.Seek(after[:])
	if string(key) == string(after[:]) {
		key, _ = cursor.Next()
	}
	for ; key != nil && len(batch) < listBatch; key, _ = cursor.Next() {
		d, err := readDelivery(tx, job.ID(key))
		if err != nil {
			return nil, err
		}
		batch = append(batch, d.Delivery)
	}
	return batch, nil
}

// DeliveriesDue implements store.Store.
func (s *Store) DeliveriesDue(ctx context.Context, now time.Time) (due int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	err = s.View(func(tx *bbolt.Tx) error {
		due = 0
		lines, err := deliveryQueue.lines(tx)
		for _, line := range lines {
			due += int(line.waiting)
		}
		if err != nil {
			return err
		}
		// What nobody has put in line yet, since its time has only just come.
		cursor := in(tx, deliveryDueBucket).Cursor()
		for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
			if at, _ := splitTimeKey(key); at.After(now) {
				break
			}
			due++
		}
		return nil
	})
	return due, err
}
