package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// asideRetention is how long the record of a job is kept that cannot be read, so that callers who ask for it are told.
const asideRetention = 24 * time.Hour

// remakeKey, in metaBucket, has the next Open make the indexes anew.
var remakeKey = []byte("remake")

// guarded runs access, which reads the mapped file, and makes an error of a panic of bbolt and of a page that cannot be
// read: the file may have been cut short or damaged since it was opened, and either would end the process.
func guarded(access func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicError{cause, debug.Stack()}
		}
	}()
	return access()
}

// panicError is a panic of bbolt, or of what runs in its transactions.
type panicError struct {
	cause any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("%v: its pages cannot be read: %v", ErrDamaged, e.cause)
}

func (e *panicError) Is(target error) bool { return target == ErrDamaged }

// damageLog remembers which damages were logged, since a poller would repeat them without end.
type damageLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	told map[string]bool
}

const maxTold = 10_000

func (d *damageLog) once(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told[text] || len(d.told) >= maxTold {
		return false
	}
	if d.told == nil {
		d.told = make(map[string]bool)
	}
	d.told[text] = true
	return true
}

// reportDamage logs that something could not be read which others can do without. It returns at once.
func (s *Store) reportDamage(err error) {
	if err == nil || !s.damages.once(err.Error()) {
		return
	}
	attributes := []any{slog.String("file", s.path), slog.Any("error", err)}
	if panicked, ok := errors.AsType[*panicError](err); ok {
		attributes = append(attributes, slog.String("stack", string(panicked.stack)))
	}
	s.damages.log.Error("the store is damaged; what is sound goes on. Restore a backup if the record matters, "+
		"and look at the disk and the memory of this machine", attributes...)
}

// tolerate lets a write go on over a damaged record of an index, which the next Open makes anew.
func tolerate(tx *bbolt.Tx, err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	return in(tx, metaBucket).put(remakeKey, nil)
}

// unreadable reports whether a record cannot be read that an index names, since it is damaged or not there.
func unreadable(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, job.ErrNotFound) || errors.Is(err, callback.ErrNotFound) ||
		errors.Is(err, token.ErrFamilyNotFound)
}

// reportUnreadable is reportDamage for a record that an index names.
func (s *Store) reportUnreadable(bucket, key []byte, err error) {
	if !errors.Is(err, ErrDamaged) {
		err = damaged(bucket, key, "an index names it, and it is not there")
	}
	s.reportDamage(err)
}

// setAside is for a job that was taken out of an index, since its record cannot be read, so that it holds up no other. It
// has it removed later. A caller who asks for it is told meanwhile that its record is damaged.
func (s *Store) setAside(tx *bbolt.Tx, id job.ID, now time.Time, cause error) error {
	s.reportUnreadable(jobBucket, id[:], cause)
	return in(tx, expiryBucket).put(timeKey(now.Add(asideRetention), id), nil)
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
	return in(tx, metaBucket).put(remakeKey, nil) // its company's sums are wrong now
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
