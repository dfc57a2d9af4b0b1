package boltfile

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"go.etcd.io/bbolt"
)

// asOlder makes a file one of a layout before 4, as far as records go: none of them has a seal.
func asOlder(tx *bbolt.Tx, version string) error {
	for _, name := range testLayout.buckets {
		bucket := tx.Bucket(name)
		if bucket == nil {
			continue
		}
		plain := make(map[string][]byte)
		err := bucket.ForEach(func(key, sealed []byte) error {
			if !bytes.Equal(name, metaBucket) || !bytes.Equal(key, schemaKey) {
				plain[string(key)] = bytes.Clone(sealed[sealSize:])
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(plain)) {
			if err := bucket.Put([]byte(key), plain[key]); err != nil {
				return err
			}
		}
	}
	meta := tx.Bucket(metaBucket)
	if err := meta.Delete(layoutKey); err != nil {
		return err
	}
	return meta.Put(schemaKey, []byte(version))
}

// TestMigrationGoesOnWhereItWasInterrupted opens a file of which one bucket and a half are sealed.
func TestMigrationGoesOnWhereItWasInterrupted(t *testing.T) {
	path := storePath(t)
	s := openFile(t, path, Options{})
	const records = 2*sealBatch + 7
	key := func(i int) []byte { return []byte{'k', byte(i >> 8), byte(i)} }
	err := s.Update(t.Context(), func(tx *bbolt.Tx) error {
		for i := range records {
			if err := testLayout.In(tx, secretBucket).Put(key(i), []byte("value")); err != nil {
				return err
			}
		}
		return asOlder(tx, "3")
	})
	if err != nil {
		t.Fatal(err)
	}
	// One batch of the bucket, as the loop of sealBucket does it, and no more.
	err = s.Update(t.Context(), func(tx *bbolt.Tx) error {
		if err := testLayout.begin(tx, 3); err != nil {
			return err
		}
		for i := range sealBatch {
			if err := testLayout.In(tx, secretBucket).Put(key(i), []byte("value")); err != nil {
				return err
			}
		}
		return testLayout.In(tx, metaBucket).Put(sealingKey, append([]byte("secrets\x00"), key(sealBatch-1)...))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = openFile(t, path, Options{})
		for i := range records {
			if got := s.value(t, string(key(i))); got != "value" {
				t.Fatalf("record %d is %q", i, got)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if report, err := Check(path, testLayout, nil); err != nil || len(report.Faults) > 0 || report.Records["secrets"] != records {
		t.Errorf("%+v, %v", report, err)
	}
}
