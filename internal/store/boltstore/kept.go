package boltstore

import (
	"encoding/binary"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

// keptBucket holds, by company, how many bytes its jobs take, from when they are accepted until they are removed: see record.kept.
var keptBucket = layout.Index("job_results_kept", boltfile.Named("the size of the jobs of company"))

func keptBytes(tx *bbolt.Tx, company string) (int64, error) {
	kept, err := in(tx, keptBucket).Get([]byte(company))
	if err != nil || kept == nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(kept)), nil
}

// addKept counts bytes that are kept from now on, or with a negative size what is removed.
func addKept(tx *bbolt.Tx, company string, size int64) error {
	kept, err := keptBytes(tx, company)
	if err := layout.Tolerate(tx, err); err != nil {
		return err
	}
	if kept += size; kept <= 0 {
		return in(tx, keptBucket).Delete([]byte(company))
	}
	return in(tx, keptBucket).Put([]byte(company), binary.BigEndian.AppendUint64(nil, uint64(kept)))
}
