package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// The indexes. A job stands in exactly one of the first three, according to what happens to it next.
var (
	// queueBucket holds the jobs that can be claimed, by round and ID; the value is the company.
	//
	// Rounds make the order fair: each company gets at most one new place in a round. A company's next job goes into the
	// round after its last one, or after the round that is being claimed from, whichever is later, so that a company with
	// a thousand waiting jobs stands in a thousand rounds, and another's one job in the next.
	queueBucket = index("jobs_queue", identified("the place in the queue of job", 8))
	// dueBucket holds the jobs for which the clock decides, by time and ID: the end of a lease, or NotBefore.
	dueBucket = index("jobs_due", identified("the next event of job", 8))
	// expiryBucket holds the jobs that have ended, by the time at which they are to be removed and ID.
	expiryBucket = index("jobs_expiry", identified("the expiry of job", 8))
	// lineBucket holds, by company, the last round that it has a place in and how many of its jobs are in the queue.
	lineBucket = index("jobs_lines", named("the queue of company"))
	// currentRoundKey, in metaBucket, is the round that was last claimed from.
	currentRoundKey = []byte("jobs_round")
)

// maxDue bounds how many jobs a claim moves from dueBucket to queueBucket.
const maxDue = 1000

// line is what is known of one company's jobs in the queue.
type line struct{ last, waiting uint64 }

func readLine(tx *bbolt.Tx, company string) (line, error) {
	kept, err := in(tx, lineBucket).get([]byte(company))
	if err != nil || kept == nil {
		return line{}, err
	}
	return line{last: binary.BigEndian.Uint64(kept), waiting: binary.BigEndian.Uint64(kept[8:])}, nil
}

// changeLine lets change work on a line, which begins anew when its record is damaged.
func changeLine(tx *bbolt.Tx, company string, change func(*line)) error {
	l, err := readLine(tx, company)
	if err := tolerate(tx, err); err != nil {
		return err
	}
	change(&l)
	return putLine(tx, company, l)
}

func putLine(tx *bbolt.Tx, company string, l line) error {
	if l.waiting == 0 {
		// Nothing is owed to a company that waits for nothing: its next place is in the next round.
		return in(tx, lineBucket).Delete([]byte(company))
	}
	value := binary.BigEndian.AppendUint64(nil, l.last)
	return in(tx, lineBucket).put([]byte(company), binary.BigEndian.AppendUint64(value, l.waiting))
}

func currentRound(tx *bbolt.Tx) uint64 {
	kept, err := in(tx, metaBucket).get(currentRoundKey)
	if err != nil || kept == nil {
		return 1 // the order of the queue may be less fair for a while, which is no reason to stop it
	}
	return binary.BigEndian.Uint64(kept)
}

// addIndex puts a job into the index where it belongs.
func addIndex(tx *bbolt.Tx, rec *record) error {
	switch {
	case rec.Status.Terminal():
		return in(tx, expiryBucket).put(timeKey(rec.ExpiresAt, rec.ID), nil)
	case rec.LeaseOwner != "":
		return in(tx, dueBucket).put(timeKey(rec.LeaseUntil, rec.ID), nil)
	case !rec.NotBefore.IsZero():
		return in(tx, dueBucket).put(timeKey(rec.NotBefore, rec.ID), nil)
	}
	err := changeLine(tx, rec.Company, func(l *line) {
		if rec.Attempt > 0 {
			rec.Round = 0 // it has had its turn, and was interrupted: before all others, passed over ones included
		} else {
			rec.Round = max(currentRound(tx), l.last) + 1
			l.last = rec.Round
		}
		l.waiting++
	})
	if err != nil {
		return err
	}
	return in(tx, queueBucket).put(numberKey(rec.Round, rec.ID), []byte(rec.Company))
}

// removeIndex takes a job that is processing out of the index where it stands. The record must be as it was stored.
func removeIndex(tx *bbolt.Tx, rec *record) error {
	switch {
	case rec.LeaseOwner != "":
		return in(tx, dueBucket).Delete(timeKey(rec.LeaseUntil, rec.ID))
	case !rec.NotBefore.IsZero():
		return in(tx, dueBucket).Delete(timeKey(rec.NotBefore, rec.ID))
	}
	if err := leaveLine(tx, rec.Company); err != nil {
		return err
	}
	key := numberKey(rec.Round, rec.ID)
	rec.Round = 0
	return in(tx, queueBucket).Delete(key)
}

func leaveLine(tx *bbolt.Tx, company string) error {
	return changeLine(tx, company, func(l *line) { l.waiting = max(l.waiting, 1) - 1 })
}

var errNothingToClaim = errors.New("nothing to claim")

