package boltfile

import (
	"bytes"
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"
)

// schema is the version of the layout of all buckets. It rises with every change that an older program cannot read.
//
// 2: jobs_company lists the jobs of each company.
// 3: token_keys holds the keys that sign tokens; before, secrets held one.
// 4: every record is sealed with a checksum; jobs_ready queues jobs by source and company, where jobs_queue did by company.
const schema = 4

var (
	schemaKey = []byte("schema") // the version in digits, unsealed, so that every program can read it
	layoutKey = []byte("layout") // the same behind a seal, since 4: a flipped bit is no other version
	// sealingKey says how far an older file is on its way to layout 4: the name of a bucket, a zero byte and the last key
	// that is sealed.
	sealingKey = []byte("sealing")
)

// Migration is what a file needs of those who keep records in it, so that one of an older layout can be brought up to date.
type Migration struct {
	// Move moves what older layouts have stored elsewhere, when all records are sealed.
	Move func(tx *bbolt.Tx) error

	// Remake makes the indexes again, which are empty, from the records that they follow from. Records that cannot be read have
	// no place in an index. It may be interrupted, and begins again then with empty indexes.
	Remake func(db *bbolt.DB) error
}

// prepare checks the version of the layout, brings an older file up to date, which can be interrupted and goes on the next
// time, makes the buckets that are missing, and makes those again that are damaged and not primary. It returns whether the
// file was of an older layout.
func (l *Layout) prepare(db *bbolt.DB, migration Migration, damaged []string) (migrated bool, err error) {
	missing, remakes, version := false, false, 0
	var sealing []byte
	err = db.View(func(tx *bbolt.Tx) (err error) {
		for _, name := range l.buckets {
			missing = missing || tx.Bucket(name) == nil
		}
		if version, err = l.readSchema(tx); err != nil || version == 0 {
			return err
		}
		meta := l.In(tx, metaBucket)
		if sealing, err = meta.Get(sealingKey); err != nil {
			return err
		}
		sealing = bytes.Clone(sealing)
		remakes = meta.Has(remakeKey)
		return nil
	})
	if err != nil || !missing && version == schema && sealing == nil && !remakes && len(damaged) == 0 {
		return false, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range damaged {
			if l.kinds[name].role == follows {
				remakes = true
			} else if err := empty(tx, []byte(name)); err != nil {
				return err
			}
		}
		return l.begin(tx, version)
	})
	if err != nil {
		return false, err
	}
	if version != 0 && version < schema || sealing != nil {
		migrated = true
		if err := l.sealRecords(db, sealing, migration.Move); err != nil {
			return migrated, err
		}
	}
	if migrated || remakes {
		err = l.remake(db, migration.Remake)
	}
	return migrated, err
}

// begin makes the buckets that are missing and writes the version, so that no older program opens the file while its
// records are being sealed.
func (l *Layout) begin(tx *bbolt.Tx, version int) error {
	for _, name := range l.buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := l.In(tx, metaBucket)
	if version == schema {
		return nil
	}
	if version != 0 {
		// The round of the queue of older files: it has no successor.
		if err := meta.Delete([]byte("jobs_round")); err != nil {
			return err
		}
		if err := meta.Put(sealingKey, []byte{}); err != nil {
			return err
		}
	}
	text := strconv.AppendInt(nil, schema, 10)
	if err := meta.Put(layoutKey, text); err != nil {
		return err
	}
	return meta.Bucket.Put(schemaKey, text)
}

// readSchema returns the version of the layout, 0 for an empty file, and refuses one that this program does not know.
func (l *Layout) readSchema(tx *bbolt.Tx) (version int, err error) {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return 0, foreignError(name)
		}
		return 0, nil
	}
	return l.parseSchema(meta.Get(schemaKey), meta.Get(layoutKey))
}

func foreignError(bucket []byte) error {
	return fmt.Errorf("the file is a bbolt database of another program (it has a bucket %q)", bucket)
}

// parseSchema reads the two records of the version.
func (l *Layout) parseSchema(text, sealed []byte) (version int, err error) {
	if sealed != nil {
		layout, err := Records{layout: l, name: metaBucket}.Open(layoutKey, sealed)
		if err != nil {
			return 0, err
		}
		if !bytes.Equal(layout, text) {
			return 0, l.Damaged(metaBucket, schemaKey, fmt.Sprintf("it says %q, and the layout is %s", text, layout))
		}
	}
	if version, err = strconv.Atoi(string(text)); err != nil {
		return 0, fmt.Errorf("the schema version %q is not a number", text)
	}
	if version > schema {
		return 0, fmt.Errorf("a newer version of this program has written it: it has schema %d, and this program knows "+
			"schemas up to %d", version, schema)
	}
	if version < 1 || version >= 4 && sealed == nil {
		return 0, fmt.Errorf("the schema version %d is damaged", version)
	}
	return version, nil
}

// sealBatch is how many records one transaction seals.
const sealBatch = 5000

// sealRecords seals the records of an older file that are not made again, from where an earlier run was interrupted.
// Chunks stay as they are: see zstdMagic.
func (l *Layout) sealRecords(db *bbolt.DB, progress []byte, move func(*bbolt.Tx) error) error {
	from, after, _ := bytes.Cut(progress, zero)
	for _, name := range l.buckets {
		switch {
		case len(from) > 0 && !bytes.Equal(name, from), bytes.Equal(name, metaBucket), l.kinds[string(name)].unsealed,
			l.kinds[string(name)].role == follows:
			continue
		}
		if err := l.sealBucket(db, name, after); err != nil {
			return err
		}
		from, after = nil, nil
	}
	return db.Update(func(tx *bbolt.Tx) error {
		if err := move(tx); err != nil {
			return err
		}
		if err := l.RemakeLater(tx); err != nil {
			return err
		}
		return l.In(tx, metaBucket).Delete(sealingKey)
	})
}

// sealBucket seals the records behind a key.
func (l *Layout) sealBucket(db *bbolt.DB, name, after []byte) error {
	for {
		var keys [][]byte
		err := db.Update(func(tx *bbolt.Tx) error {
			keys = nil
			unsealed := l.In(tx, name)
			cursor := unsealed.Cursor()
			for key, _ := cursor.Seek(append(bytes.Clone(after), 0)); key != nil && len(keys) < sealBatch; key, _ = cursor.Next() {
				keys = append(keys, bytes.Clone(key))
			}
			for _, key := range keys {
				if err := unsealed.Put(key, unsealed.Bucket.Get(key)); err != nil {
					return err
				}
			}
			if len(keys) > 0 {
				after = keys[len(keys)-1]
			}
			progress := append(append(bytes.Clone(name), 0), after...)
			return l.In(tx, metaBucket).Put(sealingKey, progress)
		})
		if err != nil || len(keys) < sealBatch {
			return err
		}
	}
}
