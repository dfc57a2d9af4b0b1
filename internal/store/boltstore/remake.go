package boltstore

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// The indexes of older layouts.
var _, _ = layout.Former("jobs_queue"), layout.Former("jobs_lines")

// remake makes all indexes again from the records that they follow from: see [boltfile.Migration].
func remake(db *bbolt.DB) error {
	totals := &totals{kept: make(map[string]int64)}
	for _, part := range []struct {
		bucket []byte
		remake func(tx *bbolt.Tx, key []byte) error
	}{
		{jobBucket, totals.remakeJob},
		{deliveryBucket, totals.remakeDelivery},
		{familyBucket, remakeFamily},
		{linkBucket, remakeLink},
	} {
		if err := boltfile.InBatches(db, part.bucket, part.remake); err != nil {
			return err
		}
	}
	return db.Update(func(tx *bbolt.Tx) error {
		if err := totals.put(tx); err != nil {
			return err
		}
		return discardLost(tx)
	})
}

// totals are what the indexes know of all jobs of a company.
type totals struct {
	kept map[string]int64

	jobPlace, deliveryPlace uint64 // the last places in the queues
}

func (t *totals) remakeJob(tx *bbolt.Tx, key []byte) error {
	rec, err := readRecord(tx, job.ID(key))
	if errors.Is(err, ErrDamaged) {
		return in(tx, expiryBucket).Put(timeKey(time.Now().Add(asideRetention), job.ID(key)), nil)
	}
	if err != nil {
		return err
	}
	t.kept[rec.Company] += rec.kept()
	if err := putCompanyEntry(tx, &rec.Job); err != nil {
		return err
	}
	if err := remakeKeyUse(tx, &rec.Job); err != nil {
		return err
	}
	t.jobPlace = max(t.jobPlace, rec.queued().place)
	if rec.Status.Terminal() || rec.LeaseOwner != "" || !rec.NotBefore.IsZero() {
		return addIndex(tx, rec)
	}
	return jobQueue.push(tx, rec.queued()) // with its place, which the record has
}

// remakeKeyUse binds an idempotency key to the latest of the jobs that were asked for with it.
func remakeKeyUse(tx *bbolt.Tx, j *job.Job) error {
	if j.Idempotency == nil {
		return nil
	}
	stored, err := in(tx, keyUseBucket).Get(j.KeyName())
	if err != nil {
		return err
	}
	if stored != nil {
		if other, err := readRecord(tx, job.ID(stored)); err == nil && other.CreatedAt.After(j.CreatedAt) {
			return nil
		}
	}
	return in(tx, keyUseBucket).Put(j.KeyName(), j.ID[:])
}

func (t *totals) put(tx *bbolt.Tx) error {
	for company, kept := range t.kept {
		if err := addKept(tx, company, kept); err != nil {
			return err
		}
	}
	if err := jobQueue.reserve(tx, t.jobPlace); err != nil {
		return err
	}
	return deliveryQueue.reserve(tx, t.deliveryPlace)
}

func (t *totals) remakeDelivery(tx *bbolt.Tx, key []byte) error {
	d, err := readDelivery(tx, job.ID(key))
	if err != nil || d.State != callback.Pending {
		return err
	}
	if t.deliveryPlace = max(t.deliveryPlace, d.Place); d.Place > 0 {
		return deliveryQueue.push(tx, d.queued())
	}
	return in(tx, deliveryDueBucket).Put(timeKey(d.NextAttempt, d.JobID), nil)
}

func remakeFamily(tx *bbolt.Tx, key []byte) error {
	family, err := readFamily(tx, string(key))
	if errors.Is(err, ErrDamaged) {
		// Whether it was revoked is not known, so that it is.
		family = token.Family{ID: string(key), AccessUntil: time.Now().AddDate(1, 0, 0)}
		if err := in(tx, revokedFamilyBucket).Put(key, nil); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if !family.RevokedAt.IsZero() {
		if err := in(tx, revokedFamilyBucket).Put(key, nil); err != nil {
			return err
		}
	}
	return in(tx, familyExpiryBucket).Put(expiryKey(keptUntil(family), family.ID), nil)
}

// discardLost leaves to Sweep the chunks that are of no job's present attempt.
func discardLost(tx *bbolt.Tx) error {
	cursor := in(tx, chunkBucket).Cursor()
	var lost [][]byte
	for key, _ := cursor.First(); key != nil; {
		if len(key) != len(job.ID{})+8 {
			return fmt.Errorf("the key %x of a chunk is damaged", key)
		}
		id, attempt := splitResultKey(key)
		rec, err := readRecord(tx, id)
		switch {
		case errors.Is(err, ErrDamaged):
		case err != nil && !errors.Is(err, job.ErrNotFound):
			return err
		case err != nil, rec.Attempt != attempt, rec.Status.Terminal() && rec.Status != job.Completed:
			lost = append(lost, slices.Clip(resultKey(id, attempt)))
		}
		key, _ = cursor.Seek(resultKey(id, attempt+1))
	}
	for _, key := range lost {
		if err := in(tx, discardBucket).Put(key, nil); err != nil {
			return err
		}
	}
	return nil
}
