package boltstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

var _ job.Store = (*Store)(nil)

// jobBucket holds a record for each job, by ID.
var jobBucket = layout.Bucket("jobs", identified("job", 0))

// record is a job as it is stored.
type record struct {
	job.Job
	Place uint64 `json:"place,omitempty"` // in the queue, among the jobs of its source and company; 0: it was never there
	Round uint64 `json:"round,omitempty"` // what stood for Place before schema 4; 0: nothing
	// Taken is what its company's quota counts besides its result; 0 in records of before this was counted.
	Taken int64 `json:"taken,omitempty"`
}

// Accept implements job.Store.
func (s *Store) Accept(ctx context.Context, j job.Job, allowance job.Quota) error {
	if j.Status != job.Processing || j.Attempt != 0 {
		return fmt.Errorf("a new job must be processing with attempt 0, not %s with attempt %d", j.Status, j.Attempt)
	}
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		if j.Idempotency != nil {
			if err := refuseRepeated(tx, &j); err != nil {
				return boltfile.Refuse(err)
			}
		}
		if in(tx, jobBucket).Has(j.ID[:]) {
			return boltfile.Refuse(job.ErrExists)
		}
		if err := checkQuota(tx, j.Company, allowance); err != nil {
			return boltfile.Refuse(err)
		}
		rec := &record{Job: j, Taken: j.Footprint()}
		if err := addKept(tx, rec.Company, rec.Taken); err != nil {
			return err
		}
		if err := bindKey(tx, &rec.Job); err != nil {
			return err
		}
		if err := putCompanyEntry(tx, &rec.Job); err != nil {
			return err
		}
		return putRecord(tx, rec)
	})
}

func checkQuota(tx *bbolt.Tx, company string, allowance job.Quota) error {
	if allowance.Waiting > 0 && waitingOf(tx, company) >= uint64(allowance.Waiting) {
		return job.ErrQueueFull
	}
	if allowance.Kept > 0 {
		kept, err := keptBytes(tx, company)
		if err != nil {
			return err
		}
		if kept >= allowance.Kept {
			return job.ErrQuotaExceeded
		}
	}
	return nil
}

// Get implements job.Store.
func (s *Store) Get(ctx context.Context, id job.ID) (job.Job, error) {
	if err := ctx.Err(); err != nil {
		return job.Job{}, err
	}
	var rec *record
	err := s.View(func(tx *bbolt.Tx) (err error) {
		rec, err = readRecord(tx, id)
		return err
	})
	if err != nil {
		return job.Job{}, err
	}
	return rec.Job, nil
}

// Extend implements job.Store.
func (s *Store) Extend(ctx context.Context, id job.ID, attempt int, until time.Time) error {
	return s.changeRunning(ctx, id, attempt, func(rec *record) { rec.LeaseUntil = until })
}

// Release implements job.Store.
func (s *Store) Release(ctx context.Context, id job.ID, attempt int, notBefore time.Time, forgive bool) error {
	return s.changeRunning(ctx, id, attempt, func(rec *record) {
		rec.LeaseOwner, rec.LeaseUntil, rec.NotBefore = "", time.Time{}, notBefore
		if forgive {
			rec.Forgiven++
		}
	})
}

func (s *Store) changeRunning(ctx context.Context, id job.ID, attempt int, change func(*record)) error {
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		rec, err := readRunning(tx, id, attempt)
		if err != nil {
			return boltfile.Refuse(err)
		}
		if err := removeIndex(tx, rec); err != nil {
			return err
		}
		change(rec)
		return putRecord(tx, rec)
	})
}

// Finish implements job.Store.
func (s *Store) Finish(ctx context.Context, id job.ID, attempt int, outcome job.Outcome) (changed bool, err error) {
	if !outcome.Status.Terminal() {
		return false, fmt.Errorf("a job cannot end as %s", outcome.Status)
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		changed = false
		rec, err := readRecord(tx, id)
		if err != nil {
			return boltfile.Refuse(err)
		}
		if rec.Attempt == attempt && rec.Status == outcome.Status {
			return nil // repeated
		}
		if rec.Attempt != attempt || rec.Status.Terminal() {
			return boltfile.Refuse(job.ErrLost)
		}
		if outcome.Status == job.Completed && !hasExactly(tx, id, attempt, outcome.Result.Chunks) {
			return boltfile.Refuse(job.ErrMissingChunk)
		}
		changed = true
		return finish(tx, rec, outcome)
	})
	return changed && err == nil, err
}

// kept is what the job's company keeps of it.
func (rec *record) kept() int64 {
	if rec.Status == job.Completed {
		return rec.Taken + rec.Result.Size
	}
	return rec.Taken
}

