package boltstore

import (
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"
)

// schema is the version of the layout of all buckets. It rises with every change that an older program cannot read.
//
// 2: jobs_company lists the jobs of each company.
// 3: token_keys holds the keys that sign tokens; before, secrets held one.
// 4: jobs_ready queues jobs by source and company; before, jobs_queue did by company.
const schema = 4

// prepare checks the version of the layout and makes the buckets that are missing.
func prepare(db *bbolt.DB) error {
	missing, version := false, 0
	err := db.View(func(tx *bbolt.Tx) (err error) {
		for _, name := range buckets {
			missing = missing || tx.Bucket(name) == nil
		}
		version, err = readSchema(tx)
		return err
	})
	if err != nil || !missing && version == schema {
		return err
	}
	upToDate := func(tx *bbolt.Tx) error {
		return tx.Bucket(metaBucket).Put(schemaKey, strconv.AppendInt(nil, schema, 10))
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if version == 0 {
			return upToDate(tx) // at once: a bucket without a version is nobody's
		}
		return nil
	})
	if err != nil || version == 0 || version == schema {
		return err
	}
	if version == 1 {
		if err := listOldJobs(db); err != nil {
			return err
		}
	}
	return db.Update(func(tx *bbolt.Tx) error {
		if version < 3 {
			if err := moveTokenKey(tx); err != nil {
				return err
			}
		}
		if err := moveQueue(tx); err != nil {
			return err
		}
		return upToDate(tx)
	})
}

// readSchema returns the version of the layout, 0 for an empty file, and refuses one that this program does not know.
func readSchema(tx *bbolt.Tx) (version int, err error) {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return 0, fmt.Errorf("the file is a bbolt database of another program (it has a bucket %q)", name)
		}
		return 0, nil
	}
	text := meta.Get(schemaKey)
	if version, err = strconv.Atoi(string(text)); err != nil {
		return 0, fmt.Errorf("the schema version %q is not a number", text)
	}
	if version > schema {
		return 0, fmt.Errorf("a newer version of this program has written it: it has schema %d, and this program knows "+
			"schemas up to %d", version, schema)
	}
	return version, nil
}
