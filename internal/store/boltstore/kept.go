package boltstore

import (
	"encoding/binary"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

// keptBucket holds, by company, how many bytes its jobs take, from when they are accepted until they are removed: see record.kept.
var keptBucket = layout.Index("job_results_kept", boltfile.Named("the size of the jobs of company"))

func keptBytes(tx *bbolt.Tx, company string) (int64, error) { return keptAt(tx, []byte(company)) }

func keptAt(tx *bbolt.Tx, company []byte) (int64, error) {
	kept, err := in(tx, keptBucket).Get(company)
	if err != nil || kept == nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(kept)), nil
}

// addKept counts bytes that are kept from now on, or with a negative size what is removed.
func addKept(tx *bbolt.Tx, company string, size int64) error {
	key := []byte(company)
	kept, err := keptAt(tx, key)
	if err := layout.Tolerate(tx, err); err != nil {
		return err
	}
	if kept += size; kept <= 0 {
		return in(tx, keptBucket).Delete(key)
	}
	return in(tx, keptBucket).Put(key, binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(kept)))
}