// finish ends a job that is processing, and announces its end when the caller asked for that.
func finish(tx *bbolt.Tx, rec *record, outcome job.Outcome) error {
	if err := removeIndex(tx, rec); err != nil {
		return err
	}
	rec.Status, rec.CompletedAt, rec.ExpiresAt = outcome.Status, outcome.CompletedAt, outcome.ExpiresAt
	rec.LeaseOwner, rec.LeaseUntil, rec.NotBefore = "", time.Time{}, time.Time{}
	rec.RunTraceparent = outcome.RunTraceparent
	if rec.Status == job.Failed {
		rec.Error = outcome.Error
	}
	if rec.Status == job.Completed {
		rec.Result = outcome.Result
		if err := addKept(tx, rec.Company, rec.Result.Size); err != nil {
			return err
		}
	} else if err := discardChunks(tx, rec.ID, rec.Attempt); err != nil {
		return err
	}
	if outcome.FreeKey {
		if err := releaseKey(tx, &rec.Job); err != nil {
			return err
		}
		rec.Idempotency = nil
	}
	if err := putCompanyEntry(tx, &rec.Job); err != nil {
		return err
	}
	if rec.CallbackURL != "" {
		if err := addDelivery(tx, &rec.Job); err != nil {
			return err
		}
	}
	return putRecord(tx, rec)
}

// readRunning returns the job if a worker runs it with this attempt.
func readRunning(tx *bbolt.Tx, id job.ID, attempt int) (*record, error) {
	rec, err := readRecord(tx, id)
	if err != nil {
		return nil, err
	}
	if rec.Attempt != attempt || !rec.Running() {
		return nil, job.ErrLost
	}
	return rec, nil
}

func readRecord(tx *bbolt.Tx, id job.ID) (*record, error) {
	stored, err := in(tx, jobBucket).Get(id[:])
	if err != nil {
		return nil, err
	}
	if stored == nil {
		return nil, job.ErrNotFound
	}
	return decodeRecord(id[:], stored)
}

func decodeRecord(key, stored []byte) (*record, error) {
	rec := new(record)
	if err := json.Unmarshal(stored, rec); err != nil {
		return nil, layout.Damaged(jobBucket, key, err.Error())
	}
	return rec, nil
}

// putRecord stores a record whose old index entry is gone, with the index entry for what it is now.
func putRecord(tx *bbolt.Tx, rec *record) error {
	rec.CreatedAt, rec.StartedAt, rec.CompletedAt = rec.CreatedAt.UTC(), rec.StartedAt.UTC(), rec.CompletedAt.UTC()
	rec.ExpiresAt, rec.NotBefore, rec.LeaseUntil = rec.ExpiresAt.UTC(), rec.NotBefore.UTC(), rec.LeaseUntil.UTC()
	if err := addIndex(tx, rec); err != nil {
		return err
	}
	value, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return in(tx, jobBucket).Put(rec.ID[:], value)
}

// Recover implements job.Store. One process holds the file, hence every other owner is gone.
func (s *Store) Recover(ctx context.Context, owner string) (int, error) {
	recovered := 0
	err := s.Update(ctx, func(tx *bbolt.Tx) error {
		recovered = 0
		waiting, err := s.dueJobs(tx)
		if err != nil {
			return boltfile.Refuse(err)
		}
		for _, rec := range waiting {
			if rec.LeaseOwner == owner {
				continue
			}
			if rec.Running() {
				recovered++
			}
			if err := requeue(tx, rec); err != nil {
				return err
			}
		}
		return nil
	})
	return recovered, err
}

// dueJobs returns the jobs that are leased, or wait for a further attempt.
func (s *Store) dueJobs(tx *bbolt.Tx) ([]*record, error) {
	var found []*record
	err := in(tx, dueBucket).ForEach(func(key, _ []byte) error {
		_, id := splitKey(key)
		rec, err := readRecord(tx, id)
		if unreadable(err) {
			s.reportUnreadable(jobBucket, id[:], err) // it is set aside when its time comes
			return nil
		}
		if err != nil {
			return err
		}
		found = append(found, rec)
		return nil
	})
	return found, err
}

// requeue takes the lease of a job away, so that it can be claimed at once.
func requeue(tx *bbolt.Tx, rec *record) error {
	if err := removeIndex(tx, rec); err != nil {
		return err
	}
	rec.LeaseOwner, rec.LeaseUntil, rec.NotBefore = "", time.Time{}, time.Time{}
	return putRecord(tx, rec)
}
