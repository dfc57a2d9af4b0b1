package boltstore

import (
	"encoding/binary"

	"go.etcd.io/bbolt"
)

// keptBucket holds, by company, how many bytes the results of its completed jobs have.
var keptBucket = bucket("job_results_kept")

func keptBytes(tx *bbolt.Tx, company string) int64 {
	kept := tx.Bucket(keptBucket).Get([]byte(company))
	if len(kept) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(kept))
}

// addKept counts a result that is kept from now on, or with a negative size one that is removed.
func addKept(tx *bbolt.Tx, company string, size int64) error {
	kept := keptBytes(tx, company) + size
	if kept <= 0 { // below zero: the result is older than the count
		return tx.Bucket(keptBucket).Delete([]byte(company))
	}
	return tx.Bucket(keptBucket).Put([]byte(company), binary.BigEndian.AppendUint64(nil, uint64(kept)))
}