// Claim implements job.Store.
func (s *Store) Claim(
	ctx context.Context, owner string, now, until time.Time, room job.Room,
) (jobs []job.Job, next time.Time, err error) {
	if owner == "" || room.Jobs < 1 {
		return nil, time.Time{}, errors.New("a claim needs an owner and room for at least 1 job")
	}
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	// Looking first spares a commit, with its fsync, when there is nothing to do.
	err = s.view(func(tx *bbolt.Tx) error {
		next = time.Time{}
		if claimable(tx, room) {
			return nil
		}
		key := in(tx, dueBucket).first()
		if key == nil {
			return errNothingToClaim
		}
		if at, _ := splitTimeKey(key); at.After(now) {
			next = at
			return errNothingToClaim
		}
		return nil
	})
	if errors.Is(err, errNothingToClaim) {
		return nil, next, nil
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	err = s.update(ctx, func(tx *bbolt.Tx) error {
		err := s.enqueueDue(tx, now)
		if err != nil {
			return err
		}
		jobs, err = s.claimQueued(tx, owner, now, until, room)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return jobs, time.Time{}, nil
}

// claimQueued claims as many jobs of the queue as there is room for.
func (s *Store) claimQueued(tx *bbolt.Tx, owner string, now, until time.Time, room job.Room) (jobs []job.Job, err error) {
	running := make(map[string]int)
	maps.Copy(running, room.Running)
	room.Running = running
	var key []byte
	for len(jobs) < room.Jobs && claimable(tx, room) {
		var company string
		if key, company = s.nextWithRoom(tx, key, room); key == nil {
			return jobs, nil
		}
		rec, err := claim(tx, key, owner, now, until)
		switch {
		case unreadable(err):
			err = errors.Join(leaveLine(tx, company), s.setAside(tx, queueBucket, key, now, err))
		case err == nil:
			running[rec.Company]++
			jobs = append(jobs, rec.Job)
		}
		if err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// claimable reports whether the queue holds a job for which there is room. It does not look at the jobs: a company without
// room may have thousands of them.
func claimable(tx *bbolt.Tx, room job.Room) bool {
	if room.PerCompany <= 0 {
		return in(tx, queueBucket).first() != nil
	}
	lines := tx.Bucket(lineBucket).Cursor()
	for company, _ := lines.First(); company != nil; company, _ = lines.Next() {
		if !room.Full(string(company)) {
			return true
		}
	}
	return false
}

// nextWithRoom returns the first job in the queue, from the given key on, for which there is room, and its company; a nil
// key: there is none. A place that is damaged is passed over until the index is made anew.
func (s *Store) nextWithRoom(tx *bbolt.Tx, from []byte, room job.Room) (key []byte, company string) {
	queue := in(tx, queueBucket)
	cursor := queue.Cursor()
	for key, sealed := cursor.Seek(from); key != nil; key, sealed = cursor.Next() {
		company, err := queue.open(key, sealed)
		if err != nil {
			s.reportDamage(err)
			continue
		}
		if !room.Full(string(company)) {
			return bytes.Clone(key), string(company)
		}
	}
	return nil, ""
}

// enqueueDue makes those jobs claimable whose lease or waiting time has ended.
func (s *Store) enqueueDue(tx *bbolt.Tx, now time.Time) error {
	for range maxDue {
		key := in(tx, dueBucket).first()
		if key == nil {
			return nil
		}
		at, id := splitTimeKey(key)
		if at.After(now) {
			return nil
		}
		rec, err := readRecord(tx, id)
		switch {
		case unreadable(err):
			err = s.setAside(tx, dueBucket, bytes.Clone(key), now, err)
		case err == nil:
			err = requeue(tx, rec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func claim(tx *bbolt.Tx, key []byte, owner string, now, until time.Time) (*record, error) {
	round, id := splitKey(key)
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
	if err := putRecord(tx, rec); err != nil {
		return nil, err
	}
	if round <= currentRound(tx) {
		return rec, nil
	}
	return rec, in(tx, metaBucket).put(currentRoundKey, binary.BigEndian.AppendUint64(nil, round))
}

// Keys of the indexes: 8 bytes big-endian, then the ID.

func numberKey(number uint64, id job.ID) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(id)), number), id[:]...)
}

// timeKey sorts by time. The times of this product lie between 1970 and 2262; others are brought to that range, which
// keeps their order relative to all others.
func timeKey(at time.Time, id job.ID) []byte {
	switch {
	case at.Before(time.Unix(0, 0)):
		return numberKey(0, id)
	case at.After(time.Unix(0, math.MaxInt64)):
		return numberKey(math.MaxInt64, id)
	}
	return numberKey(uint64(at.UnixNano()), id)
}

func splitKey(key []byte) (number uint64, id job.ID) {
	copy(id[:], key[8:])
	return binary.BigEndian.Uint64(key), id
}

func splitTimeKey(key []byte) (at time.Time, id job.ID) {
	number, id := splitKey(key)
	return time.Unix(0, int64(number)).UTC(), id
}
