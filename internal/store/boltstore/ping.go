package boltstore

import (
	"context"
	"time"

	"go.etcd.io/bbolt"
)

// pingFor is how long a commit shows that the store can write.
const pingFor = 5 * time.Second

// noteCommit remembers a commit, and tells of it.
func (s *Store) noteCommit(begun time.Time, err error) {
	if err == nil {
		s.wrote.Store(time.Now().UnixNano())
	} else {
		s.wrote.Store(0)
	}
	s.committed(time.Since(begun), err)
}

// Ping reports whether the store can write: it commits a transaction that changes nothing, unless another commit has succeeded
// within the last 5 s. It blocks as any write does. When ctx ends first, the error is ctx's.
func (s *Store) Ping(ctx context.Context) error {
	if time.Since(time.Unix(0, s.wrote.Load())) < pingFor {
		return s.inPlace()
	}
	failed := make(chan error, 1)
	go func() { failed <- s.update(ctx, func(*bbolt.Tx) error { return nil }) }() // once it has begun, it outlives ctx
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// DeliveriesDue implements store.Store.
func (s *Store) DeliveriesDue(ctx context.Context, now time.Time) (due int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		due = 0
		lines, err := deliveryQueue.lines(tx)
		for _, line := range lines {
			due += int(line.waiting)
		}
		if err != nil {
			return err
		}
		// What nobody has put in line yet, since its time has only just come.
		cursor := in(tx, deliveryDueBucket).Cursor()
		for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
			if at, _ := splitTimeKey(key); at.After(now) {
				break
			}
			due++
		}
		return nil
	})
	return due, err
}
