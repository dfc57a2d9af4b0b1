package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// The indexes. A job is in exactly one of them, according to what happens to it next.
var (
	// jobQueue holds the jobs that can be claimed, by source and company.
	jobQueue = newFairQueue("jobs_ready", "jobs")
	// dueBucket holds the jobs for which the clock decides, by time and ID: the end of a lease, or NotBefore.
	dueBucket = layout.Index("jobs_due", identified("the next event of job", 8))
	// expiryBucket holds the jobs that have ended, by the time at which they are to be removed and ID.
	expiryBucket = layout.Index("jobs_expiry", identified("the expiry of job", 8))
)

// maxDue bounds how many jobs a claim moves from dueBucket to the queue.
const maxDue = 1000

// queued returns the job's entry in the queue.
func (rec *record) queued() queued {
	place := rec.Place
	if place == 0 {
		place = rec.Round + 1 // in its company's line a later job was in a later round
	}
	return queued{group: rec.Source, member: rec.Company, place: place, id: rec.ID}
}

// addIndex puts a job into the index where it belongs.
func addIndex(tx *bbolt.Tx, rec *record) (err error) {
	switch {
	case rec.Status.Terminal():
		return in(tx, expiryBucket).Put(timeKey(rec.ExpiresAt, rec.ID), nil)
	case rec.LeaseOwner != "":
		return in(tx, dueBucket).Put(timeKey(rec.LeaseUntil, rec.ID), nil)
	case !rec.NotBefore.IsZero():
		return in(tx, dueBucket).Put(timeKey(rec.NotBefore, rec.ID), nil)
	}
	if rec.Place == 0 && rec.Round == 0 { // a job that was interrupted gets its place back, which is before all that have not begun
		if rec.Place, err = jobQueue.place(tx); err != nil {
			return err
		}
	}
	return jobQueue.push(tx, rec.queued())
}

// removeIndex takes a job that is processing out of the index where it is. The record must be as it was stored.
func removeIndex(tx *bbolt.Tx, rec *record) error {
	switch {
	case rec.LeaseOwner != "":
		return in(tx, dueBucket).Delete(timeKey(rec.LeaseUntil, rec.ID))
	case !rec.NotBefore.IsZero():
		return in(tx, dueBucket).Delete(timeKey(rec.NotBefore, rec.ID))
	}
	return jobQueue.remove(tx, rec.queued())
}

// waitingOf returns how many jobs of a company are in the queue. Sources are few.
func waitingOf(tx *bbolt.Tx, company string) (count uint64) {
	for _, source := range jobQueue.candidates(tx, nothingRuns) {
		count += jobQueue.waiting(tx, source.name, company)
	}
	return count
}

var nothingRuns = capacity{groupRunning: func(string) int { return 0 }}

// jobCapacity makes the capacity of one claim, which counts what it takes.
func jobCapacity(given job.Capacity) capacity {
	companies, sources := make(map[string]int), make(map[string]int)
	return capacity{
		groupRunning: func(source string) int { return given.Sources[source].Running },
		full: func(source, company string) bool {
			return given.Full(job.Line{Source: source, Company: company}, sources[source], companies[company])
		},
		take: func(source, company string) {
			companies[company]++
			sources[source]++
		},
	}
}

// nothingToClaim reports whether a claim can leave the queue and the index of what is due alone, and until when; zero: nobody
// knows. Looking first spares a commit, with its fsync.
func (s *Store) nothingToClaim(queue fairQueue, room capacity, due []byte, now time.Time) (nothing bool, next time.Time, err error) {
	err = s.View(func(tx *bbolt.Tx) error {
		nothing, next = !queue.claimable(tx, room), time.Time{}
		if key := in(tx, due).First(); nothing && key != nil {
			next, _ = splitTimeKey(key)
			nothing = next.After(now)
		}
		return nil
	})
	return nothing, next, err
}

