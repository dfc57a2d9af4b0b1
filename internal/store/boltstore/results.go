package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

var (
	// chunkBucket holds the chunks of results, by ID, attempt and index.
	chunkBucket = layout.Chunks("job_chunks", describeChunk)
	// discardBucket names, by ID and attempt, results whose chunks are to be removed a few at a time: a large one would
	// hold up all other writers if it went at once.
	discardBucket = layout.Index("job_chunks_discarded", identified("the removal of the result of job", 0))
)

var errChunkSize = fmt.Errorf("a chunk has from 1 to %d bytes", job.MaxChunk)

// AppendChunks implements job.Store.
func (s *Store) AppendChunks(ctx context.Context, id job.ID, attempt int, first int, chunks [][]byte) error {
	for _, chunk := range chunks {
		if len(chunk) == 0 || len(chunk) > job.MaxChunk {
			return errChunkSize
		}
	}
	if first < 0 || first+len(chunks) > job.MaxChunks {
		return job.ErrMissingChunk
	}
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		if _, err := readRunning(tx, id, attempt); err != nil {
			return boltfile.Refuse(err)
		}
		bucket := in(tx, chunkBucket)
		if first > 0 && !bucket.Has(chunkKey(id, attempt, first-1)) {
			return boltfile.Refuse(job.ErrMissingChunk)
		}
		for i, chunk := range chunks {
			if err := bucket.Put(chunkKey(id, attempt, first+i), chunk); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReadChunk implements job.Store.
func (s *Store) ReadChunk(ctx context.Context, id job.ID, n int, buffer []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return buffer, err
	}
	err := s.View(func(tx *bbolt.Tx) error {
		rec, err := readRecord(tx, id)
		if err != nil {
			return err
		}
		if n < 0 || n >= rec.Result.Chunks {
			return job.ErrNotFound
		}
		key := chunkKey(id, rec.Attempt, n)
		chunk, err := in(tx, chunkBucket).Get(key)
		if err != nil {
			return err
		}
		if chunk == nil {
			return layout.Damaged(chunkBucket, key, "it is not there, although its job has completed")
		}
		buffer = append(buffer, chunk...)
		return nil
	})
	return buffer, err
}

// hasExactly reports whether an attempt has stored n chunks, no fewer and no more.
func hasExactly(tx *bbolt.Tx, id job.ID, attempt, n int) bool {
	bucket := in(tx, chunkBucket)
	return n >= 0 && n <= job.MaxChunks &&
		(n == 0 || bucket.Has(chunkKey(id, attempt, n-1))) && !bucket.Has(chunkKey(id, attempt, n))
}

// discardChunks leaves the chunks of an attempt to Sweep.
func discardChunks(tx *bbolt.Tx, id job.ID, attempt int) error {
	if !in(tx, chunkBucket).Has(chunkKey(id, attempt, 0)) {
		return nil
	}
	return in(tx, discardBucket).Put(resultKey(id, attempt), nil)
}

// Sweep implements job.Store.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (more bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	due := false
	err = s.View(func(tx *bbolt.Tx) error {
		due = in(tx, discardBucket).First() != nil || isDue(tx, expiryBucket, now)
		return nil
	})
	if err != nil || !due {
		return false, err
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		removed := 0
		for ; removed < limit && isDue(tx, expiryBucket, now); removed++ {
			if err := s.expire(tx, bytes.Clone(in(tx, expiryBucket).First()), now); err != nil {
				return err
			}
		}
		chunks, err := removeDiscarded(tx, limit)
		more = removed == limit || chunks == limit
		return err
	})
	return more, err
}

// isDue reports whether the first time in an index has come.
func isDue(tx *bbolt.Tx, index []byte, now time.Time) bool {
	key := in(tx, index).First()
	if key == nil {
		return false
	}
	at, _ := splitTimeKey(key)
	return !at.After(now)
}

// expire removes a job, or puts its removal off while its delivery needs it.
func (s *Store) expire(tx *bbolt.Tx, key []byte, now time.Time) error {
	_, id := splitTimeKey(key)
	if err := in(tx, expiryBucket).Delete(key); err != nil {
		return err
	}
	rec, err := readRecord(tx, id)
	if unreadable(err) {
		s.reportUnreadable(jobBucket, id[:], err)
		return removeDamagedJob(tx, id)
	}
	if err != nil {
		return err
	}
	if until := deliveryNeedsJobUntil(tx, id, now); until.After(now) {
		return in(tx, expiryBucket).Put(timeKey(until, id), nil)
	}
	if err := removeDelivery(tx, id); err != nil {
		return err
	}
	if err := discardChunks(tx, id, rec.Attempt); err != nil {
		return err
	}
	if err := addKept(tx, rec.Company, -rec.kept()); err != nil {
		return err
	}
	if err := releaseKey(tx, &rec.Job); err != nil {
		return err
	}
	if err := removeCompanyEntry(tx, &rec.Job); err != nil {
		return err
	}
	return in(tx, jobBucket).Delete(id[:])
}

// removeDiscarded removes at most limit chunks and returns how many it has removed.
func removeDiscarded(tx *bbolt.Tx, limit int) (removed int, err error) {
	discarded, chunks := in(tx, discardBucket), in(tx, chunkBucket)
	for removed < limit {
		name := discarded.First()
		if name == nil {
			return removed, nil
		}
		id, attempt := splitResultKey(name)
		// The keys follow from the first one that is left, so that no cursor moves over what is being deleted.
		first, _ := chunks.Cursor().Seek(name)
		n := 0
		if belongs(first, name) {
			n = int(binary.BigEndian.Uint32(first[len(name):]))
		}
		for ; removed < limit; n++ {
			key := chunkKey(id, attempt, n)
			if !chunks.Has(key) {
				break
			}
			if err := chunks.Delete(key); err != nil {
				return removed, err
			}
			removed++
		}
		if !chunks.Has(chunkKey(id, attempt, n)) {
			if err := discarded.Delete(resultKey(id, attempt)); err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

func belongs(key, prefix []byte) bool {
	return len(key) == len(prefix)+4 && string(key[:len(prefix)]) == string(prefix)
}

func resultKey(id job.ID, attempt int) []byte {
	key := append(make([]byte, 0, len(id)+8), id[:]...)
	return binary.BigEndian.AppendUint32(key, uint32(attempt))
}

func splitResultKey(key []byte) (id job.ID, attempt int) {
	copy(id[:], key)
	return id, int(binary.BigEndian.Uint32(key[len(id):]))
}

func describeChunk(key []byte) string {
	if len(key) != len(job.ID{})+8 {
		return fmt.Sprintf("a chunk %x of a result", key)
	}
	id, attempt := splitResultKey(key)
	return fmt.Sprintf("chunk %d of the result of job %s (attempt %d)", binary.BigEndian.Uint32(key[len(key)-4:]), id, attempt)
}

func chunkKey(id job.ID, attempt, n int) []byte {
	return binary.BigEndian.AppendUint32(resultKey(id, attempt), uint32(n))
}
