package boltstore

import (
	"bytes"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// keyUseBucket holds the ID of the job that an idempotency key is bound to, by the key's [job.Job.KeyName].
var keyUseBucket = layout.Index("job_idempotency", func([]byte) string { return "an idempotency key" })

// refuseRepeated returns why a job is not to be stored whose key is bound already.
func refuseRepeated(tx *bbolt.Tx, j *job.Job) error {
	stored, err := in(tx, keyUseBucket).Get(j.KeyName())
	if stored == nil {
		return err
	}
	earlier, err := readRecord(tx, job.ID(stored))
	switch {
	case errors.Is(err, job.ErrNotFound): // it was damaged and is removed
		return nil
	case err != nil:
		return err
	case !earlier.Idempotency.Until.After(j.CreatedAt):
		return nil
	case earlier.Idempotency.Digest != j.Idempotency.Digest:
		return job.ErrKeyReused
	}
	return &job.RepeatedError{Job: earlier.Job}
}

// bindKey binds the key of a job that is about to be stored.
func bindKey(tx *bbolt.Tx, j *job.Job) error {
	if j.Idempotency == nil {
		return nil
	}
	key := *j.Idempotency // the caller's own stays as it is
	key.Until = key.Until.UTC()
	j.Idempotency = &key
	return in(tx, keyUseBucket).Put(j.KeyName(), j.ID[:])
}

// releaseKey removes the key of a job that is removed, unless a later job has it.
func releaseKey(tx *bbolt.Tx, j *job.Job) error {
	if j.Idempotency == nil {
		return nil
	}
	name := j.KeyName()
	if stored, err := in(tx, keyUseBucket).Get(name); err != nil || !bytes.Equal(stored, j.ID[:]) {
		return layout.Tolerate(tx, err)
	}
	return in(tx, keyUseBucket).Delete(name)
}