// Claim implements job.Store.
func (s *Store) Claim(
	ctx context.Context, owner string, now, until time.Time, room job.Capacity,
) (jobs []job.Job, next time.Time, err error) {
	if owner == "" || room.Jobs < 1 {
		return nil, time.Time{}, errors.New("a claim needs an owner and room for at least 1 job")
	}
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	nothing, next, err := s.nothingToClaim(jobQueue, jobCapacity(room), dueBucket, now)
	if err != nil || nothing {
		return nil, next, err
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		jobs = nil
		if err := s.enqueueDue(tx, now, until, room.Held); err != nil {
			return err
		}
		return jobQueue.claim(tx, room.Jobs, jobCapacity(room), func(q queued) error {
			rec, err := claim(tx, q.id, owner, now, until)
			if unreadable(err) {
				return errors.Join(jobQueue.remove(tx, q), s.setAside(tx, q.id, now, err))
			}
			if err != nil {
				return err
			}
			jobs = append(jobs, rec.Job)
			return nil
		})
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return jobs, time.Time{}, nil
}

// enqueueDue makes those jobs claimable whose lease or waiting time has ended, and extends the leases that are held.
func (s *Store) enqueueDue(tx *bbolt.Tx, now, until time.Time, held map[job.ID]int) error {
	for range maxDue {
		key := in(tx, dueBucket).First()
		if key == nil {
			return nil
		}
		at, id := splitTimeKey(key)
		if at.After(now) {
			return nil
		}
		rec, err := readRecord(tx, id)
		if unreadable(err) {
			err = errors.Join(in(tx, dueBucket).Delete(bytes.Clone(key)), s.setAside(tx, id, now, err))
			if err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if attempt, ok := held[id]; ok && rec.Running() && rec.Attempt == attempt && until.After(now) {
			if err := extend(tx, rec, until); err != nil {
				return err
			}
			continue
		}
		if err := requeue(tx, rec); err != nil {
			return err
		}
	}
	return nil
}

func extend(tx *bbolt.Tx, rec *record, until time.Time) error {
	if err := removeIndex(tx, rec); err != nil {
		return err
	}
	rec.LeaseUntil = until
	return putRecord(tx, rec)
}

func claim(tx *bbolt.Tx, id job.ID, owner string, now, until time.Time) (*record, error) {
	rec, err := readRecord(tx, id)
	if err != nil {
		return nil, err
	}
	if err := removeIndex(tx, rec); err != nil {
		return nil, err
	}
	if rec.Attempt > 0 {
		if err := discardChunks(tx, id, rec.Attempt); err != nil {
			return nil, err
		}
	}
	rec.Attempt++
	rec.StartedAt, rec.LeaseOwner, rec.LeaseUntil = now, owner, until
	return rec, putRecord(tx, rec)
}

// Keys of the indexes: 8 bytes big-endian, then the ID.

const timeKeySize = 8 + len(job.ID{})

// timeKey sorts by time. The times of this product lie between 1970 and 2262; others are brought to that range, which
// keeps their order relative to all others.
func timeKey(at time.Time, id job.ID) []byte {
	return appendTimeKey(make([]byte, 0, timeKeySize), at, id)
}

func appendTimeKey(key []byte, at time.Time, id job.ID) []byte {
	var number uint64
	switch {
	case at.Before(time.Unix(0, 0)):
	case at.After(time.Unix(0, math.MaxInt64)):
		number = math.MaxInt64
	default:
		number = uint64(at.UnixNano())
	}
	return append(binary.BigEndian.AppendUint64(key, number), id[:]...)
}

func splitKey(key []byte) (number uint64, id job.ID) {
	copy(id[:], key[8:])
	return binary.BigEndian.Uint64(key), id
}

func splitTimeKey(key []byte) (at time.Time, id job.ID) {
	number, id := splitKey(key)
	return time.Unix(0, int64(number)).UTC(), id
}
