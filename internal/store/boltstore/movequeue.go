package boltstore

import (
	"errors"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// moveQueue brings the jobs that wait from the layout of schema 3, in which they stood by round and ID, into the queue of
// today. Their source is not known: they share the workers as those of one more source.
func moveQueue(tx *bbolt.Tx) error {
	old := tx.Bucket([]byte("jobs_queue"))
	if old == nil {
		return nil
	}
	err := old.ForEach(func(key, _ []byte) error {
		_, id := splitKey(key)
		rec, err := readRecord(tx, id)
		if err != nil {
			return err
		}
		return putRecord(tx, rec)
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"jobs_queue", "jobs_lines"} {
		if err := tx.DeleteBucket([]byte(name)); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
			return err
		}
	}
	return tx.Bucket(metaBucket).Delete([]byte("jobs_round"))
}
