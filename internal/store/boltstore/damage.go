package boltstore

import (
	"bytes"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// asideRetention is how long the record of a job is kept that cannot be read, so that callers who ask for it are told.
const asideRetention = 24 * time.Hour

// unreadable reports whether a record cannot be read that an index names, since it is damaged or not there.
func unreadable(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, job.ErrNotFound) || errors.Is(err, callback.ErrNotFound) ||
		errors.Is(err, token.ErrFamilyNotFound) || errors.Is(err, link.ErrNotFound)
}

// reportUnreadable is ReportDamage for a record that an index names.
func (s *Store) reportUnreadable(bucket, key []byte, err error) {
	if !errors.Is(err, ErrDamaged) {
		err = layout.Damaged(bucket, key, "an index names it, and it is not there")
	}
	s.ReportDamage(err)
}

// setAside is for a job that was taken out of an index, since its record cannot be read, so that it holds up no other. It
// has it removed later. A caller who asks for it is told meanwhile that its record is damaged.
func (s *Store) setAside(tx *bbolt.Tx, id job.ID, now time.Time, cause error) error {
	s.reportUnreadable(jobBucket, id[:], cause)
	return in(tx, expiryBucket).Put(timeKey(now.Add(asideRetention), id), nil)
}

// removeDamagedJob removes what there is of a job whose record cannot be read.
func removeDamagedJob(tx *bbolt.Tx, id job.ID) error {
	if err := removeDelivery(tx, id); err != nil {
		return err
	}
	if err := discardAll(tx, id); err != nil {
		return err
	}
	// Its company is unknown, hence the search.
	var entry []byte
	cursor := in(tx, companyBucket).Cursor()
	for key, _ := cursor.First(); key != nil && entry == nil; key, _ = cursor.Next() {
		if bytes.HasSuffix(key, id[:]) {
			entry = bytes.Clone(key)
		}
	}
	if entry != nil {
		if err := in(tx, companyBucket).Delete(entry); err != nil {
			return err
		}
	}
	if err := in(tx, jobBucket).Delete(id[:]); err != nil {
		return err
	}
	return layout.RemakeLater(tx) // its company's sums are wrong now
}

// discardAll leaves the chunks of all attempts of a job to Sweep.
func discardAll(tx *bbolt.Tx, id job.ID) error {
	cursor := in(tx, chunkBucket).Cursor()
	for key, _ := cursor.Seek(id[:]); bytes.HasPrefix(key, id[:]); {
		_, attempt := splitResultKey(key)
		if err := discardChunks(tx, id, attempt); err != nil {
			return err
		}
		key, _ = cursor.Seek(resultKey(id, attempt+1))
	}
	return nil
}
